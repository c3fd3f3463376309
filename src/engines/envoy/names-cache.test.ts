import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyPlatform } from '../../model/testing.ts'
import { inventoryOf } from './testing.ts'
import { nameClusters, resolution } from './upstream-names.ts'

test('a cache of names with other settings has another name, because a running Envoy refuses them under the old one', () => {
  const inventory = inventoryOf(emptyPlatform())
  const [first] = inventory.resolver.addresses
  assert.ok(first !== undefined && inventory.resolver.addresses.length > 1)
  const moved = { ...inventory, resolver: { ...inventory.resolver, addresses: [first] } }
  assert.match(String(resolution(inventory)['name']), /^names:[0-9a-f]{16}$/)
  assert.deepEqual(resolution(inventory), resolution(inventory))
  assert.notEqual(resolution(moved)['name'], resolution(inventory)['name'])
})

test('the cluster and the chains that lead to it name one cache', () => {
  const inventory = inventoryOf(emptyPlatform())
  assert.match(JSON.stringify(nameClusters(inventory, undefined)), new RegExp(`"${String(resolution(inventory)['name'])}"`))
})
