/**
 * What is tried at gateways and resolver (pure): by every shadow the names that its identity is told and some that it is not, the
 * servers outside that it may reach by name and what lies beside them, from outside requests that are to be refused, the door of other
 * gateways, and the ways to Peers.
 */
import { compareText } from '../../base/location.ts'
import { formatAddress } from '../../net/address.ts'
import { gatewayRequests } from '../gateway-requests.ts'
import { mayReach } from '../names.ts'
import { referenceDecide } from '../reference.ts'
import { referenceRequest } from '../reference-request.ts'
import { evenly } from './evenly.ts'
import { outsideLabel } from './probe.ts'
import { planDoors } from './door-plan.ts'
import { planPeers, planReaches } from './peer-plan.ts'
import type { DoorPlanOptions } from './door-plan.ts'
import type { PeerPlanOptions } from './peer-plan.ts'
import type { GatewayTask, RequestProbe } from './probe.ts'
import type { Platform, WorkloadId } from '../../model/platform.ts'
import type { GatewayTrial } from './gateway-trial.ts'
import type { Shadow } from './plan.ts'

export interface GatewayPlan {
  readonly tasks: ReadonlyMap<string, GatewayTask>
  readonly trials: readonly GatewayTrial[]
}

export interface GatewayPlanOptions {
  readonly now: number
  /** The first id; each trial has the next. */
  readonly firstId: number
  readonly outside: boolean
  readonly nameServer: string | undefined
  readonly outbound: boolean
  readonly inbound: boolean
  /** IPv4 addresses of a workload's places here, that names lead to. */
  readonly placesOf: (workload: WorkloadId) => readonly string[]
  /** The door of other gateways, where there is one that can be tried. */
  readonly doors?: Omit<DoorPlanOptions, 'now'>
  /** Where there are Peers, and a gateway that leads to them. */
  readonly peers?: PeerPlanOptions
}

/** For each identity; the buckets of its questions are those of the real workload. */
const mostNames = 60
const mostServers = 12
const mostRequests = 150
const strangerNames = ['nobody.bulkhead.invalid', 'localhost']
const refusals: Readonly<Record<string, readonly string[]>> = {
  host: ['421', '404'], path: ['400'], route: ['404'], caller: ['401', '403', '302'], policy: ['403', '404'],
}

export function planGateways(platform: Platform, shadows: readonly Shadow[], options: GatewayPlanOptions): GatewayPlan {
  const trials: GatewayTrial[] = []
  const tasks = new Map<string, GatewayTask>()
  const add = (trial: Omit<GatewayTrial, 'id' | 'addresses' | 'statuses'> & Partial<GatewayTrial>): number => {
    const id = options.firstId + trials.length
    trials.push({ addresses: [], statuses: [], ...trial, id })
    return id
  }
  if (options.nameServer !== undefined) {
    for (const shadow of shadows) {
      tasks.set(shadow.label, { nameServer: options.nameServer, names: namesFor(platform, shadow, options, add), servers: options.outbound ? serversFor(platform, shadow, options, add) : [], requests: [] })
    }
  }
  if (options.inbound && options.outside) {
    tasks.set(outsideLabel, { nameServer: undefined, names: [], servers: [], requests: requestsFrom(platform, options, add) })
  }
  const put = (label: string, part: Partial<GatewayTask>): void => void tasks.set(label, { ...(tasks.get(label) ?? { nameServer: options.nameServer, names: [], servers: [], requests: [] }), ...part })
  if (options.doors !== undefined) {
    const doors = planDoors(platform, { ...options.doors, now: options.now }, add)
    if (doors.length > 0) put(options.doors.from, { doors })
  }
  if (options.peers !== undefined) {
    const { peers } = options
    const greeted = planPeers(platform, options.now, peers, add)
    if (greeted.length > 0) put(peers.from, { peers: greeted })
    for (const shadow of peers.inventory.virtual.length === 0 ? [] : shadows) put(shadow.label, { reaches: planReaches(platform, options.now, shadow, peers, add) })
  }
  return { tasks, trials }
}

type Add = (trial: Omit<GatewayTrial, 'id' | 'addresses' | 'statuses'> & Partial<GatewayTrial>) => number

function namesFor(platform: Platform, { workload, phase, label }: Shadow, { now, placesOf }: GatewayPlanOptions, add: Add): GatewayTask['names'] {
  const may = mayReach(platform, now)
  const names: { readonly id: number; readonly name: string }[] = []
  // A shadow has no address of its own to be told.
  for (const each of evenly([...platform.workloads.values()].filter(({ id }) => id !== workload), mostNames / 2)) {
    const name = `${each.name}.${each.enclave}.internal`
    const told = may(workload, phase, { kind: 'workload', workload: each.id })
    names.push({ name, id: add({ from: label, what: name, kind: 'name inside', expect: told ? 'allow' : 'deny', addresses: told ? placesOf(each.id) : [] }) })
  }
  // A pattern names nobody: only what is beside it is asked for.
  const domains = [...platform.externals.values()].flatMap(({ domains: all }) => all.flatMap(({ name, below }) => (below ? [] : [name, `not-${name}`, `${name}.example`])))
  for (const name of evenly([...new Set([...domains, ...strangerNames])].sort(compareText), mostNames / 2)) {
    names.push({ name, id: add({ from: label, what: name, kind: 'name outside', expect: may(workload, phase, { kind: 'name', name }) ? 'allow' : 'deny' }) })
  }
  return names
}

function serversFor(platform: Platform, { workload, phase, label }: Shadow, { now }: GatewayPlanOptions, add: Add): GatewayTask['servers'] {
  const to = (name: string, port: number): 'allow' | 'deny' => referenceDecide(platform, { source: { kind: 'workload', workload }, destination: { kind: 'name', name }, protocol: 'tcp', port, phase }, now)
  const wanted = new Map<string, { readonly name: string; readonly port: number }>()
  for (const { traffic, destination, http } of platform.egressPolicies) {
    // Requests in the clear have no handshake, and are not made at others' servers.
    if (http !== undefined || (traffic.protocol !== 'tcp' && traffic.protocol !== 'any')) continue
    const ports = traffic.ports.flatMap((item) => (item.kind === 'range' ? [item.from] : []))
    const names = destination.flatMap(({ external }) => platform.externals.get(external)?.domains ?? []).flatMap(({ name, below }) => (below ? [] : [name]))
    for (const name of names) for (const port of ports) if (to(name, port) === 'allow') wanted.set(`${name}:${port}`, { name, port })
  }
  return evenly([...wanted.values()], mostServers).map(({ name, port }) => {
    const misses = [[`not-${name}`, port], ['nobody.bulkhead.invalid', port], [name, 31_337]] as const
    return {
      id: add({ from: label, what: `TLS with ${name}:${port}`, kind: 'server', expect: 'allow' }), name, port,
      misses: misses.filter(([sni, at]) => to(sni, at) === 'deny').map(([sni, at]) => ({ sni, port: at, id: add({ from: label, what: `TLS with ${sni}:${at} at an address of ${name}`, kind: 'server', expect: 'deny' }) })),
    }
  })
}

function requestsFrom(platform: Platform, { now }: GatewayPlanOptions, add: Add): readonly RequestProbe[] {
  const gateways = platform.gateway?.addresses ?? []
  const tried = gatewayRequests(platform).flatMap((request) => {
    const { source, port, host, method, path, caller } = request
    const at = source.kind === 'address' ? gateways.find(({ family }) => family === source.address.family) : undefined
    if (source.kind !== 'address' || at === undefined || host === undefined || method === undefined || path === undefined || caller.kind !== 'nobody') return []
    const judged = referenceRequest(platform, request, now)
    return [{ from: source.address, at, port, host, method, path, judged }]
  })
  const greeted = new Set<string>()
  return evenly(tried, mostRequests).flatMap(({ from, at, port, host, method, path, judged }): readonly RequestProbe[] => {
    const place = { address: formatAddress(at), port, localAddress: formatAddress(from), sni: host }
    const label = `${outsideLabel} ${place.localAddress}`
    // What would reach a workload ends with the handshake.
    if ('led' in judged) {
      const key = `${label} ${host} ${port}`
      if (greeted.has(key)) return []
      greeted.add(key)
      return [{ ...place, request: undefined, id: add({ from: label, what: `TLS with ${host} at port ${port}`, kind: 'handshake', expect: 'allow' }) }]
    }
    if (judged.refused === 'gateway') return []
    return [{ ...place, request: { host, method, path }, id: add({ from: label, what: `${method} ${host}${path} at port ${port}`, kind: 'request', expect: 'deny', statuses: refusals[judged.refused] ?? [] }) }]
  })
}
