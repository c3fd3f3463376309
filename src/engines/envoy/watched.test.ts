import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everything, intentOf, inventoryOf } from './testing.ts'
import { ownWatches, renderWithin } from './watched.ts'
import { render } from './render.ts'

const platform = everything()
const intent = intentOf(platform)
const inventory = inventoryOf(platform)
const within = (instances: number, shared = false) => renderWithin(platform, intent, inventory, { now: 0 }, { instances, shared })
const whole = render(platform, intent, inventory, { now: 0 })
const count = (side: 'outbound' | 'inbound', of = whole): number => of[side].needs.length + ownWatches
const most = Math.max(count('outbound'), count('inbound'))

test('what the kernel grants watches for is rendered as it is', () => {
  for (const artefacts of [within(most), within(count('outbound') + count('inbound'), true), renderWithin(platform, intent, inventory, { now: 0 }, undefined)]) {
    assert.deepEqual(artefacts.inbound.files, whole.inbound.files)
    assert.deepEqual(artefacts.refused, [])
  }
})

test('what is beyond is refused by name, as late in the order of names as can be, and asks for no secret', () => {
  let before = new Set<string>()
  for (const instances of [0, ownWatches, 6, 10, most - 1]) {
    const artefacts = within(instances)
    const open = new Set([...artefacts.outbound.rules.values(), ...artefacts.inbound.rules.values()].flat())
    assert.ok(artefacts.refused.length > 0 && artefacts.refused.every(({ code, path }) => code === 'secret-files' && intent.paths.includes(path)), String(instances))
    assert.ok(artefacts.outbound.needs.length + ownWatches <= Math.max(instances, ownWatches) && artefacts.inbound.needs.length + ownWatches <= Math.max(instances, ownWatches), String(instances))
    const secret = new Set([...open].filter((document) => !document.startsWith('EgressPolicy')))
    assert.ok([...before].every((document) => secret.has(document)), 'more watches open what fewer did, and more')
    before = secret
  }
})

test('names outside need no secret, and stay', () => {
  assert.deepEqual([...within(0).outbound.rules.values()].flat().filter((document) => !document.startsWith('EgressPolicy')), [])
  assert.ok(within(0).outbound.rules.size > 0)
})

test('both gateways of one user share what is granted', () => {
  const { outbound, inbound, refused } = within(most, true)
  assert.ok(refused.length > 0)
  assert.ok(outbound.needs.length + inbound.needs.length + 2 * ownWatches <= most)
})
