/** One IPv4 or IPv6 address, as an integer of its family's width. */
import ipaddr from 'ipaddr.js'

export type Family = 4 | 6

export interface Address {
  readonly kind: 'address'
  readonly family: Family
  /** 0 to 2^32-1 for family 4, 0 to 2^128-1 for family 6. */
  readonly bits: bigint
}

/** One of each family. */
export interface AddressPair {
  readonly ipv4: Address
  readonly ipv6: Address
}

export function familyWidth(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128
}

/** Parses dotted decimal or RFC 4291 text. IPv4-mapped IPv6, zone ids and short IPv4 forms give `undefined`. */
export function parseAddress(text: string): Address | undefined {
  if (text.includes('%')) return undefined
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return fromBytes(ipaddr.IPv4.parse(text).toByteArray())
  if (!text.includes(':') || !ipaddr.IPv6.isValid(text)) return undefined
  const parsed = ipaddr.IPv6.parse(text)
  return parsed.isIPv4MappedAddress() ? undefined : fromBytes(parsed.toByteArray())
}

/** True for `::ffff:a.b.c.d` in any spelling: a second name for an IPv4 address, which policies refuse. */
export function isMappedAddress(text: string): boolean {
  return text.includes(':') && ipaddr.IPv6.isValid(text) && ipaddr.IPv6.parse(text).isIPv4MappedAddress()
}

/** Dotted decimal, or RFC 5952 for IPv6. */
export function formatAddress(address: Address): string {
  const bytes = toBytes(address)
  return address.family === 4 ? bytes.join('.') : new ipaddr.IPv6(bytes).toRFC5952String()
}

export function addressFromBits(family: Family, bits: bigint): Address {
  return Object.freeze({ kind: 'address', family, bits })
}

function fromBytes(bytes: readonly number[]): Address {
  const bits = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return addressFromBits(bytes.length === 4 ? 4 : 6, bits)
}

function toBytes(address: Address): number[] {
  const count = familyWidth(address.family) / 8
  return Array.from({ length: count }, (_, i) => Number((address.bits >> BigInt(8 * (count - 1 - i))) & 0xffn))
}
