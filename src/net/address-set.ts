/** A set of addresses of both families, as sorted disjoint ranges that do not touch: one value has one form. */
import { addressFromBits, familyWidth } from './address.ts'
import { lastBits } from './prefix.ts'
import type { Address, Family } from './address.ts'
import type { Prefix } from './prefix.ts'

export interface AddressRange {
  readonly family: Family
  readonly first: bigint
  readonly last: bigint
}

export type AddressSet = readonly AddressRange[]

export const noAddresses: AddressSet = Object.freeze([])

export function addressSet(prefixes: Iterable<Prefix>): AddressSet {
  return normalise(Array.from(prefixes, (p) => ({ family: p.family, first: p.bits, last: lastBits(p) })))
}

export function setContains(set: AddressSet, address: Address): boolean {
  return set.some((r) => r.family === address.family && address.bits >= r.first && address.bits <= r.last)
}

export function unionAddresses(...sets: readonly AddressSet[]): AddressSet {
  return normalise(sets.flat())
}

export function subtractAddresses(from: AddressSet, what: AddressSet): AddressSet {
  let left: AddressRange[] = [...from]
  for (const cut of what) {
    left = left.flatMap((r) => {
      if (r.family !== cut.family || cut.last < r.first || cut.first > r.last) return [r]
      const rest: AddressRange[] = []
      if (r.first < cut.first) rest.push({ ...r, last: cut.first - 1n })
      if (r.last > cut.last) rest.push({ ...r, first: cut.last + 1n })
      return rest
    })
  }
  return normalise(left)
}

export function intersectAddresses(a: AddressSet, b: AddressSet): AddressSet {
  return subtractAddresses(a, subtractAddresses(a, b))
}

export function addressesOverlap(a: AddressSet, b: AddressSet): boolean {
  return a.some((x) => b.some((y) => x.family === y.family && x.first <= y.last && y.first <= x.last))
}

/** True when every address of `inner` is in `outer`. */
export function addressesWithin(inner: AddressSet, outer: AddressSet): boolean {
  return subtractAddresses(inner, outer).length === 0
}

/** The fewest prefixes that cover exactly this set. */
export function toPrefixes(set: AddressSet): readonly Prefix[] {
  const out: Prefix[] = []
  for (const range of set) {
    const width = familyWidth(range.family)
    let at = range.first
    while (at <= range.last) {
      let host = 0
      while (host < width && at % (1n << BigInt(host + 1)) === 0n && at + (1n << BigInt(host + 1)) - 1n <= range.last) host++
      out.push(Object.freeze({ kind: 'prefix', family: range.family, bits: at, length: width - host }))
      at += 1n << BigInt(host)
    }
  }
  return out
}

/** Some address of the set, or `undefined` when it is empty. */
export function firstAddress(set: AddressSet): Address | undefined {
  const range = set[0]
  return range === undefined ? undefined : addressFromBits(range.family, range.first)
}

function normalise(ranges: readonly AddressRange[]): AddressSet {
  const sorted = [...ranges].sort((a, b) => a.family - b.family || compare(a.first, b.first) || compare(a.last, b.last))
  const out: AddressRange[] = []
  for (const range of sorted) {
    const before = out.at(-1)
    if (before !== undefined && before.family === range.family && range.first <= before.last + 1n) {
      if (range.last > before.last) out[out.length - 1] = { ...before, last: range.last }
    } else out.push(range)
  }
  return Object.freeze(out.map((r) => Object.freeze(r)))
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
