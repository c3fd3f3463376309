import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addresses, prefixes } from './arbitraries.ts'
import { addressFromBits, isMappedAddress, formatAddress } from './address.ts'
import { formatPrefix, lastBits, parsePrefix, prefix, prefixContains, prefixOf } from './prefix.ts'

test('a prefix that is printed and parsed again is the same prefix', () => {
  fc.assert(
    fc.property(prefixes, (value) => {
      if (isMappedAddress(formatAddress(addressFromBits(value.family, value.bits)))) return
      assert.deepEqual(parsePrefix(formatPrefix(value)), value)
    }),
  )
})

test('a prefix contains its first and its last address and neither neighbour', () => {
  fc.assert(
    fc.property(prefixes, (value) => {
      const space = 1n << (value.family === 4 ? 32n : 128n)
      const inside = (bits: bigint): boolean => prefixContains(value, addressFromBits(value.family, bits))
      assert.ok(inside(value.bits))
      assert.ok(inside(lastBits(value)))
      if (value.bits > 0n) assert.ok(!inside(value.bits - 1n))
      if (lastBits(value) + 1n < space) assert.ok(!inside(lastBits(value) + 1n))
    }),
  )
})

test('an address is in the prefix of any length that is made from it', () => {
  fc.assert(
    fc.property(addresses, fc.nat(128), (address, n) => {
      assert.ok(prefixContains(prefixOf(address, Math.min(n, address.family === 4 ? 32 : 128)), address))
    }),
  )
})

test('a prefix never contains an address of the other family', () => {
  assert.ok(!prefixContains(prefix('0.0.0.0/0'), addressFromBits(6, 1n)))
  assert.ok(!prefixContains(prefix('::/0'), addressFromBits(4, 1n)))
})

test('a bare address is a prefix of one address', () => {
  assert.equal(formatPrefix(prefix('192.0.2.7')), '192.0.2.7/32')
  assert.equal(formatPrefix(prefix('2001:db8::7')), '2001:db8::7/128')
})

test('host bits are refused with the prefix that was probably meant', () => {
  assert.deepEqual(parsePrefix('10.1.2.3/8'), { kind: 'host-bits', meant: '10.0.0.0/8' })
  assert.deepEqual(parsePrefix('2001:db8::1/32'), { kind: 'host-bits', meant: '2001:db8::/32' })
})

test('an IPv4-mapped prefix is refused as such', () => {
  assert.deepEqual(parsePrefix('::ffff:10.0.0.0/104'), { kind: 'mapped' })
  assert.deepEqual(parsePrefix('::ffff:0:0/96'), { kind: 'mapped' })
})

for (const text of ['10.0.0.0/33', '2001:db8::/129', '10.0.0.0/08', '10.0.0.0/', '/8', '10.0.0.0/-1', '10/8', '10.0.0.0/8/8', 'any', '']) {
  test(`\`${text}\` is not a prefix`, () => {
    assert.deepEqual(parsePrefix(text), { kind: 'malformed' })
  })
}
