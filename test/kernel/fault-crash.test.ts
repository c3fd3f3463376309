import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crashLoop } from './lib/crashes.ts'
import { seed } from '../support/seed.ts'

test('killed anywhere in a change: no closed path is open, and the next command completes', { timeout: 300_000 }, async (t) => {
  t.diagnostic(`seed ${seed}`)
  const played = await crashLoop({ rounds: 24, mostMs: 20_000, seed })
  t.diagnostic(`${played} rounds`)
  assert.ok(played >= 6, `${played} rounds`)
})
