/**
 * Which attempts prove that a platform is enforced as asked (pure): identities to each other, all of them or a choice, on the
 * ports that the documents name and some that they do not, to Externals and beyond, to the router itself, and from outside inwards.
 */
import { compareText } from '../../base/location.ts'
import { addressSet, subtractAddresses, unionAddresses } from '../../net/address-set.ts'
import { addressFromBits, formatAddress, parseAddress } from '../../net/address.ts'
import { prefix } from '../../net/prefix.ts'
import { reservedAddresses } from '../../net/reserved.ts'
import { referenceDecide } from '../reference.ts'
import { relevantTo } from '../relevant.ts'
import { choosePairs } from './choice.ts'
import { outsideLabel } from './probe.ts'
import type { Address, Family } from '../../net/address.ts'
import type { Flow, FlowEnd, Phase, Platform, TrafficSpec, WorkloadId } from '../../model/platform.ts'
import type { Relevant } from '../relevant.ts'
import type { ChoiceOptions } from './choice.ts'
import type { Probe, ProbeProtocol, ProberTask } from './probe.ts'

/** The shadow of one enforced identity. */
export interface Shadow {
  readonly workload: WorkloadId
  readonly phase: Phase
  readonly label: string
  readonly ipv4: Address
  readonly ipv6: Address
}

export interface LivePlan {
  /** By label; the outside's is `outside`. */
  readonly tasks: ReadonlyMap<string, ProberTask>
  /** Echo requests by the label that sends them. */
  readonly pings: ReadonlyMap<string, readonly Probe[]>
  readonly expectations: readonly Expectation[]
  /** Ordered pairs of identities: how many are tried of how many there are. */
  readonly pairs: { readonly tried: number; readonly of: number }
}

export interface Expectation {
  readonly id: number
  readonly from: string
  readonly to: string
  readonly protocol: ProbeProtocol
  readonly family: Family
  readonly address: string
  readonly port: number
  readonly expect: 'allow' | 'deny'
}

export interface PlanOptions {
  readonly now: number
  /** False where nothing plays the outside: then attempts that need an answer from there are not made. */
  readonly outside: boolean
  /** The router's own addresses as workloads see them. */
  readonly router: readonly string[]
  readonly timeoutMs: number
  /** Which pairs, where there are too many for all of them. */
  readonly choice: ChoiceOptions
  /** Whether stand-ins have a way of their own between gateways; of encrypted paths only these are tried. */
  readonly encrypted?: (source: WorkloadId, destination: WorkloadId, port: number) => boolean
}

export { outsideLabel }

/** Ports that no document names, as a rule: remote login, a high one, the last one. */
const strangerPorts = [22, 31_337, 65_535]
/** The sandbox's own link to the outside: RFC 2544, RFC 4193. */
const linkAddresses = addressSet([prefix('198.18.0.0/15'), prefix('fd00:198:18::/48')])
const rangesPerExternal = 3
/** Where nothing should ever answer: the metadata service, a documentation address, and the same for IPv6. */
const strangerAddresses = ['169.254.169.254', '192.0.2.77', '2001:db8:ffff:ffff::77']

export function planLive(platform: Platform, shadows: readonly Shadow[], options: PlanOptions): LivePlan {
  const expectations: Expectation[] = []
  const probes = new Map<string, (Probe & { expectLabel: string })[]>()
  const pings = new Map<string, Probe[]>()
  const ports = new Map(shadows.map((s) => [s.label, probedPorts(platform, s.workload)]))
  const outsidePorts = options.outside ? externalPorts(platform) : []
  const outside = options.outside ? outsideAddresses(platform) : []
  const encrypted = onlyEncrypted(platform)
  const relevant = relevantTo(platform)
  const byLabel = new Map(shadows.map((s) => [s.label, s]))
  const chosen = choosePairs(shadows, named(shadows, relevant), options.choice)

  const add = (from: string, to: string, expectLabel: string, what: Omit<Probe, 'id'>, flow: Omit<Flow, 'protocol' | 'port'> | undefined): void => {
    const id = expectations.length
    const port = what.protocol === 'icmp' ? undefined : what.port
    const attempt = flow === undefined ? undefined : { ...flow, protocol: what.protocol, port }
    const expect = attempt === undefined ? 'deny' : referenceDecide(attempt.source.kind === 'workload' && attempt.destination.kind === 'workload' ? relevant.from(attempt.source.workload) : platform, attempt, options.now)
    // Where stand-ins have no way between gateways of their own, only real workloads could try.
    if (attempt !== undefined && expect === 'allow' && encrypted !== undefined && referenceDecide(encrypted, attempt, options.now) === 'allow' && !carried(options, attempt)) return
    expectations.push({ id, from, to, protocol: what.protocol, family: what.family, address: what.address, port: what.port, expect })
    if (what.protocol === 'icmp') push(pings, from, { id, ...what })
    else push(probes, from, { id, ...what, expectLabel })
  }

  for (const from of shadows) {
    const source: FlowEnd = { kind: 'workload', workload: from.workload }
    for (const to of (chosen.targets.get(from.label) ?? []).flatMap((label) => byLabel.get(label) ?? [])) {
      const flow = { source, destination: { kind: 'workload', workload: to.workload }, phase: from.phase } as const
      for (const address of [to.ipv4, to.ipv6]) {
        for (const what of attempts(address, ports.get(to.label) ?? [])) add(from.label, to.label, to.label, what, flow)
      }
    }
    for (const address of outside) {
      const flow = { source, destination: { kind: 'address', address }, phase: from.phase } as const
      for (const what of attempts(address, outsidePorts)) add(from.label, formatAddress(address), outsideLabel, what, flow)
    }
    for (const text of options.router) {
      const family: Family = text.includes(':') ? 6 : 4
      for (const port of [22, 53, 80]) {
        for (const protocol of ['tcp', 'udp'] as const) add(from.label, 'router', 'nobody', { protocol, family, address: text, port }, undefined)
      }
      add(from.label, 'router', 'nobody', { protocol: 'icmp', family, address: text, port: 0 }, undefined)
    }
  }
  // From outside, private addresses answer nobody, whatever the source.
  for (const to of options.outside ? shadows : []) {
    for (const address of [to.ipv4, to.ipv6]) {
      for (const what of attempts(address, ports.get(to.label) ?? [])) add(outsideLabel, to.label, to.label, what, undefined)
    }
  }
  return { tasks: tasks(shadows, ports, outsidePorts, outside, probes, options), pings, expectations, pairs: { tried: chosen.tried, of: chosen.of } }
}

/** The pairs between which some document opens something, at some time. */
function* named(shadows: readonly Shadow[], relevant: Relevant): Generator<readonly [string, string]> {
  for (const from of shadows) for (const to of shadows) if (from !== to && !relevant.nothing(from.workload, to.workload)) yield [from.label, to.label]
}

function carried({ encrypted }: PlanOptions, { source, destination, protocol, port }: Flow): boolean {
  return encrypted !== undefined && source.kind === 'workload' && destination.kind === 'workload' && protocol === 'tcp' && port !== undefined && encrypted(source.workload, destination.workload, port)
}

/** What the platform would allow if it had nothing but what asks for encryption; `undefined` when nothing does. */
function onlyEncrypted(platform: Platform): Platform | undefined {
  const servicePolicies = platform.servicePolicies.filter((p) => p.encryption === 'required')
  // An encrypted half may meet one that says nothing of it.
  const federationPolicies = platform.federationPolicies.some((p) => p.encryption === 'required') ? platform.federationPolicies : []
  if (servicePolicies.length + federationPolicies.length === 0) return undefined
  return { ...platform, servicePolicies, federationPolicies, groups: new Map(), egressPolicies: [], ingressPolicies: [] }
}

function attempts(address: Address, ports: readonly number[]): readonly Omit<Probe, 'id'>[] {
  const at = { family: address.family, address: formatAddress(address) }
  return [...ports.flatMap((port) => (['tcp', 'udp'] as const).map((protocol) => ({ ...at, protocol, port }))), { ...at, protocol: 'icmp' as const, port: 0 }]
}

function tasks(
  shadows: readonly Shadow[],
  ports: ReadonlyMap<string, readonly number[]>,
  outsidePorts: readonly number[],
  outsideAddresses: readonly Address[],
  probes: ReadonlyMap<string, readonly (Probe & { expectLabel: string })[]>,
  options: PlanOptions,
): ReadonlyMap<string, ProberTask> {
  const task = (label: string, listen: readonly number[], udpAt?: readonly string[]): readonly [string, ProberTask] => [
    label,
    { label, listen: { tcp: listen, udp: listen, ...(udpAt === undefined ? {} : { udpAt }) }, probes: probes.get(label) ?? [], timeoutMs: options.timeoutMs },
  ]
  const outside = task(outsideLabel, outsidePorts, outsideAddresses.map(formatAddress))
  return new Map([...shadows.map((s) => task(s.label, ports.get(s.label) ?? [])), ...(options.outside ? [outside] : [])])
}

/** What the workload declares, every edge of a port range in a policy of its enclave, a neighbour of each edge, and strangers. */
function probedPorts(platform: Platform, workload: WorkloadId): readonly number[] {
  const enclave = workload.split('/')[0]
  const declared = platform.workloads.get(workload)?.ports.map((p) => p.port) ?? []
  const specs: TrafficSpec[] = [
    ...platform.servicePolicies.filter((p) => p.enclave === enclave).map((p) => p.traffic),
    ...platform.ingressPolicies.filter((p) => p.enclave === enclave).map((p) => p.traffic),
    ...platform.federationPolicies.flatMap((p) => (p.enclave === enclave ? p.exports.map((h) => h.traffic) : [])),
  ]
  return sorted([...declared, ...specs.flatMap(edges), ...strangerPorts])
}

function externalPorts(platform: Platform): readonly number[] {
  return sorted([...platform.egressPolicies.flatMap((p) => edges(p.traffic)), ...strangerPorts.slice(1, 2)])
}

function edges(traffic: TrafficSpec): readonly number[] {
  return traffic.ports.flatMap((p) => (p.kind === 'range' ? (p.from === p.to ? [p.from] : [p.from, p.to, p.to + 1]) : []))
}

function sorted(ports: readonly number[]): readonly number[] {
  return [...new Set(ports)].filter((p) => p > 0 && p <= 65_535).sort((a, b) => a - b)
}

/** An address of every range of every External, both its ends where they are few, and strangers; never one of the sandbox's link. */
function outsideAddresses(platform: Platform): readonly Address[] {
  const inner = unionAddresses(platform.addresses, reservedAddresses, linkAddresses)
  const found = new Map<string, Address>()
  for (const external of [...platform.externals.values()].sort((a, b) => compareText(a.name, b.name))) {
    for (const family of [4, 6] as const) {
      const ranges = subtractAddresses(external.cidrs, inner).filter((r) => r.family === family)
      for (const { first, last } of ranges.slice(0, rangesPerExternal)) {
        const address = addressFromBits(family, first + 5n <= last ? first + 5n : first)
        found.set(formatAddress(address), address)
      }
    }
  }
  for (const text of strangerAddresses) found.set(text, parseAddress(text) ?? addressFromBits(4, 0n))
  return [...found].sort(([a], [b]) => compareText(a, b)).map(([, address]) => address)
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
