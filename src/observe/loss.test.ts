import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readBatch } from './batch.ts'
import { hostIndex } from './host-index.ts'
import { lost, noLoss, sawCounter, sawSequence, settle } from './loss.ts'
import { mergeAbove } from './merge.ts'
import { allowedLine, deniedLine, smallContext } from './testing.ts'
import type { LossState } from './loss.ts'

const context = smallContext()
const host = hostIndex(context.platform, context.inventory, context.ids)

function saw(...sequences: readonly number[]): LossState {
  return sequences.reduce((state, sequence) => sawSequence(state, sequence), noLoss)
}

test('gaps in the kernel\'s numbers are losses', () => {
  assert.equal(lost(saw(0, 1, 2)), 0)
  assert.equal(lost(saw(0, 1, 5, 6, 9)), 5)
})

test('numbers run over at 32 bits without a loss', () => {
  assert.equal(lost(saw(0xffff_fffe, 0xffff_ffff, 0, 1)), 0)
  assert.equal(lost(saw(0xffff_fffe, 1)), 2)
})

test('a new ulogd counts from 0 again', () => {
  assert.equal(lost(saw(7, 8, 0, 1)), 0)
  assert.equal(lost(saw(7, 8, 2, 3)), 2)
})

test('whatever is dropped from a run of numbers is counted exactly, up to the last one read', () => {
  fc.assert(fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 200 }), fc.nat(0xffff_ffff), (kept, first) => {
    const sequences = [true, ...kept, true].flatMap((keep, i) => (keep ? [(first + i) % 2 ** 32] : []))
    const state = saw(...sequences)
    assert.equal(state.recorded + lost(state), kept.length + 2)
  }))
})

test('the counter shows what no number can: refusals while nothing listened', () => {
  let state = sawCounter(noLoss, 100)
  state = sawSequence(state, 0)
  state = settle(sawCounter(state, 105))
  assert.equal(lost(state), 4)
  state = settle(sawSequence(state, 1))
  assert.equal(lost(state), 3, 'a record that came late is no loss')
})

test('a counter that was made anew counts on', () => {
  let state = sawCounter(sawCounter(noLoss, 10), 30)
  state = sawCounter(state, 5)
  assert.equal(state.counted, 25)
})

test('under load identical refusals are merged, and the counts still add up to the packets', () => {
  const lines = Array.from({ length: mergeAbove + 100 }, (_, i) => deniedLine({ 'oob.seq.local': i, src_port: 1024 + i, dest_port: 5000 + (i % 3), 'oob.time.usec': i }))
  const { records, loss } = readBatch([...lines, 'garbage'], [allowedLine()], host, () => undefined, noLoss)
  const refusals = records.filter((r) => r.verdict === 'deny')
  assert.equal(refusals.length, 3)
  assert.equal(refusals.reduce((sum, r) => sum + r.count, 0), lines.length)
  assert.equal(loss.recorded, lines.length)
  const [first] = refusals
  assert.match(first?.time ?? '', /\.000000Z$/)
  assert.match(first?.until ?? '', /\.000297Z$/)
  assert.equal(first?.sourcePort, undefined)
})

test('without load every packet has its own record', () => {
  const lines = Array.from({ length: mergeAbove }, (_, i) => deniedLine({ 'oob.seq.local': i }))
  const batch = readBatch(lines, ['garbage', allowedLine()], host, () => undefined, noLoss)
  assert.equal(batch.records.length, mergeAbove + 1)
  assert.equal(batch.malformed, 1)
  assert.equal(batch.connections, 1)
})
