import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressSet } from '../net/address-set.ts'
import { formatAddress } from '../net/address.ts'
import { prefix } from '../net/prefix.ts'
import { assignSlots, noSlots, slotAddress, slotsFromJson, slotsToJson } from './slots.ts'

test('a slot is never given to another, whatever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e')), { minLength: 1 }), (generations) => {
      let table = noSlots
      const owner = new Map<number, string>()
      for (const wanted of generations) {
        const before = table
        table = assignSlots(table, wanted)
        for (const [key, slot] of table.slots) {
          const kept = before.slots.get(key)
          if (kept !== undefined) assert.equal(slot, kept)
          else assert.equal(owner.has(slot), false)
          owner.set(slot, key)
        }
      }
    }),
  )
})

test('slots survive being written down', () => {
  const table = assignSlots(noSlots, ['b', 'a'])
  assert.deepEqual(slotsFromJson(JSON.parse(JSON.stringify(slotsToJson(table)))), table)
})

test('addresses are counted from the start of the pool, in both families', () => {
  const pool = addressSet([prefix('10.128.0.0/16'), prefix('fdbb:1::/64')])
  assert.equal(formatAddress(slotAddress(pool, 4, 1)), '10.128.0.17')
  assert.equal(formatAddress(slotAddress(pool, 6, 1)), 'fdbb:1::11')
})

test('a pool that is used up is an error, not an address of somebody else', () => {
  const pool = addressSet([prefix('10.0.0.0/27'), prefix('fd00::/64')])
  assert.throws(() => slotAddress(pool, 4, 15), /no IPv4 address left/)
  assert.throws(() => slotAddress(addressSet([prefix('10.0.0.0/8')]), 6, 1), /no IPv6 address left/)
})
