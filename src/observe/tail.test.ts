import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { drainingSuffix, openTail } from './tail.ts'
import type { Tail } from './tail.ts'

const name = 'raw.json'

function inFolder(body: (folder: string, path: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-tail-'))
  try {
    body(folder, join(folder, name))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function readAll(tail: Tail): string[] {
  const lines: string[] = []
  for (;;) {
    const chunk = tail.read()
    lines.push(...chunk.lines)
    if (!chunk.more) return lines
  }
}

test('a line is given out when it is whole', () => inFolder((folder, path) => {
  const tail = openTail(folder, name)
  assert.deepEqual(readAll(tail), [])
  writeFileSync(path, 'one\ntw')
  assert.deepEqual(readAll(tail), ['one'])
  appendFileSync(path, 'o\n')
  assert.deepEqual(readAll(tail), ['two'])
  tail.close()
}))

test('a position leads on where whole lines ended', () => inFolder((folder, path) => {
  writeFileSync(path, 'one\ntw')
  const before = openTail(folder, name)
  readAll(before)
  const position = before.position()
  before.close()
  appendFileSync(path, 'o\nthree\n')
  const tail = openTail(folder, name, position)
  assert.deepEqual(readAll(tail), ['two', 'three'])
  tail.close()
}))

test('rotation loses nothing: the renamed file is read to its end first', () => inFolder((folder, path) => {
  writeFileSync(path, 'one\n')
  const tail = openTail(folder, name)
  readAll(tail)
  assert.equal(tail.rotate(), true)
  appendFileSync(path + drainingSuffix, 'two\n')
  assert.deepEqual(readAll(tail), ['two'])
  assert.equal(tail.rotate(), false, 'one at a time')
  appendFileSync(path + drainingSuffix, 'three\n')
  writeFileSync(path, 'four\n')
  assert.deepEqual(readAll(tail), ['three', 'four'])
  assert.equal(existsSync(path + drainingSuffix), false)
  tail.close()
}))

test('a reader that died between renaming and reading is followed by one that goes on', () => inFolder((folder, path) => {
  writeFileSync(path, 'one\n')
  const dead = openTail(folder, name)
  readAll(dead)
  const position = dead.position()
  dead.rotate()
  dead.close()
  appendFileSync(path + drainingSuffix, 'two\n')
  writeFileSync(path, 'three\n')
  const tail = openTail(folder, name, position)
  assert.deepEqual(readAll(tail), ['two', 'three'])
  tail.close()
}))

test('a file that was cut short is read from its start', () => inFolder((folder, path) => {
  writeFileSync(path, 'one\ntwo\n')
  const tail = openTail(folder, name)
  readAll(tail)
  truncateSync(path, 0)
  appendFileSync(path, 'new\n')
  assert.deepEqual(readAll(tail), ['new'])
  tail.close()
}))

test('a line without end costs bounded memory and one broken line', () => inFolder((folder, path) => {
  writeFileSync(path, `${'x'.repeat(3_000_000)}\nafter\n`)
  const tail = openTail(folder, name)
  let broken = 0
  const lines: string[] = []
  for (;;) {
    const chunk = tail.read()
    broken += chunk.broken
    lines.push(...chunk.lines)
    if (!chunk.more) break
  }
  assert.deepEqual(lines, ['after'])
  assert.equal(broken, 1)
  tail.close()
}))

test('however writes, reads, rotations and restarts are mixed, every line comes once and in order', () => {
  const step = fc.oneof({ weight: 4, arbitrary: fc.constant('write') }, fc.constantFrom('read', 'rotate', 'reopen', 'restart'))
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => inFolder((folder, path) => {
    let written = 0
    let writer = path
    const got: string[] = []
    let tail = openTail(folder, name)
    for (const what of steps) {
      if (what === 'write') appendFileSync(writer, `${written++}\n`)
      else if (what === 'read') got.push(...tail.read().lines)
      else if (what === 'rotate') {
        if (tail.rotate()) writer = path + drainingSuffix
      } else if (what === 'reopen') {
        // As after SIGHUP: the new file is there before anything is written to it.
        if (writer !== path) writeFileSync(path, '')
        writer = path
      } else {
        const position = tail.position()
        tail.close()
        tail = openTail(folder, name, position)
      }
    }
    if (writer !== path) writeFileSync(path, '')
    for (let i = 0; i < 3; i++) got.push(...readAll(tail))
    tail.close()
    assert.deepEqual(got, Array.from({ length: written }, (_, i) => String(i)))
  })), { numRuns: 300 })
})
