import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crashLoop } from './lib/crashes.ts'

test('killed anywhere in a change: no closed path is open, and the next command completes', { timeout: 300_000 }, async (t) => {
  const seed = Date.now() % 1_000_000
  t.diagnostic(`seed ${seed}`)
  const played = await crashLoop({ rounds: 24, mostMs: 20_000, seed })
  t.diagnostic(`${played} rounds`)
  assert.ok(played >= 6, `${played} rounds`)
})
