import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { noLoss } from './loss.ts'
import { readRecords, unreadBytes } from './read.ts'
import { openStore, readStats, verdictsFile } from './store.ts'
import type { PositionRecord, StoredRecord } from './store.ts'

const limits = { fileBytes: 1_000_000, keptFiles: 3 }

async function inFolder(body: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-store-'))
  try {
    await body(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function record(lost: number): StoredRecord {
  return { kind: 'loss', time: '2026-11-21T19:27:34.000000Z', of: 'denied', lost }
}

function position(offset: number): PositionRecord {
  return { kind: 'position', denied: { inode: 1, offset }, allowed: { inode: 2, offset: 0 }, loss: { ...noLoss, recorded: offset } }
}

async function read(folder: string): Promise<number[]> {
  const out: number[] = []
  for await (const line of readRecords(folder, { follow: false, signal: new AbortController().signal })) {
    if (line !== 'caught-up' && line.kind === 'loss') out.push(line.lost ?? -1)
  }
  return out
}

test('a batch that a crash left unfinished is cut off, and the position before it comes back', () => inFolder(async (folder) => {
  const store = openStore(folder, limits)
  assert.equal(store.recovered, undefined)
  store.append([record(1), record(2)], position(20))
  store.close()
  appendFileSync(join(folder, verdictsFile), `${JSON.stringify(record(3))}\n{"kind":"loss","ti`)
  const again = openStore(folder, limits)
  assert.deepEqual(again.recovered, position(20))
  again.append([record(3)], position(30))
  again.close()
  assert.deepEqual(await read(folder), [1, 2, 3])
}))

test('files are put aside at their limit, the oldest goes, and the position outlives them', () => inFolder(async (folder) => {
  const store = openStore(folder, { fileBytes: 1_000, keptFiles: 3 })
  for (let i = 0; i < 100; i++) store.append([record(i)], position(i))
  store.close()
  assert.deepEqual(readdirSync(folder).sort(), ['verdicts.jsonl', 'verdicts.jsonl.1', 'verdicts.jsonl.2', 'verdicts.jsonl.3'])
  const left = await read(folder)
  assert.ok(left.length < 30 && left.length > 5)
  assert.deepEqual(left, Array.from({ length: left.length }, (_, i) => 100 - left.length + i))
  assert.deepEqual(openStore(folder, limits).recovered, position(99))
}))

test('a position is found behind a batch larger than any window', () => inFolder((folder) => {
  const store = openStore(folder, { fileBytes: 1e9, keptFiles: 1 })
  store.append([], position(1))
  store.close()
  appendFileSync(join(folder, verdictsFile), `${JSON.stringify(record(1))}\n`.repeat(40_000))
  const again = openStore(folder, limits)
  assert.deepEqual(again.recovered, position(1))
  again.close()
}))

test('records are readable by their owner only', () => inFolder((folder) => {
  openStore(folder, limits).close()
  assert.equal(statSync(join(folder, verdictsFile)).mode & 0o777, 0o600)
}))

test('a reader follows across files that are put aside, and stops when asked', () => inFolder(async (folder) => {
  const store = openStore(folder, { fileBytes: 2_000, keptFiles: 3 })
  store.append([record(0)], position(0))
  const stop = new AbortController()
  const got: number[] = []
  let written = 1
  const timer = setInterval(() => {
    store.append([record(written++)], position(0))
    if (written > 40) clearInterval(timer)
  }, 5)
  for await (const line of readRecords(folder, { follow: true, signal: stop.signal })) {
    if (line === 'caught-up' || line.kind !== 'loss') continue
    got.push(line.lost ?? -1)
    if (got.length === 41) stop.abort()
  }
  store.close()
  assert.deepEqual(got, Array.from({ length: 41 }, (_, i) => i))
}))

test('what damage leaves in the files is passed over', () => inFolder(async (folder) => {
  writeFileSync(join(folder, verdictsFile), `null\n[]\n\u001b[2J\n{"kind":"other"}\n${JSON.stringify(record(5))}\n\0\0\n`)
  assert.deepEqual(await read(folder), [5])
  writeFileSync(join(folder, 'stats.json'), '{"at":"yesterday"}')
  assert.equal(readStats(folder), undefined)
}))

test('bytes that no record tells of yet are counted from the position on', () => inFolder((folder) => {
  writeFileSync(join(folder, 'denied.json'), 'x'.repeat(100))
  const inode = statSync(join(folder, 'denied.json')).ino
  assert.equal(unreadBytes(folder, undefined), 100)
  assert.equal(unreadBytes(folder, { ...position(0), denied: { inode, offset: 60 } }), 40)
  assert.equal(readFileSync(join(folder, 'denied.json')).length, 100)
}))
