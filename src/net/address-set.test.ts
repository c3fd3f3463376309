import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addressesOverlap,
  addressesWithin,
  addressSet,
  firstAddress,
  intersectAddresses,
  noAddresses,
  setContains,
  subtractAddresses,
  toPrefixes,
  unionAddresses,
} from './address-set.ts'
import { addressFromBits } from './address.ts'
import { addresses, addressSets, prefixes } from './arbitraries.ts'
import { formatPrefix, prefix, prefixContains } from './prefix.ts'
import { reservedAddresses } from './reserved.ts'

const everything = addressSet([prefix('0.0.0.0/0'), prefix('::/0')])

test('a set contains exactly what one of its prefixes contains', () => {
  fc.assert(
    fc.property(fc.array(prefixes, { maxLength: 6 }), addresses, (list, address) => {
      assert.equal(setContains(addressSet(list), address), list.some((p) => prefixContains(p, address)))
    }),
  )
})

test('union, intersection and difference mean what they mean for every address', () => {
  fc.assert(
    fc.property(addressSets, addressSets, addresses, (a, b, address) => {
      const inA = setContains(a, address)
      const inB = setContains(b, address)
      assert.equal(setContains(unionAddresses(a, b), address), inA || inB)
      assert.equal(setContains(intersectAddresses(a, b), address), inA && inB)
      assert.equal(setContains(subtractAddresses(a, b), address), inA && !inB)
    }),
  )
})

test('equal sets have one form, so the laws of sets hold as equalities', () => {
  fc.assert(
    fc.property(addressSets, addressSets, addressSets, (a, b, c) => {
      assert.deepEqual(unionAddresses(a, b), unionAddresses(b, a))
      assert.deepEqual(unionAddresses(a, unionAddresses(b, c)), unionAddresses(unionAddresses(a, b), c))
      assert.deepEqual(intersectAddresses(a, b), intersectAddresses(b, a))
      assert.deepEqual(
        intersectAddresses(a, unionAddresses(b, c)),
        unionAddresses(intersectAddresses(a, b), intersectAddresses(a, c)),
      )
      assert.deepEqual(subtractAddresses(a, unionAddresses(b, c)), intersectAddresses(subtractAddresses(a, b), subtractAddresses(a, c)))
      assert.deepEqual(unionAddresses(subtractAddresses(a, b), intersectAddresses(a, b)), a)
      assert.deepEqual(subtractAddresses(everything, subtractAddresses(everything, a)), a)
      assert.deepEqual(subtractAddresses(a, a), noAddresses)
    }),
  )
})

test('overlap and containment agree with the operations', () => {
  fc.assert(
    fc.property(addressSets, addressSets, (a, b) => {
      assert.equal(addressesOverlap(a, b), intersectAddresses(a, b).length > 0)
      assert.equal(addressesWithin(a, b), subtractAddresses(a, b).length === 0)
      assert.ok(addressesWithin(intersectAddresses(a, b), a))
    }),
  )
})

test('the prefixes of a set cover it exactly, are disjoint, and none could be merged with its neighbour', () => {
  fc.assert(
    fc.property(addressSets, addressSets, (a, b) => {
      const set = subtractAddresses(a, b)
      const list = toPrefixes(set)
      assert.deepEqual(addressSet(list), set)
      for (const [i, p] of list.entries()) {
        const next = list[i + 1]
        if (next === undefined || next.family !== p.family) continue
        assert.ok(next.bits > p.bits)
        const mergeable = next.length === p.length && p.length > 0 && p.bits >> hostBits(p) === next.bits >> hostBits(p)
        assert.ok(!mergeable, `${formatPrefix(p)} and ${formatPrefix(next)} are one`)
      }
    }),
  )
})

function hostBits(p: { readonly family: 4 | 6; readonly length: number }): bigint {
  return BigInt((p.family === 4 ? 32 : 128) - p.length + 1)
}

test('neighbouring prefixes become one range, and the families never touch', () => {
  assert.deepEqual(addressSet([prefix('10.0.1.0/24'), prefix('10.0.0.0/24')]), addressSet([prefix('10.0.0.0/23')]))
  assert.equal(everything.length, 2)
})

test('the first address of a set is in it, and the empty set has none', () => {
  assert.equal(firstAddress(noAddresses), undefined)
  fc.assert(
    fc.property(addressSets, (set) => {
      const first = firstAddress(set)
      assert.equal(first === undefined, set.length === 0)
      if (first !== undefined) assert.ok(setContains(set, first))
    }),
  )
})

test('loopback, link-local, metadata, multicast and mapped addresses are reserved; private and public ones are not', () => {
  for (const bits of [0n, 0x7f00_0001n, 0xa9fe_a9fen, 0xe000_0001n, 0xffff_ffffn]) assert.ok(setContains(reservedAddresses, addressFromBits(4, bits)))
  for (const bits of [0n, 1n, 0xffff_0a00_0001n, 0xfe80n << 112n, 0xff02n << 112n]) assert.ok(setContains(reservedAddresses, addressFromBits(6, bits)))
  for (const bits of [0x0a00_0001n, 0xc0a8_0101n, 0x0808_0808n]) assert.ok(!setContains(reservedAddresses, addressFromBits(4, bits)))
  assert.ok(!setContains(reservedAddresses, addressFromBits(6, 0x2001_0db8n << 96n)))
})
