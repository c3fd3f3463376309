/** From the allowed paths to what the resolver may tell whom. Pure; one Intent gives one text. */
import { externalAddresses, publishedAddresses } from '../../intent/externals.ts'
import { compareText } from '../../base/location.ts'
import { intersectAddresses, subtractAddresses, toPrefixes, unionAddresses } from '../../net/address-set.ts'
import { formatAddress } from '../../net/address.ts'
import { formatDomainPattern, parseDomain } from '../../net/domain.ts'
import { formatPrefix } from '../../net/prefix.ts'
import { privateAddresses, privateNetworks } from '../../net/private.ts'
import { reservedAddresses } from '../../net/reserved.ts'
import { isExpired } from '../../model/platform.ts'
import { refuse } from './capabilities.ts'
import { insideSuffix } from './inventory.ts'
import type { Intent, Path } from '../../intent/intent.ts'
import type { External, PeerWorkload, Phase, Platform, WorkloadId } from '../../model/platform.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { DnsRefusal } from './capabilities.ts'
import type { DnsInventory, DnsPlace, GatewayAsker, PeerAddresses } from './inventory.ts'
import type { Grant, OutsideName, ZoneAsker, ZoneHost, Zones } from './zones.ts'

export interface DnsArtefacts {
  readonly kind: 'dns-artefacts'
  readonly zones: Zones
  readonly refused: readonly DnsRefusal[]
}

/** `now` in milliseconds since the epoch: paths that have ended by then are left out, later ends are written down. */
export function render(platform: Platform, intent: Intent, inventory: DnsInventory, options: { readonly now: number }): DnsArtefacts {
  const open = intent.paths.filter((path) => !isExpired(path, options.now))
  // A public name has no business to lead there. Documentation space is not in it: nothing answers there but what was put there.
  const never = unionAddresses(reservedAddresses, privateAddresses, platform.addresses, platform.infrastructure, publishedAddresses(platform))
  const held = holdings(platform, never)
  const inside = insideHosts(inventory)
  const refused: DnsRefusal[] = []
  const peers = peerHosts(platform, inventory.peers)
  const hosts = new Map([...peers, ...inside])
  const bySource = Map.groupBy(open.filter(fromWorkload), (path) => path.source.workload)
  const shared = new Map<string, Pick<ZoneAsker, 'hosts' | 'outside'>>()

  function grantsOf(workload: WorkloadId, phase: Phase): Pick<ZoneAsker, 'hosts' | 'outside'> {
    const key = `${workload}@${phase}`
    let known = shared.get(key)
    if (known === undefined) {
      const paths = (bySource.get(workload) ?? []).filter((path) => path.phases.includes(phase))
      known = { hosts: reachable(paths), outside: outsideOf(platform, paths, held) }
      shared.set(key, known)
    }
    return known
  }

  function reachable(paths: readonly Path[]): ZoneAsker['hosts'] {
    const found = new Map<string, Grant[]>()
    for (const path of paths) {
      const name = nameOf(path)
      if (name !== undefined) add(found, name, path)
    }
    return freeze([...found].sort(([a], [b]) => compareText(a, b)).map(([name, grants]) => freeze({ name, grants: sortedGrants(grants) })))
  }

  function nameOf(path: Path): string | undefined {
    const { destination } = path
    if (destination.kind === 'workload') return insideName(destination.workload)
    if (destination.kind === 'external') return undefined
    const name = destination.workload === '*' ? undefined : peerName(platform, destination)
    if (name === undefined || !peers.has(name) || inside.has(name)) return undefined
    return name
  }

  for (const path of open) {
    if (path.destination.kind !== 'peer') continue
    const name = peerName(platform, path.destination)
    if (path.destination.workload === '*') refused.push(refuse('peer-wildcard', path))
    else if (name === undefined || !peers.has(name)) refused.push(refuse('peer-unaddressed', path))
    else if (inside.has(name)) refused.push(refuse('name-taken', path))
  }

  const workloads = [...Map.groupBy(inventory.places, ({ workload, phase }) => `${workload}@${phase}`)].map(([asker, places]): ZoneAsker => {
    const [{ workload, phase } = { workload: '/' as WorkloadId, phase: 'running' as Phase }] = places
    return freeze({ asker, kind: 'workload', places: freeze(places.map(placeAddresses).sort(([a = ''], [b = '']) => compareText(a, b))), self: selfOf(workload), ...grantsOf(workload, phase) })
  })
  const gateways = inventory.gateways.map((gateway) => gatewayAsker(platform, gateway, open, held))
  return freeze({
    kind: 'dns-artefacts',
    zones: freeze({
      kind: 'dns-zones',
      hosts: freeze([...hosts.values()].sort((a, b) => compareText(a.name, b.name))),
      askers: freeze([...gateways, ...workloads].sort((a, b) => compareText(a.asker, b.asker))),
      never: freeze(toPrefixes(never).map(formatPrefix)),
    }),
    refused: freeze(refused),
  })
}

export function insideName(workload: WorkloadId): string {
  const [enclave, name] = workload.split('/')
  return `${name}.${enclave}.${insideSuffix}`
}

function fromWorkload(path: Path): path is Path & { readonly source: { readonly kind: 'workload'; readonly workload: WorkloadId } } {
  return path.source.kind === 'workload'
}

function selfOf(workload: WorkloadId): NonNullable<ZoneAsker['self']> {
  return freeze({ name: insideName(workload), enclave: workload.split('/')[0] ?? '' })
}

function peerName(platform: Platform, end: PeerWorkload): string | undefined {
  const peer = platform.peers.get(end.peer)
  return peer === undefined ? undefined : `${end.workload}.${end.enclave}.${peer.trustDomain}`.toLowerCase()
}

function placeAddresses(place: Pick<DnsPlace, 'ipv4' | 'ipv6'>): readonly string[] {
  return freeze([formatAddress(place.ipv4), formatAddress(place.ipv6)])
}

function insideHosts(inventory: DnsInventory): ReadonlyMap<string, ZoneHost> {
  const real = Map.groupBy(inventory.places.filter((place) => !place.probe), ({ workload }) => insideName(workload))
  return new Map([...real].map(([name, places]) => [name, hostOf(name, places)]))
}

function peerHosts(platform: Platform, peers: readonly PeerAddresses[]): ReadonlyMap<string, ZoneHost> {
  return new Map(peers.flatMap((each) => {
    const name = peerName(platform, each)
    return name === undefined ? [] : [[name, hostOf(name, [each])] as const]
  }))
}

function hostOf(name: string, places: readonly Pick<DnsPlace, 'ipv4' | 'ipv6'>[]): ZoneHost {
  const family = (which: 'ipv4' | 'ipv6'): readonly string[] =>
    places.map((place) => place[which]).sort((a, b) => (a.bits < b.bits ? -1 : a.bits > b.bits ? 1 : 0)).map(formatAddress)
  return freeze({ name, addresses: freeze([...family('ipv4'), ...family('ipv6')]) })
}

/** The CIDRs of `never` in which answers may lie because that External names both the domain and the addresses. */
function holdings(platform: Platform, never: AddressSet): (external: External) => readonly string[] {
  const addressesOf = externalAddresses(platform)
  const own = unionAddresses(platform.addresses, publishedAddresses(platform))
  const known = new Map<string, readonly string[]>()
  return (external) => {
    let cidrs = known.get(external.name)
    if (cidrs === undefined) {
      cidrs = freeze(toPrefixes(intersectAddresses(subtractAddresses(addressesOf(external), own), never)).map(formatPrefix))
      known.set(external.name, cidrs)
    }
    return cidrs
  }
}

function outsideOf(platform: Platform, paths: readonly Path[], held: (external: External) => readonly string[]): readonly OutsideName[] {
  const byExternal = new Map<string, Grant[]>()
  for (const path of paths) if (path.destination.kind === 'external') add(byExternal, path.destination.external, path)
  const found = [...byExternal].flatMap(([name, grants]) => {
    const external = platform.externals.get(name)
    if (external === undefined) return []
    return external.domains.map((pattern) => outsideName(formatDomainPattern(pattern), name, sortedGrants(grants), held(external)))
  })
  return freeze(found.sort(compareOutside))
}

/** Whose path it is shows only in the gateway's own record, so its grants name no documents. */
function gatewayAsker(platform: Platform, gateway: GatewayAsker, open: readonly Path[], held: (external: External) => readonly string[]): ZoneAsker {
  const always: readonly Grant[] = freeze([freeze({ documents: freeze([]) })])
  const outward = gateway.name === 'outbound' ? open.filter(({ destination }) => destination.kind === 'external') : []
  const byExternal = Map.groupBy(outward, ({ destination }) => (destination.kind === 'external' ? destination.external : ''))
  const led = [...byExternal].flatMap(([name, paths]) => {
    const external = platform.externals.get(name)
    if (external === undefined) return []
    const ends = paths.map(({ expires }) => expires ?? Infinity).reduce((a, b) => Math.max(a, b))
    const grants = ends === Infinity ? always : freeze([freeze({ documents: freeze([]), until: ends })])
    return external.domains.map((pattern) => outsideName(formatDomainPattern(pattern), name, grants, held(external)))
  })
  const peers = [...platform.peers.values()].map((peer) => (gateway.name === 'outbound' ? peer.gateway.host : new URL(peer.bundleEndpoint.url).hostname))
  const operators = new Set([...peers, ...(gateway.name === 'outbound' ? gateway.names : [])].flatMap((text) => parseDomain(text) ?? []))
  const names = new Set([...operators, ...gateway.names.flatMap((text) => parseDomain(text) ?? [])])
  // Peers and the proxy on the way out are the operator's own words, and may well stand in a private network; a token's issuer is a tenant's.
  const holds = freeze(toPrefixes(subtractAddresses(privateNetworks, machinery(platform))).map(formatPrefix))
  const own = [...names].map((name) => outsideName(name, `gateway ${gateway.name}`, always, operators.has(name) ? holds : freeze([])))
  return freeze({
    asker: `gateway/${gateway.name}`, kind: 'gateway', places: freeze([freeze(gateway.addresses.map(formatAddress).sort(compareText))]),
    hosts: freeze([]), outside: freeze([...led, ...own].sort(compareOutside)),
  })
}

/** What no name leads to, whoever says so. */
function machinery(platform: Platform): AddressSet {
  return unionAddresses(reservedAddresses, platform.addresses, platform.infrastructure, publishedAddresses(platform))
}

function outsideName(domain: string, external: string, grants: readonly Grant[], holds: readonly string[]): OutsideName {
  return freeze({ domain, external, grants, holds })
}

function compareOutside(a: OutsideName, b: OutsideName): number {
  return compareText(a.domain, b.domain) || compareText(a.external, b.external)
}

function add(to: Map<string, Grant[]>, key: string, path: Path): void {
  const documents = freeze(path.origin.map((origin) => origin.document).sort(compareText))
  const grant = freeze(path.expires === undefined ? { documents } : { documents, until: path.expires })
  const there = to.get(key)
  if (there === undefined) to.set(key, [grant])
  else there.push(grant)
}

/** Without repetitions: a policy for three protocols is one grant of the name. */
function sortedGrants(grants: readonly Grant[]): readonly Grant[] {
  const text = (grant: Grant): string => `${grant.documents.join(' ')} ${grant.until ?? ''}`
  const unlike = new Map(grants.map((grant) => [text(grant), grant]))
  return freeze([...unlike].sort(([a], [b]) => compareText(a, b)).map(([, grant]) => grant))
}

function freeze<T extends object>(value: T): Readonly<T> {
  return Object.freeze(value)
}
