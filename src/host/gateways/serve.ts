/** What gateways and resolver of this host are to do, from a set and its plan, for `design`. */
import { render as renderNames } from '../../engines/dns/render.ts'
import { renderWithin } from '../../engines/envoy/watched.ts'
import { issuersOf } from '../../engines/nftables/gateway-needs.ts'
import { parseAddress } from '../../net/address.ts'
import { authorities } from '../sandbox.ts'
import { insideFolder } from './files.ts'
import { readKeySets } from './key-sets.ts'
import { watchLimit } from './watch-limit.ts'
import type { DnsInventory } from '../../engines/dns/inventory.ts'
import type { Zones } from '../../engines/dns/zones.ts'
import type { GatewayInventory } from '../../engines/envoy/inventory.ts'
import type { EnvoyArtefacts } from '../../engines/envoy/render.ts'
import type { Inventory } from '../../engines/nftables/inventory.ts'
import type { Intent } from '../../intent/intent.ts'
import type { PeerWorkload } from '../../model/platform.ts'
import type { Address, AddressPair } from '../../net/address.ts'
import type { CheckedSet } from '../documents.ts'
import type { Place, Plan } from '../plan.ts'
import type { EngineRefusal } from '../refused.ts'

export interface Served {
  /** `undefined` where no resolver runs. */
  readonly zones: Zones | undefined
  /** `undefined` where no Envoy runs. */
  readonly envoy: EnvoyArtefacts | undefined
  /** What stood in the key sets that it was made by. */
  readonly keySets: ReadonlyMap<string, string>
  readonly refused: readonly EngineRefusal[]
}

const nothingServed: Served = Object.freeze({ zones: undefined, envoy: undefined, keySets: new Map<string, string>(), refused: Object.freeze([]) })

export function serve(set: CheckedSet, { places, inventory }: Pick<Plan, 'places' | 'inventory'>, now: number): Served {
  if (inventory.gateways === undefined) return nothingServed
  const names = inventory.gateways.resolver === undefined ? undefined : renderNames(set.platform, set.intent, dnsInventory(set, inventory), { now })
  const { outbound, inbound } = inventory.gateways
  const between = outbound === undefined && inbound === undefined ? undefined : envoyInventory(set.intent, places, inventory)
  const envoy = between === undefined ? undefined : renderWithin(set.platform, set.intent, between, { now }, watchLimit())
  return {
    zones: names?.zones,
    envoy,
    keySets: between?.keySets ?? new Map(),
    refused: [
      ...(envoy?.refused ?? []).map(({ path, code, reason }): EngineRefusal => ({ engine: 'envoy', path, code, reason })),
      ...(names?.refused ?? []).map(({ path, code, reason }): EngineRefusal => ({ engine: 'dns', path, code, reason })),
    ],
  }
}

/** Where both Envoys of this host find everybody. */
export function envoyInventory(intent: Intent, places: readonly Place[], { gateways, attachments }: Inventory): GatewayInventory {
  const addressesOf = (of: AddressPair | undefined): readonly Address[] => (of === undefined ? [] : [of.ipv4, of.ipv6])
  return {
    workloads: places.map((p) => ({ workload: p.workload, phase: p.phase, addresses: [p.ipv4, p.ipv6] })),
    shadows: attachments.filter((a) => a.probe).map((a) => ({ workload: a.workload, phase: a.phase, addresses: [a.ipv4, a.ipv6] })),
    virtual: peersOf(gateways).map(({ ipv4, ipv6, ...end }) => ({ ...end, addresses: [ipv4, ipv6] })),
    inbound: { addresses: addressesOf(gateways?.inbound) },
    resolver: { addresses: addressesOf(gateways?.resolver) },
    folder: insideFolder,
    trustedRoots: authorities,
    keySets: readKeySets(intent),
  }
}

function peersOf(gateways: Inventory['gateways']): readonly (PeerWorkload & AddressPair)[] {
  return [...(gateways?.virtual ?? [])].map(([key, { ipv4, ipv6 }]) => {
    const [peer = '', enclave = '', workload = ''] = key.split('/')
    return { peer, enclave, workload, ipv4, ipv6 }
  })
}

function dnsInventory({ platform, intent }: CheckedSet, { attachments, gateways }: Inventory): DnsInventory {
  const asker = (name: 'inbound' | 'outbound', hosts: readonly string[]): DnsInventory['gateways'] => {
    const gateway = gateways?.[name]
    if (gateway === undefined) return []
    const names = [...new Set(hosts.filter((host) => parseAddress(host.replace(/^\[(.*)\]$/, '$1')) === undefined))].sort()
    return [{ name, addresses: [gateway.ipv4, gateway.ipv6], names }]
  }
  return {
    places: attachments.map(({ workload, phase, ipv4, ipv6, probe }) => ({ workload, phase, ipv4, ipv6, probe })),
    peers: peersOf(gateways),
    gateways: [
      ...asker('outbound', [...[...platform.peers.values()].map((p) => p.gateway.host), ...(platform.egressProxy === undefined ? [] : [platform.egressProxy.host])]),
      ...asker('inbound', intent.paths.flatMap((path) => issuersOf(path).map((issuer) => issuer.host))),
    ],
  }
}
