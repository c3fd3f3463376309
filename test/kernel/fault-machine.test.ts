import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crashLoop } from './lib/crashes.ts'
import { openMachine } from './lib/machine.ts'
import { seed } from '../support/seed.ts'

const skip = process.getuid?.() !== 0 ? 'needs root: a machine is set up by root alone' : false

test('on a machine, killed anywhere in a change: no closed path is open, and the next command completes', { timeout: 300_000, skip }, async (t) => {
  t.diagnostic(`seed ${seed}`)
  const machine = await openMachine()
  try {
    const played = await crashLoop({ rounds: 24, mostMs: 20_000, seed, house: machine })
    t.diagnostic(`${played} rounds`)
    assert.ok(played >= 6, `${played} rounds`)
  } finally {
    await machine.end()
  }
})
