/** The fewest documents that would open a refused flow, and no more than it asks for. */
import { normalPath } from '../net/http-path.ts'
import { setContains } from '../net/address-set.ts'
import { publishedAddresses } from '../intent/externals.ts'
import { selector } from '../intent/select.ts'
import { plainProxy } from '../model/ingress-proxy.ts'
import { allPolicies, phases } from '../model/platform.ts'
import { carriesAsked, halvesFor, isOpen } from './boundaries.ts'
import { externalFor } from './external-for.ts'
import { freeName, proposed } from './names.ts'
import type { Asked } from '../intent/mismatch.ts'
import type { Protocol } from '../net/protocol.ts'
import type {
  EgressPolicy, External, FederationPolicy, FlowEnd, Group, HttpMatch, IngressGateway, LocalRef, PeerRef, Platform, Policy, PortItem, Ref, TrafficSpec, Workload, WorkloadRef,
} from '../model/platform.ts'

/** An exception that a Group has to list for itself. */
export interface GroupEdit {
  readonly group: Group
  readonly with: Ref
  readonly direction: 'in' | 'out'
}

export type Additions =
  | { readonly kind: 'possible'; readonly policies: readonly Policy[]; readonly externals: readonly External[]; readonly edits: readonly GroupEdit[] }
  /** No document that is added opens it; `why` says what would have to be another. */
  | { readonly kind: 'impossible'; readonly why: string }

/** An HTTP request, where the question was about one. */
export interface Request {
  readonly method: string
  readonly path: string
}

export function additionsFor(platform: Platform, asked: Asked, request: Request | undefined, now: number): Additions {
  const { source, destination } = asked
  const [from, to] = [workloadOf(platform, source), workloadOf(platform, destination)]
  if ((source.kind === 'workload' && from === undefined) || (destination.kind === 'workload' && to === undefined)) return impossible('a workload has to exist first')
  for (const end of [source, destination]) {
    if (end.kind === 'external' && !platform.externals.has(end.external)) return impossible(`an External \`${end.external}\` has to exist first`)
    if (end.kind === 'peer' && !platform.peers.has(end.peer)) return impossible(`a Peer \`${end.peer}\` has to exist first`)
  }
  const traffic = trafficFor(asked, to)
  if (traffic.length === 0) return impossible('say which port and protocol it is about')
  const made = from === undefined ? inward(platform, asked, to, traffic) : outward(platform, asked, from, to, traffic, request, now)
  return made.kind === 'impossible' ? made : { ...made, edits: groupEdits(platform, made.policies) }
}

/** The traffic asked about; without any, what the destination declares. */
function trafficFor({ protocol, port }: Asked, to: Workload | undefined): readonly TrafficSpec[] {
  if (protocol === 'icmp') return [{ protocol, ports: [] }]
  if (protocol !== undefined) return port === undefined ? [] : [{ protocol, ports: [portItem(port)] }]
  const declared = to?.ports ?? []
  return (['sctp', 'tcp', 'udp'] as const).flatMap((one) => {
    const numbers = [...new Set(declared.filter((p) => p.protocol === one).map((p) => p.port))].sort((a, b) => a - b)
    return numbers.length === 0 ? [] : [{ protocol: one, ports: numbers.map(portItem) }]
  })
}

function portItem(port: number): PortItem {
  return { kind: 'range', from: port, to: port }
}

function outward(
  platform: Platform, asked: Asked, from: Workload, to: Workload | undefined, traffic: readonly TrafficSpec[], request: Request | undefined, now: number,
): Additions {
  const source = [ref(from)]
  const { destination } = asked
  if (to !== undefined) {
    const policies = to.enclave === from.enclave
      ? traffic.map((one): Policy => ({ kind: 'ServicePolicy', ...owned(platform, 'ServicePolicy', from.enclave, `${from.name}-to-${to.name}`, one), source, destination: [ref(to)], traffic: one, encryption: undefined }))
      : missingHalves(platform, from, to, traffic, now)
    return possible(policies)
  }
  if (destination.kind === 'peer') {
    const end: PeerRef = { ...destination, at: proposed }
    return possible([federation(platform, from.enclave, 'imports', source, [end], traffic, `${from.name}-to-${destination.peer}-${destination.workload === '*' ? 'all' : destination.workload}`)])
  }
  if (destination.kind === 'address') {
    if (setContains(platform.addresses, destination.address)) return impossible('the address is the platform\'s own: ask for the workload by its name')
    if (setContains(publishedAddresses(platform), destination.address)) return impossible('a published address answers only from outside: ask for the workload behind it')
  }
  const held = destination.kind === 'workload' ? undefined : externalFor(platform, destination, now)
  if (held === undefined) return impossible('it is not a name that an External could hold')
  if (typeof held === 'string') return impossible(held)
  const { external, isNew } = held
  const http = destination.kind === 'address' ? undefined : matchFor(request)
  if (http === 'nameless') return impossible('no policy can name that path')
  const open = phasesFor(platform, from, asked)
  const policies = traffic.map((one): EgressPolicy => ({
    kind: 'EgressPolicy', ...owned(platform, 'EgressPolicy', from.enclave, `${from.name}-to-${external.name}`, one),
    source, destination: [{ kind: 'external', external: external.name, at: proposed }], traffic: one, phases: open, http,
  }))
  return possible(policies, isNew ? [external] : [])
}

/** Exactly this request. A `*` would stand for more, and a path that could be read in two ways every gateway refuses. */
function matchFor(request: Request | undefined): HttpMatch | undefined | 'nameless' {
  if (request === undefined) return undefined
  const path = normalPath(request.path)
  return path === undefined || path.includes('*') ? 'nameless' : { methods: [request.method], paths: [path] }
}

/** Where only staging may lead out of a segment, the policy holds for staging alone; elsewhere for the phase that was asked about. */
function phasesFor(platform: Platform, from: Workload, asked: Asked): EgressPolicy['phases'] {
  const restricted = from.segment !== undefined && platform.segments.get(from.segment)?.egress === 'restricted'
  const phase = asked.phase ?? (restricted ? from.phase : undefined)
  return phase === undefined ? phases : [phase]
}

function inward(platform: Platform, asked: Asked, to: Workload | undefined, traffic: readonly TrafficSpec[]): Additions {
  const { source, destination } = asked
  if (to !== undefined && source.kind === 'peer') {
    const end: PeerRef = { ...source, at: proposed }
    return possible([federation(platform, to.enclave, 'exports', [end], [ref(to)], traffic, `${source.peer}-${source.workload === '*' ? 'all' : source.workload}-to-${to.name}`)])
  }
  if (to !== undefined && source.kind === 'external') return gatewayPolicy(platform, source.external, to, traffic)
  if (to !== undefined) return impossible('nothing outside reaches a workload itself: ask for `external:NAME` and the workload, or for a published address')
  if (source.kind !== 'address' || destination.kind !== 'address') return impossible('both ends are outside the platform')
  return publishPolicy(platform, asked, source, destination)
}

/** The same names and settings as a gateway that leads to the same place already; else a name of the platform's own, and mutual TLS. */
function gatewayPolicy(platform: Platform, external: string, to: Workload, traffic: readonly TrafficSpec[]): Additions {
  if (traffic.some((one) => one.protocol !== 'tcp')) return impossible('a gateway carries tcp; publish an address for the workload for anything else')
  const taken = new Set(platform.ingressPolicies.flatMap(({ gateway }) => (gateway.kind === 'proxy' ? gateway.hosts : [])))
  // A request leads to one port, so each port has a name of its own.
  const single = traffic.flatMap((one) => one.ports.map((item) => ({ ...one, ports: [item] })))
  return possible(single.map((one): Policy => {
    const [item] = one.ports
    const port = item?.kind === 'range' ? item.from : 0
    const serving = platform.ingressPolicies.find(({ gateway, destination: [only, ...more], traffic: { ports: [mine, ...others] } }) =>
      gateway.kind === 'proxy' && more.length + others.length === 0 && only?.kind === 'workload' && only.workload === to.id && mine?.kind === 'range' && mine.from === port && mine.to === port)
    return {
      kind: 'IngressPolicy', ...owned(platform, 'IngressPolicy', to.enclave, `${external}-to-${to.name}`, one),
      source: [{ kind: 'external', external, at: proposed }], destination: [ref(to)], traffic: one, gateway: serving?.gateway ?? ownGateway(platform, to, port, taken),
    }
  }))
}

function ownGateway(platform: Platform, { name, enclave }: Workload, port: number, taken: Set<string>): IngressGateway {
  const below = `${enclave}.${platform.trustDomain}`
  const label = [name, `${name}-${port}`].find((one) => !taken.has(`${one}.${below}`)) ?? freeName(`${name}-${port}`, (one) => taken.has(`${one}.${below}`))
  taken.add(`${label}.${below}`)
  const proxy = plainProxy([`${label}.${below}`], { kind: 'mtls', caFile: undefined, subjects: [] })
  return { kind: 'proxy', hosts: proxy.hosts, authentication: 'mtls', proxy }
}

/** Another source for what is published already; where else an address should lead, nobody can guess. */
function publishPolicy(platform: Platform, asked: Asked, source: AddressEnd, destination: AddressEnd): Additions {
  const same = platform.ingressPolicies.find(
    ({ gateway, traffic }) =>
      gateway.kind === 'publish' && gateway.port === asked.port && traffic.protocol === asked.protocol &&
      gateway.addresses.some((a) => a.family === destination.address.family && a.bits === destination.address.bits),
  )
  if (same === undefined || same.gateway.kind !== 'publish') return impossible('nothing is published at that address and port: write an IngressPolicy that says which workload answers there')
  if (setContains(platform.addresses, source.address)) return impossible('the source is one of the platform\'s own addresses')
  const held = externalFor(platform, source, Infinity)
  if (held === undefined || typeof held === 'string') return impossible(held ?? 'no External can hold the source')
  const gateway = { ...same.gateway, addresses: [destination.address] }
  const policy: Policy = { ...same, ...owned(platform, 'IngressPolicy', same.enclave, `${held.external.name}-to-${same.name}`, undefined), expires: undefined, source: [{ kind: 'external', external: held.external.name, at: proposed }], gateway }
  return possible([policy], held.isNew ? [held.external] : [])
}

type AddressEnd = Extract<FlowEnd, { readonly kind: 'address' }>

/** One policy for each side that lacks something, with what it lacks alone: what a side has opened already need not be written again. */
function missingHalves(platform: Platform, from: Workload, to: Workload, traffic: readonly TrafficSpec[], now: number): readonly Policy[] {
  const lacking = (side: 'import' | 'export', enclave: string): readonly TrafficSpec[] => {
    const open = halvesFor(platform, side, enclave, from, to).filter((one) => isOpen(one, now))
    const carries = (protocol: Protocol, port: number | undefined): boolean => open.some(({ half }) => carriesAsked(half, { protocol, port }, to))
    return traffic.flatMap((one) => {
      if (one.protocol === 'any') return [one]
      const { protocol } = one
      const ports = one.ports.filter((item) => item.kind !== 'range' || !carries(protocol, item.from))
      return protocol === 'icmp' ? (carries(protocol, undefined) ? [] : [one]) : ports.length === 0 ? [] : [{ ...one, ports }]
    })
  }
  const [imports, exports] = [lacking('import', from.enclave), lacking('export', to.enclave)]
  const name = `${from.name}-to-${to.name}`
  return [
    ...(imports.length === 0 ? [] : [federation(platform, from.enclave, 'imports', [ref(from)], [ref(to)], imports, name)]),
    ...(exports.length === 0 ? [] : [federation(platform, to.enclave, 'exports', [ref(from)], [ref(to)], exports, name)]),
  ]
}

function federation(
  platform: Platform, enclave: string, side: 'imports' | 'exports', source: readonly (LocalRef | PeerRef)[], destination: readonly (LocalRef | PeerRef)[],
  traffic: readonly TrafficSpec[], name: string,
): FederationPolicy {
  const halves = traffic.map((one) => ({ source, destination, traffic: one, at: proposed }))
  const [only, ...more] = traffic
  return {
    kind: 'FederationPolicy', ...owned(platform, 'FederationPolicy', enclave, name, more.length === 0 ? only : undefined),
    imports: side === 'imports' ? halves : [], exports: side === 'exports' ? halves : [], encryption: undefined,
  }
}

/** A path across a group's edge needs the group's own exception, for each group with just one of the two ends. */
function groupEdits(platform: Platform, policies: readonly Policy[]): readonly GroupEdit[] {
  const [first] = policies
  const ends = first === undefined ? undefined : first.kind === 'FederationPolicy' ? (first.imports[0] ?? first.exports[0]) : first
  const [source, destination] = [ends?.source[0], ends?.destination[0]]
  if (source === undefined || destination === undefined) return []
  const select = selector(platform)
  const groupsOf = (end: Ref): readonly string[] => (end.kind === 'workload' ? (select.membership.groupsOf.get(end.workload) ?? []) : [])
  const [mine, theirs] = [groupsOf(source), groupsOf(destination)]
  const edit = (key: string, other: Ref, direction: 'in' | 'out'): readonly GroupEdit[] => {
    const group = platform.groups.get(key)
    if (group === undefined) return []
    const listed = group.exceptions.some((e) => (e.direction === 'both' || e.direction === direction) && selectsEnd(select.workloads([e.with]).map((w) => w.id), e.with, other))
    return listed ? [] : [{ group, with: other, direction }]
  }
  return [
    ...mine.filter((key) => !theirs.includes(key)).flatMap((key) => edit(key, destination, 'out')),
    ...theirs.filter((key) => !mine.includes(key)).flatMap((key) => edit(key, source, 'in')),
  ]
}

function selectsEnd(ids: readonly string[], listed: Ref, end: Ref): boolean {
  if (end.kind === 'workload') return ids.includes(end.workload)
  if (end.kind === 'external') return listed.kind === 'external' && listed.external === end.external
  return end.kind === 'peer' && listed.kind === 'peer' && listed.peer === end.peer && listed.enclave === end.enclave && (listed.workload === '*' || listed.workload === end.workload)
}

function owned(platform: Platform, kind: Policy['kind'], enclave: string, name: string, traffic: TrafficSpec | undefined) {
  const [only] = traffic?.ports ?? []
  const what = traffic === undefined ? '' : `-${traffic.protocol}${only?.kind === 'range' ? `-${only.from}` : ''}`
  const taken = new Set(allPolicies(platform).filter((p) => p.kind === kind && p.enclave === enclave).map((p) => p.name))
  return { name: freeName(`${name}${what}`, (one) => taken.has(one)), enclave, expires: undefined, at: proposed }
}

function possible(policies: readonly Policy[], externals: readonly External[] = []): Additions {
  return { kind: 'possible', policies, externals, edits: [] }
}

function impossible(why: string): Additions {
  return { kind: 'impossible', why }
}

function workloadOf(platform: Platform, end: FlowEnd): Workload | undefined {
  return end.kind === 'workload' ? platform.workloads.get(end.workload) : undefined
}

function ref({ id }: Workload): WorkloadRef {
  return { kind: 'workload', workload: id, at: proposed }
}
