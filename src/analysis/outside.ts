/**
 * Cuts what some Externals hold, by address and by name, into the parts that they tell apart. A part is an address set or
 * name patterns, never a list of addresses, so a /8 costs as much as one address.
 */
import { addressesWithin, intersectAddresses, noAddresses, subtractAddresses, toPrefixes, unionAddresses } from '../net/address-set.ts'
import { domainMatches, formatDomainPattern } from '../net/domain.ts'
import { formatPrefix } from '../net/prefix.ts'
import { compareText } from '../base/location.ts'
import type { AddressSet } from '../net/address-set.ts'
import type { DomainPattern } from '../net/domain.ts'

/** What an External holds in effect: its addresses without what is reserved. */
export interface Extent {
  readonly addresses: AddressSet
  readonly domains: readonly DomainPattern[]
}

/** Either addresses or names, which no extent divides. */
export interface Part {
  readonly kind: 'addresses' | 'names'
  readonly addresses: AddressSet
  /** `*.x` stands for the names below it that no other pattern here holds more exactly. */
  readonly names: readonly DomainPattern[]
  /** Places of the extents that hold it, in the list that was cut. */
  readonly holders: ReadonlySet<number>
}

/** Parts that at least one extent holds; together they are all that is held. */
export function partsOf(extents: readonly Extent[]): readonly Part[] {
  return [...addressParts(extents), ...nameParts(extents)]
}

function addressParts(extents: readonly Extent[]): readonly Part[] {
  let parts: { readonly addresses: AddressSet; readonly holders: readonly number[] }[] = []
  let all = noAddresses
  for (const [place, { addresses }] of extents.entries()) {
    if (addresses.length === 0) continue
    const cut = parts.flatMap((part) => [
      { addresses: intersectAddresses(part.addresses, addresses), holders: [...part.holders, place] },
      { addresses: subtractAddresses(part.addresses, addresses), holders: part.holders },
    ])
    parts = [...cut, { addresses: subtractAddresses(addresses, all), holders: [place] }].filter((part) => part.addresses.length > 0)
    all = unionAddresses(all, addresses)
  }
  return parts.map(({ addresses, holders }) => ({ kind: 'addresses', addresses, names: [], holders: new Set(holders) }))
}

/** Each exact name is a part of its own kind, and what lies below a pattern but below no nearer one. */
function nameParts(extents: readonly Extent[]): readonly Part[] {
  const patterns = new Map<string, DomainPattern>()
  for (const { domains } of extents) for (const domain of domains) patterns.set(formatDomainPattern(domain), domain)
  const parts = new Map<string, { readonly names: DomainPattern[]; readonly holders: readonly number[] }>()
  for (const [, pattern] of [...patterns].sort(([a], [b]) => compareText(a, b))) {
    const holders = [...extents.entries()].flatMap(([place, { domains }]) => (domains.some((domain) => holdsPattern(domain, pattern)) ? [place] : []))
    const key = holders.join()
    const known = parts.get(key)
    if (known === undefined) parts.set(key, { names: [pattern], holders })
    else known.names.push(pattern)
  }
  return Array.from(parts.values(), ({ names, holders }) => ({ kind: 'names', addresses: noAddresses, names, holders: new Set(holders) }))
}

/** Whether `outer` holds every name that `inner` stands for. */
function holdsPattern(outer: DomainPattern, inner: DomainPattern): boolean {
  if (!inner.below) return domainMatches(outer, inner.name)
  return outer.below && (inner.name === outer.name || inner.name.endsWith(`.${outer.name}`))
}

export function sameExtent(a: Extent, b: Extent): boolean {
  return (
    addressesWithin(a.addresses, b.addresses) && addressesWithin(b.addresses, a.addresses) &&
    a.domains.every((d) => b.domains.some((o) => holdsPattern(o, d))) && b.domains.every((d) => a.domains.some((o) => holdsPattern(o, d)))
  )
}

/** The fewest prefixes and the patterns, sorted within each kind. */
export function formatParts(parts: readonly Part[]): readonly string[] {
  const addresses = unionAddresses(...parts.map((part) => part.addresses))
  const names = parts.flatMap((part) => part.names.map(formatDomainPattern))
  return [...toPrefixes(addresses).map((p) => (isOneAddress(p) ? formatPrefix(p).replace(/\/[0-9]+$/, '') : formatPrefix(p))), ...names.sort(compareText)]
}

function isOneAddress({ family, length }: { readonly family: 4 | 6; readonly length: number }): boolean {
  return length === (family === 4 ? 32 : 128)
}
