/** Zones back to who may be told which name: written from the description of the format in docs/resolver.md, not from what renders it. */
import { domainMatches, parseDomain, parseDomainPattern } from '../../net/domain.ts'
import { parseZones } from './zones.ts'
import type { Grant } from './zones.ts'

export interface ReadAsker {
  readonly asker: string
  readonly kind: 'workload' | 'gateway'
  /** Where it asks from. */
  readonly addresses: readonly string[]
  /** Names of workloads that it is told at that instant, each with its addresses; its own name among them. */
  readonly inside: (now: number) => ReadonlyMap<string, readonly string[]>
  /** Whether the question may leave, for a name as a client writes it. */
  readonly asksOutside: (name: string, now: number) => boolean
}

/** `text` is the JSON of zones; throws when it is not that. */
export function readZones(text: string): readonly ReadAsker[] {
  const zones = parseZones(JSON.parse(text))
  const hosts = new Map(zones.hosts.map((host) => [host.name, host.addresses]))
  return zones.askers.map((each): ReadAsker => {
    const patterns = each.outside.map((entry) => ({ pattern: parseDomainPattern(entry.domain), grants: entry.grants }))
    return {
      asker: each.asker,
      kind: each.kind,
      addresses: each.places.flat(),
      inside(now) {
        const told = new Map<string, readonly string[]>()
        const tell = (name: string, addresses: readonly string[]): void => {
          told.set(name, addresses)
          const short = shortName(name, each.self?.enclave)
          if (short !== undefined) told.set(short, addresses)
        }
        // A workload knows itself without any policy: each replica its own addresses.
        if (each.self !== undefined) tell(each.self.name, each.places.flat())
        for (const { name, grants } of each.hosts) if (granted(grants, now)) tell(name, hosts.get(name) ?? [])
        return told
      },
      asksOutside(name, now) {
        const asked = parseDomain(name)
        return asked !== undefined && patterns.some(({ pattern, grants }) => pattern !== undefined && domainMatches(pattern, asked) && granted(grants, now))
      },
    }
  })
}

function granted(grants: readonly Grant[], now: number): boolean {
  return grants.some(({ until }) => until === undefined || now < until)
}

/** The first label alone stands for a workload of the asker's own enclave. */
function shortName(name: string, enclave: string | undefined): string | undefined {
  const [first, second, ...rest] = name.split('.')
  return second === enclave && rest.join('.') === 'internal' ? first : undefined
}
