import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { half, set, survives, gone } from './lib/damage.ts'
import { withInstance } from './lib/instance.ts'

test('numbers and namespaces that are lost or damaged: nothing opens, and `down` and `up` make it good', async () => {
  await withInstance(async (i) => {
    await survives(i, 'ids.json', half)
    assert.ok(existsSync(join(i.state, 'default', 'ids.json.damaged')), 'what cannot be read is put aside')
    await survives(i, 'slots.json', gone)
    await survives(i, 'sandbox.json', half)
    assert.equal((await i.up(set)).applied, true)
  })
})
