import assert from 'node:assert/strict'
import { test } from 'node:test'
import { race } from './lib/race.ts'

test('200 workloads that try a closed path in their first instruction: none succeeds, and the allowed path works at once', async (t) => {
  const { starts, breaches, late, reachedMs } = await race(200, 40)
  const median = reachedMs[Math.floor(reachedMs.length / 2)] ?? Infinity
  t.diagnostic(`${starts} starts, allowed path after ${median.toFixed(1)} ms (median), ${reachedMs.at(-1)?.toFixed(1)} ms (longest)`)
  assert.equal(breaches, 0)
  assert.equal(late, 0, 'the first attempt on the allowed path succeeds')
  assert.ok(median < 100, `${median} ms`)
})
