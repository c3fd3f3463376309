/** Zones, arranged for lookups: by the address that asks, by name, by address. */
import { addressSet } from '../../net/address-set.ts'
import { formatAddress, parseAddress } from '../../net/address.ts'
import { parsePrefix } from '../../net/prefix.ts'
import { insideSuffix } from './inventory.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { Address } from '../../net/address.ts'
import type { Grant, OutsideName, ZoneAsker, Zones } from './zones.ts'

export interface View {
  readonly zones: Zones
  readonly never: AddressSet
  /** Who asks from an address, as a socket shows it. */
  readonly askerAt: (address: string) => AskerView | undefined
  readonly asker: (name: string) => AskerView | undefined
}

export interface AskerView {
  readonly asker: string
  readonly kind: ZoneAsker['kind']
  /** What it may be told of names inside, and by which grants; its own name has none. */
  readonly inside: (name: string, from: string) => InsideName | undefined
  /** The name of a host that it may be told about, by an address of that host. */
  readonly nameOf: (address: Address, from: string) => InsideName | undefined
  /** Every entry whose domain holds the name, exact ones first. */
  readonly outside: (name: string) => readonly OutsideEntry[]
}

export interface InsideName {
  readonly name: string
  readonly addresses: readonly string[]
  readonly grants: readonly Grant[] | 'self'
}

export interface OutsideEntry {
  readonly entry: OutsideName
  /** The domain that a `*.` pattern lies below; `undefined` for an exact name. */
  readonly below: string | undefined
  readonly holds: AddressSet
}

export function viewOf(zones: Zones): View {
  const hosts = new Map(zones.hosts.map((host) => [host.name, host.addresses]))
  const views = new Map<string, AskerView>()
  const byAddress = new Map<string, AskerView>()
  for (const each of zones.askers) {
    const view = askerView(each, hosts)
    views.set(each.asker, view)
    for (const address of each.places.flat()) byAddress.set(address, view)
  }
  return {
    zones,
    never: prefixesOf(zones.never),
    askerAt: (address) => byAddress.get(address) ?? byAddress.get(canonicalAddress(address)),
    asker: (name) => views.get(name),
  }
}

/** An address as zones write it; a socket may use another of the spellings of IPv6. */
export function canonicalAddress(text: string): string {
  const parsed = parseAddress(text)
  return parsed === undefined ? text : formatAddress(parsed)
}

function askerView(zone: ZoneAsker, hosts: ReadonlyMap<string, readonly string[]>): AskerView {
  const short = zone.self === undefined ? undefined : `.${zone.self.enclave}.${insideSuffix}`
  // Built when it is first asked for: a platform has many askers, and most of them ask little.
  let indexed: Index | undefined
  const index = (): Index => (indexed ??= indexOf(zone, hosts))
  const full = (name: string): string => (short !== undefined && !name.includes('.') ? `${name}${short}` : name)
  const own = (from: string): readonly string[] => zone.places.find((place) => place.includes(from)) ?? []
  return {
    asker: zone.asker,
    kind: zone.kind,
    inside(asked, from) {
      const name = full(asked)
      const host = index().hosts.get(name)
      // A path to its own replicas shows all of them; without one, a replica is told of itself.
      return host ?? (name === zone.self?.name ? { name, addresses: own(from), grants: 'self' } : undefined)
    },
    nameOf(address, from) {
      const text = formatAddress(address)
      const host = index().byAddress.get(text)
      if (host !== undefined || zone.self === undefined) return host
      const addresses = own(from)
      return addresses.includes(text) ? { name: zone.self.name, addresses, grants: 'self' } : undefined
    },
    outside(name) {
      const found = [...(index().exact.get(name) ?? [])]
      for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) found.push(...(index().below.get(name.slice(dot + 1)) ?? []))
      return found
    },
  }
}

interface Index {
  readonly hosts: ReadonlyMap<string, InsideName>
  readonly byAddress: ReadonlyMap<string, InsideName>
  readonly exact: ReadonlyMap<string, readonly OutsideEntry[]>
  readonly below: ReadonlyMap<string, readonly OutsideEntry[]>
}

function indexOf(zone: ZoneAsker, hosts: ReadonlyMap<string, readonly string[]>): Index {
  const inside = zone.hosts.map(({ name, grants }): InsideName => ({ name, addresses: hosts.get(name) ?? [], grants }))
  const entries = zone.outside.map((entry): OutsideEntry => ({
    entry, below: entry.domain.startsWith('*.') ? entry.domain.slice(2) : undefined, holds: prefixesOf(entry.holds),
  }))
  return {
    hosts: new Map(inside.map((host) => [host.name, host])),
    byAddress: new Map(inside.flatMap((host) => host.addresses.map((address) => [address, host]))),
    exact: Map.groupBy(entries.filter(({ below }) => below === undefined), ({ entry }) => entry.domain),
    below: Map.groupBy(entries.filter(({ below }) => below !== undefined), ({ below }) => below ?? ''),
  }
}

/** A CIDR that cannot be read would be a hole in `never`, so it is an error. */
function prefixesOf(texts: readonly string[]): AddressSet {
  return addressSet(texts.map((text) => {
    // The one prefix whose network address has no spelling that policies accept.
    if (text === '::ffff:0:0/96' || text === '::ffff:0.0.0.0/96') return { kind: 'prefix', family: 6, bits: 0xffff_0000_0000n, length: 96 } as const
    const parsed = parsePrefix(text)
    if (parsed.kind !== 'prefix') throw new TypeError(`not zones: \`${text}\` is not a CIDR`)
    return parsed
  }))
}
