/** Platforms for tests, built from values instead of documents: short to write, and free of the rules of the loader. */
import { addressSet } from '../net/address-set.ts'
import { parseAddress } from '../net/address.ts'
import { parseDomain, parseDomainPattern } from '../net/domain.ts'
import { prefix } from '../net/prefix.ts'
import { everyPath, plainProxy } from './ingress-proxy.ts'
import { brokerPort, phases } from './platform.ts'
import type { Location } from '../base/location.ts'
import type { Address } from '../net/address.ts'
import type { Protocol } from '../net/protocol.ts'
import type {
  EgressPolicy, External, ExternalRef, FederationHalf, FederationPolicy, Flow, FlowEnd, Group, GroupRef, IngressPolicy, IngressProxy, LocalRef, PeerRef, Phase, Platform,
  PortItem, Ref, Route, Scope, ServicePolicy, TrafficSpec, Workload, WorkloadId, WorkloadPort, WorkloadRef,
} from './platform.ts'

/** Line 1 of `test.yaml` unless said otherwise. */
export function place(line = 1, file = 'test.yaml'): Location {
  return { file, line, column: 1 }
}

/** A platform without documents, with the default address space. */
export function emptyPlatform(overrides: Partial<Platform> = {}): Platform {
  return {
    kind: 'Platform',
    name: 'bulkhead',
    trustDomain: 'bulkhead.internal',
    addresses: addressSet([prefix('10.128.0.0/16'), prefix('fdbb:1::/64')]),
    infrastructure: [],
    gateway: undefined,
    resolver: { upstream: [] },
    egressProxy: undefined,
    identity: { authority: undefined, svidSeconds: 3600 },
    stacks: new Map(),
    environments: new Map(),
    segments: new Map(),
    hosts: new Map(),
    enclaves: new Map(),
    workloads: new Map(),
    groups: new Map(),
    externals: new Map(),
    peers: new Map(),
    riskRecords: [],
    servicePolicies: [],
    ingressPolicies: [],
    egressPolicies: [],
    federationPolicies: [],
    guardrails: [],
    policyTests: [],
    ...overrides,
  }
}

type Parts = { readonly workloads?: readonly Workload[]; readonly groups?: readonly Group[]; readonly externals?: readonly External[] } & Partial<
  Omit<Platform, 'workloads' | 'groups' | 'externals'>
>

/** Lists become maps, and every enclave that a workload names exists (in the default environment, on no segment). */
export function platformOf({ workloads = [], groups = [], externals = [], ...rest }: Parts): Platform {
  const enclaves = new Map(
    workloads.map((w) => [w.enclave, { kind: 'Enclave', name: w.enclave, environment: 'default', segment: undefined, at: place() } as const]),
  )
  return emptyPlatform({
    enclaves,
    workloads: new Map(workloads.map((w) => [w.id, w])),
    groups: new Map(groups.map((g) => [`${g.enclave}/${g.name}`, g])),
    externals: new Map(externals.map((e) => [e.name, e])),
    ...rest,
  })
}

/** `id` is `enclave/workload`; a bare port number is a tcp port without a name. */
export function workload(
  id: WorkloadId,
  { ports = [], labels = {}, ...rest }: { ports?: readonly (number | WorkloadPort)[]; labels?: Record<string, string> } & Partial<Omit<Workload, 'ports' | 'labels'>> = {},
): Workload {
  const [enclave = '', name = ''] = id.split('/')
  return {
    kind: 'Workload', id, enclave, name, phase: 'running', replicas: 1, spread: 1, groups: [], layer: undefined, broker: undefined, segment: undefined,
    start: { kind: 'none' }, at: place(),
    labels: new Map(Object.entries(labels)),
    ports: ports.map((p) => (typeof p === 'number' ? { name: undefined, port: p, protocol: 'tcp' } : p)),
    ...rest,
  }
}

/** `a/x`, `a/*`, `group:a/g`, `labels:a:key=value`, `external:e`, `peer:p/a/x`. */
export function ref(text: string): Ref {
  const at = place()
  const [kind = '', rest = ''] = text.split(/:(.*)/s)
  const [first = '', second = '', third = ''] = rest.split('/')
  if (kind === 'group') return { kind: 'group', group: rest, at }
  if (kind === 'external') return { kind: 'external', external: rest, at }
  if (kind === 'peer') return { kind: 'peer', peer: first, enclave: second, workload: third, at }
  if (kind === 'labels') {
    const [enclave = '', pairs = ''] = rest.split(':')
    return { kind: 'labels', enclave, labels: new Map(pairs.split(',').map((p) => p.split('=') as [string, string])), at }
  }
  if (text.endsWith('/*')) return { kind: 'enclave', enclave: text.slice(0, -2), at }
  return { kind: 'workload', workload: text as WorkloadId, at }
}

export function scope(text: string): Scope {
  const at = place()
  const [kind = '', name = ''] = text.split(/:(.*)/s)
  if (text === '*') return { kind: 'every-workload', at }
  if (text === 'external:*') return { kind: 'every-external', at }
  if (kind === 'environment') return { kind, environment: name, at }
  if (kind === 'stack') return { kind, stack: name, at }
  if (kind === 'segment') return { kind, segment: name, at }
  return ref(text)
}

/** `tcp 80`, `tcp 80,8000-8100,http`, `udp any`, `icmp`, `any`, `nats a.*,b c.>` (published, then subscribed to; `-` for none). */
export function traffic(text: string): TrafficSpec {
  const [protocol = '', ports = '', heard = '-'] = text.split(' ')
  if (protocol === 'nats') {
    const subjects = (list: string): readonly string[] => (list === '-' ? [] : list.split(',').sort())
    return { protocol: 'tcp', ports: [portItem(brokerPort)], messages: { publish: subjects(ports), subscribe: subjects(heard) } }
  }
  const items = protocol === 'any' ? [{ kind: 'any' } as const] : ports.split(',').filter(Boolean).map(portItem)
  return { protocol: protocol as Protocol | 'any', ports: items }
}

function portItem(text: string): PortItem {
  if (text === 'any') return { kind: 'any' }
  const range = /^([0-9]+)(?:-([0-9]+))?$/.exec(text)
  if (range === null) return { kind: 'name', name: text, at: place() }
  return { kind: 'range', from: Number(range[1]), to: Number(range[2] ?? range[1]) }
}

type Ends = string | readonly string[]

function refs<T extends Ref>(texts: Ends): readonly T[] {
  return [texts].flat().map((text) => ref(text) as T)
}

interface PolicyOptions {
  readonly expires?: number
  readonly at?: Location
}

type EncryptedOptions = PolicyOptions & { readonly encryption?: 'required' }

/** `owner` is `enclave/name`, as for all policies here. */
export function service(owner: string, source: Ends, destination: Ends, what: string, options: EncryptedOptions = {}): ServicePolicy {
  return {
    kind: 'ServicePolicy', ...base(owner, options), source: refs<LocalRef>(source), destination: refs<LocalRef>(destination), traffic: traffic(what),
    encryption: options.encryption,
  }
}

export function egress(
  owner: string, source: Ends, destination: Ends, what: string,
  { phases: only = phases, http, ...options }: PolicyOptions & { readonly phases?: readonly Phase[]; readonly http?: EgressPolicy['http'] } = {},
): EgressPolicy {
  return {
    kind: 'EgressPolicy', ...base(owner, options), source: refs<LocalRef>(source), destination: refs<ExternalRef>(destination),
    traffic: traffic(what), phases: only, http,
  }
}

/** `address:port` publishes; without it, a proxy for `www.example.org` that asks for a certificate of the platform's own. */
export function ingress(owner: string, source: Ends, destination: Ends, what: string, publish?: string, options: PolicyOptions & { readonly proxy?: Partial<IngressProxy> } = {}): IngressPolicy {
  const at = publish?.lastIndexOf(':') ?? 0
  return {
    kind: 'IngressPolicy', ...base(owner, options), source: refs<ExternalRef>(source), destination: refs<LocalRef>(destination), traffic: traffic(what),
    gateway:
      publish === undefined
        ? proxied(proxyOf(options.proxy))
        : { kind: 'publish', addresses: [address(publish.slice(0, at))], port: Number(publish.slice(at + 1)) },
  }
}

export function proxied(proxy: IngressProxy): Extract<IngressPolicy['gateway'], { readonly kind: 'proxy' }> {
  return { kind: 'proxy', hosts: proxy.hosts, authentication: proxy.authentication.kind, proxy }
}

/** Every request for `www.example.org` by callers with a certificate of the platform's own, unless said otherwise. */
export function proxyOf(different: Partial<IngressProxy> = {}): IngressProxy {
  return { ...plainProxy(['www.example.org'], { kind: 'mtls', caFile: undefined, subjects: [] }), ...different }
}

/** `/path`, or `/path*` for a prefix. */
export function route(path: string, different: Partial<Route> = {}): Route {
  return { ...everyPath, path: path.replace(/\*$/, ''), prefix: path.endsWith('*'), ...different }
}

type HalfText = readonly [source: Ends, destination: Ends, what: string]

export function federation(
  owner: string, halves: { readonly exports?: readonly HalfText[]; readonly imports?: readonly HalfText[] }, options: EncryptedOptions = {},
): FederationPolicy {
  const half = ([source, destination, what]: HalfText): FederationHalf => ({
    source: refs<LocalRef | PeerRef>(source), destination: refs<LocalRef | PeerRef>(destination), traffic: traffic(what), at: options.at ?? place(),
  })
  return { kind: 'FederationPolicy', ...base(owner, options), exports: (halves.exports ?? []).map(half), imports: (halves.imports ?? []).map(half), encryption: options.encryption }
}

function base(owner: string, { expires, at = place() }: PolicyOptions): Pick<ServicePolicy, 'enclave' | 'name' | 'expires' | 'at'> {
  const [enclave = '', name = ''] = owner.split('/')
  return { enclave, name, expires, at }
}

/** Names with a dot are domains, all others CIDRs. */
export function external(name: string, what: readonly string[], flags: { readonly infrastructure?: boolean } = {}): External {
  const domains = what.flatMap((text) => parseDomainPattern(text) ?? [])
  return {
    kind: 'External', name, domains, cidrs: addressSet(what.filter((text) => parseDomainPattern(text) === undefined).map(prefix)),
    infrastructure: flags.infrastructure ?? false, telemetry: false, at: place(),
  }
}

/** `members` are workload ids or `group:enclave/name`; exceptions are a reference and a direction. */
export function group(key: string, members: readonly string[], exceptions: readonly (readonly [string, 'in' | 'out' | 'both'])[] = []): Group {
  const [enclave = '', name = ''] = key.split('/')
  return {
    kind: 'Group', enclave, name, at: place(), members: refs<WorkloadRef | GroupRef>(members),
    exceptions: exceptions.map(([other, direction]) => ({ with: ref(other), direction, at: place() })),
  }
}

/** `a/x -> external:e tcp 80`, with `in task` after it for a phase; ends are references, addresses or names. */
export function flow(text: string): Flow {
  const match = /^(\S+) -> (\S+) (\S+)(?: ([0-9]+))?(?: in (\S+))?$/.exec(text)
  if (match === null) throw new TypeError(`not a flow: ${text}`)
  const [, source = '', destination = '', protocol, port, phase] = match
  return {
    source: flowEnd(source), destination: flowEnd(destination), protocol: protocol as Protocol,
    port: port === undefined ? undefined : Number(port), phase: phase as Phase | undefined,
  }
}

function flowEnd(text: string): FlowEnd {
  const parsed = parseAddress(text)
  if (parsed !== undefined) return { kind: 'address', address: parsed }
  if (parseDomain(text) !== undefined) return { kind: 'name', name: text }
  const end = ref(text)
  if (end.kind === 'workload' || end.kind === 'external' || end.kind === 'peer') return end
  throw new TypeError(`not an end of a flow: ${text}`)
}

export function address(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new TypeError(`not an address: ${text}`)
  return parsed
}
