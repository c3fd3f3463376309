import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addresses } from './arbitraries.ts'
import { addressFromBits, formatAddress, isMappedAddress, parseAddress } from './address.ts'

test('an address that is printed and parsed again is the same address', () => {
  fc.assert(
    fc.property(addresses, (address) => {
      const text = formatAddress(address)
      if (isMappedAddress(text)) return
      assert.deepEqual(parseAddress(text), address)
    }),
  )
})

test('an IPv6 address has one spelling', () => {
  for (const text of ['2001:DB8:0:0:0:0:0:1', '2001:db8::1', '2001:0db8::0001']) {
    const parsed = parseAddress(text)
    assert.ok(parsed)
    assert.equal(formatAddress(parsed), '2001:db8::1')
  }
})

test('the first and last address of each family print as they should', () => {
  assert.equal(formatAddress(addressFromBits(4, 0n)), '0.0.0.0')
  assert.equal(formatAddress(addressFromBits(4, (1n << 32n) - 1n)), '255.255.255.255')
  assert.equal(formatAddress(addressFromBits(6, 0n)), '::')
  assert.equal(formatAddress(addressFromBits(6, (1n << 128n) - 1n)), 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
})

const refused: readonly (readonly [string, string])[] = [
  ['an IPv4-mapped IPv6 address', '::ffff:10.0.0.1'],
  ['an IPv4-mapped IPv6 address in hexadecimal', '::ffff:0a00:1'],
  ['a zone', 'fe80::1%eth0'],
  ['a short IPv4 form', '10.1'],
  ['an octal-looking IPv4 form', '010.0.0.1'],
  ['a hexadecimal IPv4 form', '0x0a.0.0.1'],
  ['a number', '167772161'],
  ['an octet above 255', '10.0.0.256'],
  ['a fifth octet', '10.0.0.0.1'],
  ['an empty text', ''],
  ['a space', ' 10.0.0.1'],
  ['two gaps', '1::2::3'],
  ['a ninth group', '1:2:3:4:5:6:7:8:9'],
]

for (const [what, text] of refused) {
  test(`${what} is not an address`, () => {
    assert.equal(parseAddress(text), undefined)
  })
}

test('parsing any text ends without an exception', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.%/') })), (text) => {
      const parsed = parseAddress(text)
      if (parsed !== undefined) assert.deepEqual(parseAddress(formatAddress(parsed)), parsed)
    }),
  )
})
