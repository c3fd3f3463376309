import assert from 'node:assert/strict'
import { test } from 'node:test'
import { race } from '../kernel/lib/race.ts'
import { times } from './length.ts'

test('5,000 workloads that try a closed path in their first instruction: none succeeds', async (t) => {
  const wanted = times(5_000)
  const { starts, breaches, late, reachedMs } = await race(wanted, 50)
  const at = (share: number): string => (reachedMs[Math.min(reachedMs.length - 1, Math.floor(reachedMs.length * share))] ?? Infinity).toFixed(1)
  t.diagnostic(`${starts} starts, allowed path after ${at(0.5)} ms (median), ${at(0.99)} ms (99 %), ${at(1)} ms (longest)`)
  assert.equal(starts, wanted)
  assert.equal(breaches, 0)
  assert.equal(late, 0)
  assert.ok(Number(at(0.5)) < 100)
})
