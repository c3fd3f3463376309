import { test } from 'node:test'
import { crashLoop } from '../kernel/lib/crashes.ts'
import { openMachine } from '../kernel/lib/machine.ts'
import { seed } from '../support/seed.ts'
import { times } from './length.ts'

test('killed at 300 points of up, apply, revoke and down: no closed path is open, and the next command completes', async (t) => {
  const began = performance.now()
  t.diagnostic(`seed ${seed}`)
  const played = await crashLoop({ rounds: times(300), mostMs: Infinity, seed })
  t.diagnostic(`${played} rounds, ${((performance.now() - began) / played / 1000).toFixed(2)} s each`)
})

const skip = process.getuid?.() !== 0 ? 'needs root: a machine is set up by root alone' : false

test('the same on a machine, at 40 points', { skip }, async (t) => {
  const began = performance.now()
  t.diagnostic(`seed ${seed}`)
  const machine = await openMachine()
  try {
    const played = await crashLoop({ rounds: times(40), mostMs: Infinity, seed, house: machine })
    t.diagnostic(`${played} rounds, ${((performance.now() - began) / played / 1000).toFixed(2)} s each`)
  } finally {
    await machine.end()
  }
})
