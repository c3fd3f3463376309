import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { manualClock } from '../base/clock.ts'
import { isFault } from '../base/fault.ts'
import { beginAnew } from './begin-anew.ts'
import { beginning, formatEntry, grantsAfter, readChain, sealed } from './chain.ts'
import { changesFile, headFile, openChangeLog, readChangeLog } from './change-log.ts'
import type { ChangeEvent } from '../host/journal.ts'
import type { ChangeEntry } from './chain.ts'

const events: readonly ChangeEvent[] = [
  { kind: 'up', actor: { uid: 1000, user: 'ada' }, reason: 'CHG-1, approved by grace', opened: ['a/x -> a/y tcp/80 by ServicePolicy a/p'] },
  { kind: 'apply', opened: ['a/x -> a/z tcp/81 by ServicePolicy a/q'], closed: [] },
  { kind: 'drift', details: ['the table was flushed'] },
  { kind: 'revoke', closed: ['a/x -> a/y tcp/80 by ServicePolicy a/p'] },
]

function chainOf(list: readonly ChangeEvent[]): readonly ChangeEntry[] {
  const entries: ChangeEntry[] = []
  for (const event of list) entries.push(sealed(event, entries.at(-1), '2026-11-22T01:00:00.000Z'))
  return entries
}

const entries = chainOf(events)
const text = entries.map((e) => `${formatEntry(e)}\n`).join('')
const head = entries.at(-1)

test('a log that was written line by line reads as it was written', () => {
  const read = readChain(`${text}\n\n\n`, head)
  assert.equal(read.problem, undefined)
  assert.deepEqual(read.entries.map((e) => e.kind), ['up', 'apply', 'drift', 'revoke'])
  assert.equal(read.entries[0]?.previous, beginning)
  assert.equal(read.bytes, Buffer.byteLength(text))
})

test('a change of any character of any line is found', () => {
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.integer({ min: 0x20, max: 0x7e }), (at, code) => {
      const changed = `${text.slice(0, at)}${String.fromCharCode(code)}${text.slice(at + 1)}`
      fc.pre(changed !== text)
      assert.notEqual(readChain(changed, head).problem, undefined, changed)
    }),
    { numRuns: 500 },
  )
})

test('lines that are left out, doubled, swapped or cut off at the end are found', () => {
  const lines = text.trimEnd().split('\n')
  const without = (i: number): string => `${lines.filter((_, j) => j !== i).join('\n')}\n`
  for (const i of lines.keys()) assert.notEqual(readChain(without(i), head).problem, undefined, `without line ${i + 1}`)
  assert.match(readChain(without(3), head).problem?.what ?? '', /1 line is missing at the end/)
  assert.match(readChain('', head).problem?.what ?? '', /4 lines are missing/)
  assert.notEqual(readChain(`${text}${lines[3]}\n`, head).problem, undefined)
  assert.notEqual(readChain(`${[lines[1], lines[0], lines[2], lines[3]].join('\n')}\n`, head).problem, undefined)
})

test('a line that is sealed anew after an edit breaks the line after it, and the last one the note', () => {
  const forged = entries.map((e, i) => (i === 1 ? sealed({ ...events[1], kind: 'apply', reason: 'nothing to see' }, entries[0], e.time) : e))
  assert.deepEqual(readChain(forged.map((e) => `${formatEntry(e)}\n`).join(''), head).problem, { line: 3, what: 'does not follow the line before it' })
  const last = [...entries.slice(0, 3), sealed({ kind: 'up' }, entries[2], '2026-11-22T01:00:00.000Z')]
  assert.deepEqual(readChain(last.map((e) => `${formatEntry(e)}\n`).join(''), head).problem, { line: 4, what: 'is not the line that was noted as the last' })
})

test('one line whose writer was interrupted is no damage; two are', () => {
  const [, second, third] = entries
  assert.equal(readChain(text, third).problem, undefined)
  assert.equal(readChain(text, second).problem?.line, 4)
  assert.equal(readChain(text.slice(0, -20), third).entries.length, 3)
  assert.equal(readChain(text.slice(0, -20), third).problem, undefined)
  assert.match(readChain(text, undefined).problem?.what ?? '', /note of the last line is missing/)
  assert.equal(readChain(text.slice(0, text.indexOf('\n') + 1), undefined).problem, undefined)
})

test('what is open is what was opened and not closed since, and nothing after the end of all', () => {
  assert.deepEqual([...grantsAfter(entries)], ['a/x -> a/z tcp/81 by ServicePolicy a/q'])
  assert.deepEqual([...grantsAfter(chainOf([...events, { kind: 'down' }]))], [])
})

function withFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-log-'))
  try {
    work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('the file is its owner\'s alone, and another writer goes on where the first one stopped', () => withFolder((folder) => {
  const clock = manualClock(Date.parse('2026-11-22T01:00:00Z'))
  const log = openChangeLog(folder, clock.now)
  for (const event of events.slice(0, 2)) log.append(event)
  assert.equal(statSync(join(folder, changesFile)).mode & 0o777, 0o600)
  assert.equal(statSync(join(folder, headFile)).mode & 0o777, 0o600)
  assert.deepEqual([...log.grants()], events.slice(0, 2).flatMap((e) => e.opened ?? []))
  const next = openChangeLog(folder, clock.now)
  for (const event of events.slice(2)) next.append(event)
  next.settle()
  const read = readChangeLog(folder)
  assert.equal(read.problem, undefined)
  assert.deepEqual(read.entries.map((e) => e.kind), events.map((e) => e.kind))
  assert.deepEqual(next.state(), { lines: 4, head: read.entries[3]?.hash, problem: undefined })
}))

test('a line that a crash has cut anywhere, also within a letter, was never written, and the next one takes its place', () => withFolder((folder) => {
  const log = openChangeLog(folder, () => 0)
  for (const event of events) log.append(event)
  const path = join(folder, changesFile)
  const before = readFileSync(path)
  const whole = before.subarray(0, before.indexOf('\n\n') + 1)
  const next = Buffer.from(`${formatEntry(sealed({ kind: 'apply', reason: 'Zoë €' }, readChangeLog(folder).entries.at(-1), '1970-01-01T00:00:00.000Z'))}\n`)
  for (let length = 1; length < next.length - 1; length++) {
    writeFileSync(path, Buffer.concat([whole, next.subarray(0, length), Buffer.alloc(50, '\n')]))
    const { problem, entries: kept } = readChangeLog(folder)
    assert.deepEqual([problem, kept.length], [undefined, 4], `cut after ${length} bytes`)
  }
  writeFileSync(path, Buffer.concat([whole, next.subarray(0, next.indexOf('€') + 1), Buffer.alloc(50, '\n')]))
  const again = openChangeLog(folder, () => 0)
  again.append({ kind: 'drift' })
  assert.deepEqual([readChangeLog(folder).problem, readChangeLog(folder).entries.length], [undefined, 5])
  // Where the cut letter is in a line that was noted, somebody else has cut it.
  const file = readFileSync(path)
  file[file.indexOf('ada') + 1] = 0xc3
  writeFileSync(path, file)
  assert.match(openChangeLog(folder, () => 0).state().problem ?? '', /^line 1 /)
}))

test('a writer notices what another hand does to the file, and writes nothing more', () => withFolder((folder) => {
  const log = openChangeLog(folder, () => 0)
  for (const event of events) log.append(event)
  const path = join(folder, changesFile)
  const before = readFileSync(path, 'utf8')
  writeFileSync(path, before.replace('CHG-1', 'CHG-2'))
  assert.throws(() => log.append({ kind: 'apply' }), (error) => isFault(error) && error.code === 'change-log-broken' && /line 1 is not what its hash says/.test(error.message))
  // Once broken it stays broken for this writer: somebody has to look.
  writeFileSync(path, before)
  assert.match(log.state().problem ?? '', /line 1/)
  assert.throws(() => log.append({ kind: 'apply' }))
  appendFileSync(path, 'x\n')
  assert.notEqual(openChangeLog(folder, () => 0).state().problem, undefined)
}))

test('a log cut back to an older state is found, with and without its note', () => withFolder((folder) => {
  const log = openChangeLog(folder, () => 0)
  log.append({ kind: 'up' })
  const [path, note] = [join(folder, changesFile), join(folder, headFile)]
  const old = [readFileSync(path), readFileSync(note)] as const
  log.append({ kind: 'apply' })
  writeFileSync(path, old[0])
  assert.match(readChangeLog(folder).problem?.what ?? '', /1 line is missing/)
  // Both at once look well to a new reader; not to who has written them.
  writeFileSync(note, old[1])
  assert.equal(readChangeLog(folder).problem, undefined)
  assert.throws(() => log.append({ kind: 'apply' }), (error) => isFault(error) && error.code === 'change-log-broken')
}))

test('what cannot be written is refused, and the log is as it was', () => withFolder((folder) => {
  const log = openChangeLog(folder, () => 0)
  log.append({ kind: 'up' })
  const before = readFileSync(join(folder, changesFile))
  // A folder where the note belongs cannot be replaced by a file.
  for (const end of ['', '.spare']) rmSync(join(folder, `${headFile}${end}`), { force: true })
  mkdirSync(join(folder, headFile, 'in-the-way'), { recursive: true })
  assert.throws(() => log.append({ kind: 'apply' }), (error) => isFault(error) && error.code === 'change-log-unwritable')
  assert.deepEqual(readFileSync(join(folder, changesFile)), before)
}))

test('a line that was begun and not finished is no line, and the next one takes its place', () => withFolder((folder) => {
  const log = openChangeLog(folder, () => 0)
  log.append({ kind: 'up' })
  const path = join(folder, changesFile)
  const whole = readFileSync(path, 'utf8')
  const end = whole.trimEnd().length + 1
  writeFileSync(path, `${whole.slice(0, end)}{"kind":"apply","details":["${'long '.repeat(500)}`)
  chmodSync(path, 0o600)
  assert.equal(readChangeLog(folder).problem, undefined)
  openChangeLog(folder, () => 0).append({ kind: 'down' })
  const read = readChangeLog(folder)
  assert.equal(read.problem, undefined)
  assert.deepEqual(read.entries.map((e) => e.kind), ['up', 'down'])
}))

test('a broken log is put away whole, the next one begins with its hash, and the writer that had stopped goes on', () => withFolder((folder) => {
  const log = openChangeLog(folder, () => 0)
  for (const event of events.slice(0, 2)) log.append(event)
  assert.throws(() => beginAnew(folder, { uid: 1, user: 'ada' }, 'why', () => 0), /is not broken/)
  const path = join(folder, changesFile)
  const broken = readFileSync(path, 'utf8').replace('CHG-1', 'CHG-2')
  writeFileSync(path, broken)
  assert.throws(() => log.append({ kind: 'apply' }))
  const aside = beginAnew(folder, { uid: 1, user: 'ada' }, 'looked at', () => 0)
  assert.equal(readFileSync(aside, 'utf8'), broken)
  log.append({ kind: 'apply', opened: ['a/x -> a/y udp/1 by ServicePolicy a/r'] })
  const { entries: next, problem } = readChangeLog(folder)
  assert.equal(problem, undefined)
  assert.deepEqual(next.map((e) => [e.kind, e.reason]), [['begin', 'looked at'], ['apply', undefined]])
  assert.ok(next[0]?.details?.some((d) => d.endsWith(createHash('sha256').update(broken).digest('hex'))))
  assert.deepEqual([...log.grants()], ['a/x -> a/y udp/1 by ServicePolicy a/r'])
}))
