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
  let low = 0
  let high = set.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const range = set[middle]
    if (range === undefined) return false
    if (address.family < range.family || (address.family === range.family && address.bits < range.first)) high = middle - 1
    else if (address.family > range.family || address.bits > range.last) low = middle + 1
    else return true
  }
  return false
}

export function unionAddresses(...sets: readonly AddressSet[]): AddressSet {
  return normalise(sets.flat())
}

export function subtractAddresses(from: AddressSet, what: AddressSet): AddressSet {
  const left: AddressRange[] = []
  let at = 0
  for (const { family, first, last } of from) {
    let start = first
    at = skipBelow(what, at, family, start)
    for (let cut = what[at]; cut !== undefined && cut.family === family && cut.first <= last; cut = what[++at]) {
      if (cut.first > start) left.push({ family, first: start, last: cut.first - 1n })
      start = cut.last + 1n
      // The cut may reach into the next range, which has to meet it again.
      if (start > last) break
    }
    if (start <= last) left.push({ family, first: start, last })
  }
  return normalise(left)
}

export function intersectAddresses(a: AddressSet, b: AddressSet): AddressSet {
  return subtractAddresses(a, subtractAddresses(a, b))
}

export function addressesOverlap(a: AddressSet, b: AddressSet): boolean {
  let at = 0
  return a.some(({ family, first, last }) => {
    at = skipBelow(b, at, family, first)
    const next = b[at]
    return next !== undefined && next.family === family && next.first <= last
  })
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

/** The first place from `at` on whose range does not end below the address; both sets are read once, in order. */
function skipBelow(set: AddressSet, at: number, family: Family, address: bigint): number {
  let next = at
  for (let range = set[next]; range !== undefined && (range.family < family || (range.family === family && range.last < address)); range = set[next]) next++
  return next
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
