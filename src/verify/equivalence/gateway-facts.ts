/** What the documents and the meaning of gateways ask of a host's packet filter, one attempt at a time. */
import { parseAddress } from '../../net/address.ts'
import { addressSet, setContains, unionAddresses } from '../../net/address-set.ts'
import { prefix } from '../../net/prefix.ts'
import { privateAddresses } from '../../net/private.ts'
import { reservedAddresses } from '../../net/reserved.ts'
import { defaultMeshPort, inboundGroup, outboundGroup, resolverGroup, uplinkGroup } from '../../engines/nftables/inventory.ts'
import { encryptedAllows, listensTo, namedHold, namingPolicies, peerEnters, proxyPolicies, reachesPeer, withNamedPeers } from '../reference/gateway.ts'
import { referenceDecide } from '../reference.ts'
import { publishedAddresses } from './representatives.ts'
import type { Address } from '../../net/address.ts'
import type { Protocol } from '../../net/protocol.ts'
import type { PeerWorkload, Phase, Workload } from '../../model/platform.ts'
import type { Member } from './inside.ts'
import type { Expectation, Subject } from './subject.ts'

export interface GatewayFacts {
  /** Between two groups; the address is that of an outside destination, or what is led was addressed to. */
  readonly expect: (source: number, destination: number, protocol: Protocol, port: number | undefined, address: Address | undefined) => (at: number) => Expectation
  /** From outside to a published end. */
  readonly enters: (from: Address, to: Address, protocol: Protocol, port: number | undefined) => (at: number) => Expectation
  readonly published: readonly Address[]
  /** What is named beside policies. */
  readonly ports: readonly number[]
  readonly addresses: readonly Address[]
}

interface Known {
  readonly workload: Workload
  readonly phase: Phase
  readonly group: number
  readonly addresses: readonly Address[]
}

export function gatewayFacts({ platform, inventory }: Subject, members: readonly Member[]): GatewayFacts {
  const gateways = inventory.gateways ?? {}
  const outside = inventory.uplink !== undefined
  const known = members.flatMap(({ workload: id, phase, group, attached }): readonly Known[] => {
    const workload = platform.workloads.get(id)
    if (workload === undefined || !attached) return []
    return [{ workload, phase, group, addresses: inventory.attachments.filter((a) => a.workload === id && a.phase === phase).flatMap((a) => [a.ipv4, a.ipv6]) }]
  })
  const byGroup = new Map(known.map((each) => [each.group, each]))
  const workloads = [...new Set(known.map(({ workload }) => workload))]
  const meshPort = platform.gateway?.meshPort ?? defaultMeshPort
  const servers = gateways.resolver?.upstream ?? (platform.resolver.upstream.length > 0 ? platform.resolver.upstream : undefined)
  const peerEnds = [...(gateways.virtual ?? [])].map(([key, addresses]) => {
    const [peer = '', enclave = '', workload = ''] = key.split('/')
    return { end: { peer, enclave, workload }, addresses: [addresses.ipv4, addresses.ipv6], gateway: platform.peers.get(peer)?.gateway }
  })
  const named = withNamedPeers(platform)
  const published = platform.gateway?.addresses ?? []
  const answersOutside = [...publishedAddresses(platform), ...published]
  const never = unionAddresses(reservedAddresses, platform.addresses, platform.infrastructure)
  const isPublic = (address: Address): boolean => isGlobal(address) && !setContains(unionAddresses(never, privateAddresses), address)
  const isOutside = (address: Address): boolean => isGlobal(address) && !setContains(never, address)
  const namesOpen = outside && gateways.outbound !== undefined && gateways.resolver !== undefined
  const encrypts = gateways.outbound !== undefined && gateways.inbound !== undefined

  const encrypted = (source: Known, destination: Workload, port: number, at: number): boolean => encrypts &&
    encryptedAllows(platform, source.workload, destination, { source: { kind: 'workload', workload: source.workload.id }, destination: { kind: 'workload', workload: destination.id }, protocol: 'tcp', port, phase: source.phase }, at)
  const naming = (source: Known, port: number, at: number): ReturnType<typeof namingPolicies> => (namesOpen ? namingPolicies(platform, source.workload, source.phase, port, at) : [])

  const leads = (source: Known, port: number, address: Address, at: number): Expectation => {
    const called = outside ? peerEnds.filter(({ addresses, gateway }) => gateway !== undefined && holds(addresses, address)) : []
    if (called.some(({ end }) => reachesPeer(named, source.workload, end, port, at))) return 'must'
    if (known.some((each) => holds(each.addresses, address) && encrypted(source, each.workload, port, at))) return 'must'
    if (gateways.outbound !== undefined && holds([gateways.outbound.ipv4, gateways.outbound.ipv6], address)) return 'never'
    if (called.some(({ end }) => reachesPeer(platform, source.workload, end, port, at))) return 'may'
    if (naming(source, port, at).length === 0) return 'never'
    // An address that is never admitted, or that is open by itself: who it is led to asks for a name all the same.
    if (!isPublic(address) || holds(answersOutside, address)) return 'may'
    const flow = { source: { kind: 'workload', workload: source.workload.id }, destination: { kind: 'address', address }, protocol: 'tcp', port, phase: source.phase } as const
    return referenceDecide(platform, flow, at) === 'allow' ? 'may' : 'must'
  }
  /** To the host and port of a document. */
  const toHost = (host: string, port: number, address: Address, asked: number): boolean => {
    if (port !== asked) return false
    const literal = parseAddress(host.replace(/^\[(.*)\]$/, '$1'))
    if (literal !== undefined) return same(literal, address) && !setContains(unionAddresses(reservedAddresses, platform.addresses), address)
    return isOutside(address) && !setContains(linkAddresses, address)
  }
  const leaves = (port: number, address: Address, at: number): boolean => {
    if (holds(answersOutside, address)) return false
    const used = (wanted: readonly PeerWorkload[]): boolean =>
      wanted.some((end) => known.some(({ workload }) => somePort((p) => reachesPeer(named, workload, end, p, at))))
    if (peerEnds.some(({ end, gateway }) => gateway !== undefined && toHost(gateway.host, gateway.port, address, port) && used([end]))) return true
    const proxy = platform.egressProxy
    if (proxy !== undefined) return toHost(proxy.host, proxy.port, address, port) && known.some((each) => somePort((p) => naming(each, p, at).length > 0))
    return known.some((each) => {
      const policies = naming(each, port, at)
      return policies.length > 0 && (isPublic(address) || (!setContains(platform.addresses, address) && namedHold(platform, policies, address)))
    })
  }
  const documented = portsIn(platform)
  const somePort = (holdsFor: (port: number) => boolean): boolean => documented.some(holdsFor)
  const asksIssuer = (port: number, address: Address, at: number): boolean => outside && platform.gateway !== undefined && !holds(answersOutside, address) &&
    workloads.some((workload) => proxyPolicies(platform, workload, undefined, at).some(({ gateway }) => gateway.kind === 'proxy' && issuers(gateway.proxy.authentication).some(({ host, port: p }) => toHost(host, p, address, port))))
  const peers = [...platform.peers.values()].map(({ bundleEndpoint }) => urlEnd(bundleEndpoint.url))
  const exchanges = outside && gateways.inbound !== undefined && peers.length > 0
  const asksPeer = (port: number, address: Address): boolean => exchanges && !holds(answersOutside, address) && peers.some((end) => toHost(end.host, end.port, address, port))
  const asksServer = (port: number, address: Address): boolean => {
    if (!outside || holds(answersOutside, address)) return false
    if (servers === undefined) return port === 53 && isOutside(address) && !setContains(linkAddresses, address)
    return servers.some((server) => server.port === port && same(server.address, address)) && !setContains(platform.addresses, address)
  }

  const open = (source: number, destination: number, protocol: Protocol, port: number, address: Address | undefined, at: number): Expectation => {
    const when = (yes: boolean): Expectation => (yes ? 'must' : 'never')
    const from = byGroup.get(source)
    const to = byGroup.get(destination)
    if (destination === resolverGroup) return when(source !== resolverGroup && (protocol === 'udp' || protocol === 'tcp') && port === 53)
    if (source === resolverGroup) return when(destination === uplinkGroup && (protocol === 'udp' || protocol === 'tcp') && address !== undefined && asksServer(port, address))
    if (protocol !== 'tcp') return 'never'
    if (destination === outboundGroup) return from === undefined || address === undefined ? 'never' : leads(from, port, address, at)
    if (source === outboundGroup && destination === inboundGroup) return when(port === meshPort && known.some((each) => known.some(({ workload }) => somePort((p) => encrypted(each, workload, p, at)))))
    if (source === outboundGroup) return when(destination === uplinkGroup && address !== undefined && outside && leaves(port, address, at))
    if (source !== inboundGroup) return 'never'
    if (destination === uplinkGroup) return when(address !== undefined && (asksPeer(port, address) || asksIssuer(port, address, at)))
    if (to === undefined) return 'never'
    const fromOutside = outside && platform.gateway !== undefined && (proxyPolicies(platform, to.workload, port, at).length > 0 || peerEnters(platform, to.workload, port, at))
    return when(fromOutside || known.some((each) => encrypted(each, to.workload, port, at)))
  }

  return {
    expect: (source, destination, protocol, port, address) => (at) => (port === undefined ? 'never' : open(source, destination, protocol, port, address, at)),
    enters: (from, to, protocol, port) => (at) => {
      if (protocol !== 'tcp' || port === undefined || !outside || !holds(published, to) || setContains(platform.addresses, from)) return 'never'
      if (port === meshPort && isOutside(from) && workloads.some((workload) => peerEnters(platform, workload, undefined, at))) return holds(answersOutside, from) ? 'may' : 'must'
      if (exchanges && port === platform.gateway?.bundlePort && isOutside(from)) return holds(answersOutside, from) ? 'may' : 'must'
      return workloads.some((workload) => listensTo(platform, proxyPolicies(platform, workload, undefined, at), from, port)) ? 'must' : 'never'
    },
    published,
    ports: [53, meshPort, ...(platform.gateway === undefined ? [] : [platform.gateway.bundlePort]), ...peers.map(({ port }) => port), ...(servers ?? []).map(({ port }) => port), ...peerEnds.flatMap(({ gateway }) => gateway?.port ?? []), ...(platform.egressProxy === undefined ? [] : [platform.egressProxy.port]), ...documented],
    addresses: [...answersOutside, ...(servers ?? []).map(({ address }) => address), ...[...peerEnds.flatMap(({ gateway }) => gateway?.host ?? []), ...peers.map(({ host }) => host.replace(/^\[(.*)\]$/, '$1')), platform.egressProxy?.host ?? ''].flatMap((host) => parseAddress(host) ?? [])],
  }
}

/** Between a host and its router. */
const linkAddresses = addressSet([prefix('198.18.0.0/15'), prefix('fd00:198:18::/48')])
const otherThanGlobal = addressSet([prefix('::/3')])

function isGlobal(address: Address): boolean {
  return !setContains(otherThanGlobal, address) && (address.family === 4 || setContains(addressSet([prefix('2000::/3'), prefix('fc00::/7'), prefix('fec0::/10')]), address))
}

function holds(list: readonly Address[], address: Address): boolean {
  return list.some((each) => same(each, address))
}

function same(a: Address, b: Address): boolean {
  return a.family === b.family && a.bits === b.bits
}

/** One port of every stretch that some document names: enough to ask whether any port is open. */
function portsIn(platform: Subject['platform']): readonly number[] {
  const items = [
    ...platform.servicePolicies.map((p) => p.traffic), ...platform.egressPolicies.map((p) => p.traffic), ...platform.ingressPolicies.map((p) => p.traffic),
    ...platform.federationPolicies.flatMap((p) => [...p.imports, ...p.exports].map((half) => half.traffic)),
  ].flatMap(({ ports }) => ports)
  const listens = platform.ingressPolicies.flatMap(({ gateway }) => (gateway.kind === 'proxy' ? (gateway.proxy.listenPort ?? []) : []))
  const own = platform.gateway === undefined ? [] : [platform.gateway.httpsPort, platform.gateway.meshPort, ...(platform.gateway.httpPort === undefined ? [] : [platform.gateway.httpPort])]
  return [...new Set([1, 443, ...listens, ...own, ...items.flatMap((item) => (item.kind === 'range' ? [item.from] : [])), ...[...platform.workloads.values()].flatMap(({ ports }) => ports.map(({ port }) => port))])]
}

function issuers(authentication: Extract<Subject['platform']['ingressPolicies'][number]['gateway'], { readonly kind: 'proxy' }>['proxy']['authentication']): readonly { readonly host: string; readonly port: number }[] {
  if (authentication.kind !== 'jwt' && authentication.kind !== 'oidc') return []
  const texts = [authentication.jwks.kind === 'uri' ? authentication.jwks.uri : '', authentication.kind === 'oidc' ? authentication.tokenEndpoint : '']
  return texts.filter((text) => text !== '').map(urlEnd)
}

function urlEnd(text: string): { readonly host: string; readonly port: number } {
  const match = /^(https?):\/\/(\[[^\]]+\]|[^/:?#]+)(?::(\d+))?(?:[/?#]|$)/.exec(text)
  return { host: match?.[2] ?? '', port: Number(match?.[3] ?? (match?.[1] === 'http' ? 80 : 443)) }
}
