/**
 * Which gateways a set asks for (pure). A platform without names, proxies, encryption and Peers has none, and pays for none.
 */
import { isExpired } from '../../model/platform.ts'
import type { Inventory } from '../../engines/nftables/inventory.ts'
import type { Intent, Path } from '../../intent/intent.ts'
import type { PeerWorkload, Platform } from '../../model/platform.ts'
import type { Address } from '../../net/address.ts'

export interface GatewayNeeds {
  readonly outbound: boolean
  readonly inbound: boolean
  readonly resolver: boolean
}

export const noGateways: GatewayNeeds = Object.freeze({ outbound: false, inbound: false, resolver: false })

/** What has expired at `now` needs nothing. Without an Envoy there is neither of the two that need one, and their paths are refused. */
export function gatewayNeeds(platform: Platform, intent: Intent, now: number, envoy: boolean): GatewayNeeds {
  let outbound = false
  // Trust bundles of Peers are fetched, and ours is served, whatever policies there are.
  let inbound = platform.peers.size > 0
  let resolver = platform.resolver.upstream.length > 0 || inbound
  for (const path of intent.paths) {
    if (isExpired(path, now)) continue
    const need = needOf(platform, path)
    outbound ||= need.outbound
    inbound ||= need.inbound
    resolver ||= need.resolver
  }
  return { outbound: outbound && envoy, inbound: inbound && envoy, resolver }
}

/** What an inventory says that there is. */
export function standingGateways({ gateways }: Inventory): GatewayNeeds {
  return { outbound: gateways?.outbound !== undefined, inbound: gateways?.inbound !== undefined, resolver: gateways?.resolver !== undefined }
}

/** Whether an Envoy has to carry the path, or a part of it. */
export function takesEnvoy(platform: Platform, path: Path): boolean {
  const { outbound, inbound } = needOf(platform, path)
  return path.protocol === 'tcp' && (outbound || inbound)
}

function needOf(platform: Platform, { via, source, destination }: Path): GatewayNeeds {
  switch (via.kind) {
    case 'egress': {
      const named = destination.kind === 'external' && (platform.externals.get(destination.external)?.domains.length ?? 0) > 0
      return { outbound: named, inbound: false, resolver: named }
    }
    case 'mutual-tls': return { outbound: true, inbound: true, resolver: false }
    // Its names are in the resolver alone; and a peer's gateway, or who signs tokens, may be known by name.
    case 'peer': return { outbound: destination.kind === 'peer', inbound: source.kind === 'peer', resolver: true }
    case 'proxy': return { outbound: false, inbound: true, resolver: via.authentication === 'jwt' || via.authentication === 'oidc' }
    case 'direct':
    case 'publish':
      return noGateways
  }
}

/** Workloads of other platforms that ours may reach, by the key of their virtual address, sorted. */
export function peersReached(intent: Intent): readonly PeerWorkload[] {
  const found = new Map<string, PeerWorkload>()
  for (const { destination } of intent.paths) {
    // All workloads of an enclave over there have no names that are known here.
    if (destination.kind !== 'peer' || destination.workload === '*') continue
    const { peer, enclave, workload } = destination
    found.set(`${peer}/${enclave}/${workload}`, { peer, enclave, workload })
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, end]) => end)
}

/** Addresses of the platform that answer from outside: published ones, and those of its inbound gateway. */
export function answering(platform: Platform): readonly Address[] {
  return [...platform.ingressPolicies.flatMap((p) => (p.gateway.kind === 'publish' ? p.gateway.addresses : [])), ...(platform.gateway?.addresses ?? [])]
}
