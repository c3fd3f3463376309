import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOutput } from './output.ts'
import { progressOf, waiting } from './progress.ts'

/** What a terminal would be told by work that reports every 50 ms of a clock of its own. */
function told(isTTY: boolean, json: boolean, milliseconds: number): string {
  let text = ''
  let now = 0
  const out = createOutput({ write: () => undefined, isTTY: true }, { write: (more) => (text += more), isTTY }, {})
  const progress = progressOf({ json, out }, 'reading', () => now)
  for (; now < milliseconds; now += 50) progress?.(now / milliseconds)
  progress?.(1)
  return text
}

test('long work tells a terminal how far it is, on one line that goes away', () => {
  const text = told(true, false, 1200)
  assert.equal(text, '\rreading: 83 %\u001b[K\rreading: 91 %\u001b[K\r\u001b[K')
})

test('short work, a pipe and --json see nothing', () => {
  assert.equal(told(true, false, 900), '')
  assert.equal(told(false, false, 5000), '')
  assert.equal(told(true, true, 5000), '')
})

test('waiting passes on what came of the work, and what went wrong', async () => {
  const out = createOutput({ write: () => undefined }, { write: () => undefined, isTTY: true }, {})
  assert.equal(await waiting({ json: false, out }, 'waiting', () => Promise.resolve(7)), 7)
  await assert.rejects(waiting({ json: false, out }, 'waiting', () => Promise.reject(new Error('no'))), /no/)
})
