/** For tests: platforms and intents by hand, workloads by name, paths by their ends. */
import { lower } from './lower.ts'
import { assignGroups, noIds } from './ids.ts'
import { addressSet } from '../../net/address-set.ts'
import { parseAddress } from '../../net/address.ts'
import { parseDomainPattern } from '../../net/domain.ts'
import { allPorts, noPorts, portSet } from '../../net/ports.ts'
import { prefix } from '../../net/prefix.ts'
import { phases } from '../../model/platform.ts'
import type { Lowered } from './lower.ts'
import type { IdTable } from './ids.ts'
import type { Attachment, Gateways, Inventory } from './inventory.ts'
import type { Path, PathEnd, Via } from '../../intent/intent.ts'
import type { External, IngressPolicy, Phase, Platform, Workload, WorkloadId } from '../../model/platform.ts'
import type { Address } from '../../net/address.ts'
import type { PortSet } from '../../net/ports.ts'
import type { Protocol } from '../../net/protocol.ts'

const at = { file: 'test.yaml', line: 1, column: 1 }

export interface Described {
  readonly workloads: readonly WorkloadId[]
  /** Name to CIDRs and domains; a name that ends in `!` says `infrastructure: true`. */
  readonly externals?: Readonly<Record<string, readonly string[]>>
  readonly paths: readonly Path[]
  readonly platform?: Partial<Platform>
  readonly gateways?: Gateways
}

/** All three, with the addresses that hosts give them. */
export const everyGateway: Gateways = {
  outbound: { interface: 'bhg-out', ipv4: addressOf('10.128.0.3'), ipv6: addressOf('fdbb:1::3') },
  inbound: { interface: 'bhg-in', ipv4: addressOf('10.128.0.4'), ipv6: addressOf('fdbb:1::4') },
  resolver: { interface: 'bhg-dns', ipv4: addressOf('10.128.0.5'), ipv6: addressOf('fdbb:1::5') },
}

export function addressOf(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new TypeError(`not an address: ${text}`)
  return parsed
}

/** Its workloads have the addresses 10.128.0.0/16 and fdbb:1::/64. */
export function platformOf({ workloads, externals = {}, paths, platform = {} }: Described): Platform {
  const nothing = new Map<never, never>()
  return {
    kind: 'Platform', name: 'test', trustDomain: 'test.internal',
    addresses: addressSet([prefix('10.128.0.0/16'), prefix('fdbb:1::/64')]), infrastructure: addressSet([prefix('192.0.2.0/28')]),
    gateway: undefined, resolver: { upstream: [] }, egressProxy: undefined, identity: { authority: undefined, svidSeconds: 3600 },
    stacks: nothing, environments: nothing, segments: nothing, hosts: nothing, enclaves: nothing, groups: nothing, peers: nothing,
    workloads: new Map(workloads.map((id) => [id, workload(id)])),
    externals: new Map(Object.entries(externals).map(([name, cidrs]) => [name, external(name, cidrs)])),
    riskRecords: [], servicePolicies: [], egressPolicies: [], federationPolicies: [], guardrails: [], policyTests: [],
    ingressPolicies: paths.flatMap(({ via }) => (via.kind === 'publish' ? [ingress(via)] : [])),
    ...platform,
  }
}

function workload(id: WorkloadId): Workload {
  const [enclave = '', name = ''] = id.split('/')
  return {
    kind: 'Workload', id, enclave, name, labels: new Map(), ports: [], phase: 'running', replicas: 1, spread: 1, groups: [], layer: undefined, broker: undefined,
    segment: undefined, start: { kind: 'none' }, at,
  }
}

/** Texts without a slash are domains. */
function external(name: string, texts: readonly string[]): External {
  const domains = texts.filter((text) => !text.includes('/')).flatMap((text) => parseDomainPattern(text) ?? [])
  return { kind: 'External', name, domains, cidrs: addressSet(texts.filter((text) => text.includes('/')).map(prefix)), infrastructure: name.endsWith('!'), telemetry: false, at }
}

function ingress(gateway: Extract<Via, { readonly kind: 'publish' }>): IngressPolicy {
  return { kind: 'IngressPolicy', name: 'published', enclave: 'e', expires: undefined, at, source: [], destination: [], traffic: { protocol: 'tcp', ports: [] }, gateway }
}

/** `tcp 80,8000-8100`, `udp any`, `icmp`. */
export function traffic(text: string): { readonly protocol: Protocol; readonly ports: PortSet } {
  const [protocol = 'tcp', ports = ''] = text.split(' ') as [Protocol, string?]
  if (protocol === 'icmp') return { protocol, ports: noPorts }
  if (ports === 'any') return { protocol, ports: allPorts }
  return { protocol, ports: portSet(ports.split(',').map((part) => {
    const [from = 0, to = from] = part.split('-').map(Number)
    return { from, to }
  })) }
}

interface Rest {
  readonly phases?: readonly Phase[]
  readonly expires?: number
  readonly document?: string
  readonly via?: Via
}

/** Ends that begin with `external:` or `peer:` are outside. */
export function path(source: string, destination: string, what: string, rest: Rest = {}): Path {
  const ends = { source: pathEnd(source), destination: pathEnd(destination) }
  const kind = ends.source.kind === 'external' ? 'ingress' : ends.destination.kind === 'external' ? 'egress' : 'service'
  return {
    kind, ...ends, ...traffic(what),
    phases: rest.phases ?? phases,
    expires: rest.expires,
    via: rest.via ?? (kind === 'egress' ? { kind: 'egress', http: undefined } : { kind: 'direct' }),
    origin: [{ document: rest.document ?? `Policy ${source} to ${destination}`, at }],
  }
}

export function publishing(port: number, ...addresses: readonly string[]): Via {
  return { kind: 'publish', addresses: addresses.map(addressOf), port }
}

function pathEnd(text: string): PathEnd {
  if (text.startsWith('external:')) return { kind: 'external', external: text.slice('external:'.length) }
  if (!text.startsWith('peer:')) return { kind: 'workload', workload: text as WorkloadId }
  const [peer = '', enclave = '', name = ''] = text.slice('peer:'.length).split('/')
  return { kind: 'peer', peer, enclave, workload: name }
}

/** One replica of each workload in phase `running`: `bhw0` has 10.128.0.10 and fdbb:1::10, and so on. */
export function inventoryOf(ids: Pick<IdTable, 'groups'>, workloads: readonly WorkloadId[], uplink = true, gateways?: Gateways): Inventory {
  const attachments = workloads.map((id, i): Attachment => ({
    interface: `bhw${i}`, workload: id, phase: 'running', replica: 0,
    ipv4: addressOf(`10.128.0.${10 + i}`), ipv6: addressOf(`fdbb:1::${10 + i}`), probe: false,
  }))
  return { groups: ids.groups, attachments, uplink: uplink ? { interface: 'bhu0' } : undefined, ...(gateways === undefined ? {} : { gateways }) }
}

/** From a description to atoms, with `before`'s ids kept. */
export function lowered(described: Described, now: number, before: IdTable = noIds): Lowered & { readonly inventory: Inventory } {
  const platform = platformOf(described)
  const ids = assignGroups(before, platform)
  const inventory = inventoryOf(ids, described.workloads, true, described.gateways)
  return { ...lower(platform, { kind: 'intent', paths: described.paths }, inventory, ids, now), inventory }
}
