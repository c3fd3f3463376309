/**
 * Paths that gateways carry: what the kernel has to permit so that packets get to a gateway and on from it. Who may ask for
 * what by name, by request or by certificate is the gateway's to judge; nothing here opens a way around it.
 */
import { portSet } from '../../net/ports.ts'
import { defaultMeshPort, gatewaysOf, inboundGroup, outboundGroup, resolverGroup, virtualKey } from './inventory.ts'
import { endpointOf, issuersOf, placesOf } from './gateway-needs.ts'
import { claimOf } from './pairs.ts'
import type { Path } from '../../intent/intent.ts'
import type { Platform } from '../../model/platform.ts'
import type { Address } from '../../net/address.ts'
import type { Claim } from './claims.ts'
import type { Places, Reach } from './gateway-needs.ts'
import type { Inventory } from './inventory.ts'
import type { AttachedGroups, PairEntry } from './pairs.ts'

/** Outside ends that connect to an address and port of the inbound gateway. */
export interface GatewayPublication {
  /** Undefined for what the platform needs beside its policies. */
  readonly path: Path | undefined
  /** Names of sets of addresses, those of Externals included. */
  readonly sources: readonly string[]
  readonly addresses: readonly Address[]
  readonly port: number
  readonly claim: Claim
}

export interface GatewayWays {
  readonly direct: readonly PairEntry<number>[]
  /** Outward, by the name of the set of addresses. */
  readonly egress: readonly PairEntry<string>[]
  readonly lead: readonly PairEntry<Address | undefined>[]
  readonly publications: readonly GatewayPublication[]
  readonly places: Places
}

/** `paths` are those for which `viaGateway` holds; what has a way through the kernel as well keeps it. */
export function lowerGateways(platform: Platform, paths: readonly Path[], inventory: Inventory, attached: AttachedGroups): GatewayWays {
  const direct: PairEntry<number>[] = []
  const egress: PairEntry<string>[] = []
  const lead: PairEntry<Address | undefined>[] = []
  const publications: GatewayPublication[] = []
  const places = placesOf(platform, inventory)
  const meshPort = platform.gateway?.meshPort ?? defaultMeshPort
  const out = (source: number, reach: Reach, claim: Claim): void => {
    for (const target of reach.sets) egress.push({ source, target, protocol: 'tcp', claim: { ...claim, ports: reach.ports } })
  }
  const sourcesOf = (path: Path): readonly number[] => {
    const groups = path.source.kind === 'workload' ? attached.get(path.source.workload) : undefined
    return [...(groups ?? [])].flatMap(([phase, group]) => (path.phases.includes(phase) ? [group] : []))
  }
  const leadTo = (path: Path, addresses: readonly (Address | undefined)[]): boolean => {
    const sources = sourcesOf(path)
    for (const source of sources) {
      direct.push({ source, target: outboundGroup, protocol: 'tcp', claim: claimOf(path) })
      for (const target of addresses) lead.push({ source, target, protocol: 'tcp', claim: claimOf(path) })
    }
    return sources.length > 0
  }
  const inward = (path: Path): boolean => {
    const groups = path.destination.kind === 'workload' ? [...(attached.get(path.destination.workload)?.values() ?? [])] : []
    for (const target of groups) direct.push({ source: inboundGroup, target, protocol: 'tcp', claim: claimOf(path) })
    return groups.length > 0
  }

  for (const path of paths) {
    const { via, source, destination } = path
    const claim = claimOf(path)
    switch (via.kind) {
      case 'egress': {
        if (!leadTo(path, [undefined])) break
        const { egressProxy } = platform
        if (egressProxy !== undefined) out(outboundGroup, places.host(egressProxy.host, egressProxy.port), claim)
        // Where a name leads to is nobody's own network, save what the External itself holds.
        else {
          out(outboundGroup, places.anybody(path.ports), claim)
          if (destination.kind === 'external') out(outboundGroup, { sets: [destination.external], ports: path.ports }, claim)
        }
        break
      }
      case 'mutual-tls': {
        if (destination.kind !== 'workload') break
        const ends = inventory.attachments.filter((a) => a.workload === destination.workload).flatMap((a) => [a.ipv4, a.ipv6])
        if (ends.length === 0 || !leadTo(path, ends)) break
        direct.push({ source: outboundGroup, target: inboundGroup, protocol: 'tcp', claim: { ...claim, ports: portSet([{ from: meshPort, to: meshPort }]) } })
        inward(path)
        break
      }
      case 'peer': {
        if (destination.kind === 'peer') {
          const virtual = inventory.gateways?.virtual?.get(virtualKey(destination))
          const peer = platform.peers.get(destination.peer)
          if (virtual !== undefined && peer !== undefined && leadTo(path, [virtual.ipv4, virtual.ipv6])) out(outboundGroup, places.host(peer.gateway.host, peer.gateway.port), claim)
        } else if (source.kind === 'peer' && inward(path)) {
          // From which address a peer's gateway comes is not known; who it is, its certificate says.
          publications.push({ path, sources: places.anywhere(meshPort).sets, addresses: platform.gateway?.addresses ?? [], port: meshPort, claim })
        }
        break
      }
      case 'proxy': {
        if (source.kind !== 'external' || !inward(path)) break
        const { gateway } = platform
        const at = { path, sources: [source.external], addresses: gateway?.addresses ?? [], claim }
        publications.push({ ...at, port: via.proxy.listenPort ?? gateway?.httpsPort ?? 443 })
        const redirected = via.proxy.protocol === 'http' && via.proxy.listenPort === undefined ? gateway?.httpPort : undefined
        if (redirected !== undefined) publications.push({ ...at, port: redirected })
        for (const { host, port } of issuersOf(path)) out(inboundGroup, places.host(host, port), claim)
        break
      }
      case 'direct':
      case 'publish':
        break
    }
  }
  const asking = resolverWays(platform, inventory, attached, places)
  const trust = bundleWays(platform, inventory, places)
  return { direct: [...direct, ...asking.direct], egress: [...egress, ...asking.egress, ...trust.egress], lead, publications: [...publications, ...trust.publications], places }
}

/** Trust bundles, while there are Peers: ours is fetched here, and theirs from where they say. Who answers is for the fetcher to judge. */
function bundleWays(platform: Platform, inventory: Inventory, places: Places): Pick<GatewayWays, 'egress' | 'publications'> {
  if (inventory.gateways?.inbound === undefined || inventory.uplink === undefined) return { egress: [], publications: [] }
  const claimFor = (port: number, document: string): Claim => ({ ports: portSet([{ from: port, to: port }]), expires: undefined, documents: [document] })
  const egress = [...platform.peers.values()].flatMap(({ name, bundleEndpoint }) => {
    const { host, port } = endpointOf(bundleEndpoint.url)
    const { sets, ports } = places.host(host, port)
    return sets.map((target) => ({ source: inboundGroup, target, protocol: 'tcp' as const, claim: { ...claimFor(port, `Peer ${name}`), ports } }))
  })
  const { gateway } = platform
  if (gateway === undefined || platform.peers.size === 0) return { egress, publications: [] }
  const port = gateway.bundlePort
  return { egress, publications: [{ path: undefined, sources: places.anywhere(port).sets, addresses: gateway.addresses, port, claim: claimFor(port, `Platform ${platform.name}`) }] }
}

/** Everybody may ask; what is answered is the resolver's to judge. */
function resolverWays(platform: Platform, inventory: Inventory, attached: AttachedGroups, places: Places): Pick<GatewayWays, 'direct' | 'egress'> {
  const present = gatewaysOf(inventory)
  if (!present.some((g) => g.group === resolverGroup)) return { direct: [], egress: [] }
  const claim: Claim = { ports: portSet([{ from: 53, to: 53 }]), expires: undefined, documents: [`Platform ${platform.name}`] }
  const askers = [...present.map((g) => g.group).filter((group) => group !== resolverGroup), ...[...attached.values()].flatMap((groups) => [...groups.values()])]
  const both = ['tcp', 'udp'] as const
  const upstream = inventory.uplink === undefined ? [] : places.upstream()
  return {
    direct: askers.flatMap((source) => both.map((protocol) => ({ source, target: resolverGroup, protocol, claim }))),
    egress: upstream.flatMap(({ sets, ports }) =>
      sets.flatMap((target) => both.map((protocol) => ({ source: resolverGroup, target, protocol, claim: { ...claim, ports } })))),
  }
}

/** Whether some part of the path takes a gateway that this host has. */
export function viaGateway(platform: Platform, path: Path, inventory: Inventory): boolean {
  const { outbound, inbound, resolver, virtual } = inventory.gateways ?? {}
  const outside = inventory.uplink !== undefined
  if (path.protocol !== 'tcp') return false
  switch (path.via.kind) {
    case 'egress': {
      const external = path.destination.kind === 'external' ? platform.externals.get(path.destination.external) : undefined
      return outbound !== undefined && resolver !== undefined && outside && external !== undefined && external.domains.length > 0
    }
    case 'mutual-tls':
      return outbound !== undefined && inbound !== undefined
    case 'proxy':
      return inbound !== undefined && outside && platform.gateway !== undefined
    case 'peer':
      if (path.destination.kind === 'peer') return outbound !== undefined && outside && virtual?.has(virtualKey(path.destination)) === true
      return inbound !== undefined && outside && platform.gateway !== undefined
    case 'direct':
    case 'publish':
      return false
  }
}
