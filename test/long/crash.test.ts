import { test } from 'node:test'
import { crashLoop } from '../kernel/lib/crashes.ts'

test('killed at 300 points of up, apply, revoke and down: no closed path is open, and the next command completes', async (t) => {
  const seed = Number(process.env['BULKHEAD_SEED'] ?? Date.now() % 1_000_000)
  t.diagnostic(`seed ${seed}`)
  await crashLoop({ rounds: 300, mostMs: Infinity, seed })
})
