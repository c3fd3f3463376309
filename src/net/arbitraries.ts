/** Generators of net values for property tests. They favour small, crowded spaces, where ranges meet and overlap. */
import fc from 'fast-check'
import { addressSet } from './address-set.ts'
import { addressFromBits, familyWidth } from './address.ts'
import { portSet } from './ports.ts'
import { prefixOf } from './prefix.ts'
import type { AddressSet } from './address-set.ts'
import type { Address, Family } from './address.ts'
import type { PortSet } from './ports.ts'
import type { Prefix } from './prefix.ts'

const families: fc.Arbitrary<Family> = fc.constantFrom(4, 6)

function bitsOf(family: Family): fc.Arbitrary<bigint> {
  const last = (1n << BigInt(familyWidth(family))) - 1n
  return fc.oneof(
    fc.bigInt(0n, last),
    // The two ends of the space and a crowded block, where off-by-one errors live.
    fc.bigInt(0n, 15n),
    fc.bigInt(last - 15n, last),
    fc.bigInt(0x0a00_0000n, 0x0a00_001fn),
  )
}

export const addresses: fc.Arbitrary<Address> = families.chain((family) => bitsOf(family).map((bits) => addressFromBits(family, bits)))

export const prefixes: fc.Arbitrary<Prefix> = addresses.chain((address) => {
  const width = familyWidth(address.family)
  return fc.oneof(fc.integer({ min: 0, max: width }), fc.integer({ min: width - 5, max: width })).map((length) => prefixOf(address, length))
})

export const addressSets: fc.Arbitrary<AddressSet> = fc.array(prefixes, { maxLength: 6 }).map(addressSet)

const portNumbers = fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 65_530, max: 65_535 }))

export { portNumbers as ports }

export const portSets: fc.Arbitrary<PortSet> = fc
  .array(fc.tuple(portNumbers, portNumbers).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) })), { maxLength: 5 })
  .map(portSet)
