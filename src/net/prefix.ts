/** A CIDR prefix: the addresses that share their first `length` bits. */
import { addressFromBits, familyWidth, formatAddress, isMappedAddress, parseAddress } from './address.ts'
import type { Address, Family } from './address.ts'

export interface Prefix {
  readonly kind: 'prefix'
  readonly family: Family
  /** The first address; all host bits are zero. */
  readonly bits: bigint
  readonly length: number
}

/** Why a text is not a prefix; `host-bits` carries the prefix that was probably meant. */
export type PrefixProblem =
  | { readonly kind: 'malformed' }
  | { readonly kind: 'mapped' }
  | { readonly kind: 'host-bits'; readonly meant: string }

/** Parses `ADDRESS/LENGTH`, or a bare address as a /32 or /128. */
export function parsePrefix(text: string): Prefix | PrefixProblem {
  const match = /^([0-9A-Fa-f:.]+)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(text)
  if (match === null) return { kind: 'malformed' }
  const [, head = '', tail] = match
  if (isMappedAddress(head)) return { kind: 'mapped' }
  const address = parseAddress(head)
  if (address === undefined) return { kind: 'malformed' }
  const width = familyWidth(address.family)
  const length = tail === undefined ? width : Number(tail)
  if (length > width) return { kind: 'malformed' }
  const made = prefixOf(address, length)
  return made.bits === address.bits ? made : { kind: 'host-bits', meant: formatPrefix(made) }
}

/** The prefix of that length which holds the address. */
export function prefixOf(address: Address, length: number): Prefix {
  const host = BigInt(familyWidth(address.family) - length)
  return Object.freeze({ kind: 'prefix', family: address.family, bits: (address.bits >> host) << host, length })
}

/** For texts in source code and tests; a text that is no prefix is a programming error. */
export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text)
  if (parsed.kind !== 'prefix') throw new TypeError(`not a prefix: ${text}`)
  return parsed
}

export function formatPrefix(value: Prefix): string {
  return `${formatAddress(addressFromBits(value.family, value.bits))}/${value.length}`
}

/** The last address, as bits. */
export function lastBits(value: Prefix): bigint {
  return value.bits + (1n << BigInt(familyWidth(value.family) - value.length)) - 1n
}

export function prefixContains(outer: Prefix, address: Address): boolean {
  return outer.family === address.family && address.bits >= outer.bits && address.bits <= lastBits(outer)
}
