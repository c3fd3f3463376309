/** Where what was read and what is meant part: collected by what causes them, so that a hole is told once. */
import { compareText } from '../../base/location.ts'
import { formatPrefix } from '../../net/prefix.ts'
import { toPrefixes, unionAddresses } from '../../net/address-set.ts'
import { formatPorts, portSet } from '../../net/ports.ts'
import type { AddressRange } from '../../net/address-set.ts'
import type { Family } from '../../net/address.ts'
import type { PortRange, PortSet } from '../../net/ports.ts'

export interface Difference {
  /** `wider`: packets pass that no policy allows, or may. `narrower`: packets that a policy allows do not. */
  readonly kind: 'wider' | 'narrower'
  /** An identity (`enclave/workload@phase`), an address or a few words. */
  readonly source: string
  readonly destination: string
  readonly protocol: string
  /** Empty where there are none, or where they make no difference. */
  readonly ports: PortSet
  readonly families: readonly Family[]
  /** The rule that lets pass, the policy that is not carried, or what else is wrong. */
  readonly cause: string
  /** The engine said so beforehand. */
  readonly declared: boolean
}

/** An end as it is first seen: by name, or as a stretch of addresses that others may continue. */
export type Side = string | AddressRange

type Told = Omit<Difference, 'ports' | 'families' | 'source' | 'destination'> & { readonly source: Side; readonly destination: Side }

export interface Collector {
  readonly add: (difference: Told & { readonly ports?: readonly PortRange[]; readonly family?: Family }) => void
  readonly all: () => readonly Difference[]
}

interface Gathered {
  readonly told: Omit<Told, 'source' | 'destination'>
  readonly source: Side
  readonly destination: Side
  readonly ports: PortRange[]
  readonly families: Set<Family>
}

interface Joined {
  readonly told: Gathered['told']
  readonly ports: PortSet
  readonly families: Set<Family>
  readonly sources: Set<Side>
  readonly destinations: Set<Side>
}

export function collectDifferences(): Collector {
  const found = new Map<string, Gathered>()
  return {
    add: ({ ports = [], family, source, destination, ...told }) => {
      const key = JSON.stringify([told.kind, sideKey(source), sideKey(destination), told.protocol, told.cause, told.declared, family])
      const same = found.get(key)
      if (same !== undefined) same.ports.push(...ports)
      else found.set(key, { told, source, destination, ports: [...ports], families: new Set(family === undefined ? [] : [family]) })
    },
    all: () => {
      const joined = new Map<string, Joined>()
      for (const { told, source, destination, ports, families } of found.values()) {
        const set = portSet(ports)
        // Stretches of addresses are joined while everything else is the same.
        const names = [source, destination].map((side) => (isRange(side) ? '' : side))
        const key = JSON.stringify([told.kind, ...names, told.protocol, formatPorts(set), told.cause, told.declared])
        const other = joined.get(key)
        if (other === undefined) {
          const sides = { sources: new Set([source]), destinations: new Set([destination]) }
          joined.set(key, { told, ports: set, families: new Set(families), ...sides })
        } else {
          for (const family of families) other.families.add(family)
          other.sources.add(source)
          other.destinations.add(destination)
        }
      }
      const all = [...joined.values()].map(({ told, ports, families, sources, destinations }): Difference =>
        Object.freeze({ ...told, source: sideText(sources), destination: sideText(destinations), ports, families: Object.freeze([...families].sort()) }))
      return Object.freeze(all.map((each) => ({ each, text: rank(each) })).sort((a, b) => compareText(a.text, b.text)).map(({ each }) => each))
    },
  }
}

function isRange(side: Side): side is AddressRange {
  return typeof side !== 'string'
}

function sideKey(side: Side): string {
  return isRange(side) ? `${side.family} ${side.first} ${side.last}` : side
}

/** A name, or the prefixes that hold all the stretches; the first few of them. */
function sideText(sides: ReadonlySet<Side>): string {
  const list = [...sides]
  const name = list.find((side) => typeof side === 'string')
  if (name !== undefined) return String(name)
  const prefixes = toPrefixes(unionAddresses(list.filter(isRange))).map(formatPrefix)
  return prefixes.length <= shown ? prefixes.join(', ') : `${prefixes.slice(0, shown).join(', ')} and ${prefixes.length - shown} more`
}

const shown = 6

/** Holes before gaps. */
function rank(each: Difference): string {
  return `${each.kind === 'wider' ? 0 : 1}${formatDifference(each)}`
}

export function formatDifference({ kind, source, destination, protocol, ports, families, cause, declared }: Difference): string {
  const what = ports.length > 0 ? `${formatPorts(ports)}/${protocol}` : protocol
  const family = families.length === 1 ? ` over IPv${families.join()}` : ''
  return `${kind}${declared ? ' (declared)' : ''}: ${source} -> ${destination} ${what}${family}: ${cause}`
}
