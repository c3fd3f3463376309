/** Where what was read and what is meant part: collected by what causes them, so that a hole is told once. */
import { compareText } from '../../base/location.ts'
import { formatPorts, portSet } from '../../net/ports.ts'
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

export interface Collector {
  readonly add: (difference: Omit<Difference, 'ports' | 'families'> & { readonly ports?: readonly PortRange[]; readonly family?: Family }) => void
  readonly all: () => readonly Difference[]
}

export function collectDifferences(): Collector {
  const found = new Map<string, { first: Omit<Difference, 'ports' | 'families'>; ports: PortRange[]; families: Set<Family> }>()
  return {
    add: ({ ports = [], family, ...rest }) => {
      const key = JSON.stringify([rest.kind, rest.source, rest.destination, rest.protocol, rest.cause, rest.declared, family])
      const same = found.get(key)
      if (same !== undefined) same.ports.push(...ports)
      else found.set(key, { first: rest, ports: [...ports], families: new Set(family === undefined ? [] : [family]) })
    },
    all: () => {
      const joined = new Map<string, Difference>()
      for (const { first, ports, families } of found.values()) {
        const set = portSet(ports)
        const key = JSON.stringify([first.kind, first.source, first.destination, first.protocol, formatPorts(set), first.cause, first.declared])
        const other = joined.get(key)
        joined.set(key, Object.freeze({ ...first, ports: set, families: Object.freeze([...new Set([...(other?.families ?? []), ...families])].sort()) }))
      }
      return Object.freeze([...joined].sort(([a], [b]) => compareText(rank(a), rank(b))).map(([, difference]) => difference))
    },
  }
}

/** Holes before gaps. */
function rank(key: string): string {
  return key.startsWith('["wider"') ? `0${key}` : `1${key}`
}

export function formatDifference({ kind, source, destination, protocol, ports, families, cause, declared }: Difference): string {
  const what = ports.length > 0 ? `${formatPorts(ports)}/${protocol}` : protocol
  const family = families.length === 1 ? ` over IPv${families.join()}` : ''
  return `${kind}${declared ? ' (declared)' : ''}: ${source} -> ${destination} ${what}${family}: ${cause}`
}
