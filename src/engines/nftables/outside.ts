/** Outside addresses, sorted into classes: two addresses are of one class when the same Externals hold them. */
import { externalAddresses, publishedAddresses } from '../../intent/externals.ts'
import { intersectAddresses, subtractAddresses, unionAddresses } from '../../net/address-set.ts'
import { multicastAddresses, reservedAddresses } from '../../net/reserved.ts'
import { assignClasses } from './ids.ts'
import { partition } from './partition.ts'
import type { Path } from '../../intent/intent.ts'
import type { Platform } from '../../model/platform.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { AddressClass } from './atoms.ts'
import type { IdTable } from './ids.ts'

export interface OutsideClasses {
  readonly classes: readonly AddressClass[]
  readonly ids: IdTable
  /** Classes to which a workload's path to that External leads. */
  readonly destinations: (external: string) => readonly number[]
  /** Classes from which that External's clients come. */
  readonly sources: (external: string) => readonly number[]
}

/** A name that no External can have: it marks the published addresses, which nobody reaches from inside. */
const publishedName = '!published'

/** Sets of addresses that gateways need beside those of Externals; their names begin with `!`, which no External's does. */
export type GatewayAddresses = ReadonlyMap<string, AddressSet>

/** The classes that these paths tell apart. Addresses that nobody names are of no class. */
export function outsideClasses(platform: Platform, carried: readonly Path[], ids: IdTable, gateways: GatewayAddresses = new Map()): OutsideClasses {
  const addressesOf = externalAddresses(platform)
  // No packet that is routed comes from or goes to a multicast address, whatever an External says.
  const never = unionAddresses(platform.addresses, multicastAddresses)
  const sets = new Map<string, AddressSet>()
  for (const path of carried) {
    for (const end of [path.source, path.destination]) {
      const external = end.kind === 'external' ? platform.externals.get(end.external) : undefined
      if (external !== undefined && !sets.has(external.name)) sets.set(external.name, subtractAddresses(addressesOf(external), never))
    }
  }
  for (const [name, addresses] of gateways) sets.set(name, subtractAddresses(addresses, never))
  const used = unionAddresses(...sets.values())
  const parts = partition(new Map([...sets, [publishedName, intersectAddresses(publishedAddresses(platform), used)]]))
  const table = assignClasses(ids, parts.map((part) => part.names.join(',')))
  const destinations = new Map<string, number[]>()
  const sources = new Map<string, number[]>()
  const classes = parts.map((part): AddressClass => {
    const id = table.classes.get(part.names.join(',')) ?? 0
    for (const name of part.names) {
      sources.set(name, [...(sources.get(name) ?? []), id])
      if (!part.names.includes(publishedName)) destinations.set(name, [...(destinations.get(name) ?? []), id])
    }
    return Object.freeze({ id, addresses: part.addresses })
  })
  return {
    classes: Object.freeze(classes.sort((a, b) => a.id - b.id)),
    ids: table,
    destinations: (name) => destinations.get(name) ?? [],
    sources: (name) => sources.get(name) ?? [],
  }
}

/** What comes from outside never has these sources, save where an External with `infrastructure: true` holds them. */
export function bogons(platform: Platform, classes: readonly AddressClass[]): AddressSet {
  return unionAddresses(platform.addresses, subtractAddresses(reservedAddresses, unionAddresses(...classes.map((c) => c.addresses))))
}
