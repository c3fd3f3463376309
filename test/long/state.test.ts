import assert from 'node:assert/strict'
import { test } from 'node:test'
import { garbage, gone, half, set, survives } from '../kernel/lib/damage.ts'
import { withInstance } from '../kernel/lib/instance.ts'

const files = ['ids.json', 'slots.json', 'applied.json', 'inventory.json', 'sandbox.json', 'processes.json', 'agent.json', 'clock.json', 'outside.json']

for (const file of files) {
  test(`${file} half-written, overwritten or lost: nothing opens, and \`down\` and \`up\` make it good`, async () => {
    await withInstance(async (i) => {
      for (const damage of [half, garbage, gone]) await survives(i, file, damage)
      assert.equal((await i.up(set)).applied, true)
      assert.equal((await i.verify()).good, true)
    })
  })
}
