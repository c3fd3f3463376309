/**
 * Who can initiate to whom, asked flow by flow of the reference evaluator: every pair of ends, every protocol, every port at
 * the edge of something, every phase. Slow and plain, so that it can be trusted.
 */
import { edgesOf } from './arbitrary-ends.ts'
import { referenceDecide } from '../reference.ts'
import { holdsAddress, holdsName } from '../reference/external.ts'
import { nobody } from '../reference/rules.ts'
import { phases } from '../../model/platform.ts'
import { protocols } from '../../net/protocol.ts'
import { prefix } from '../../net/prefix.ts'
import { addressSet } from '../../net/address-set.ts'
import type { External, FlowEnd, Platform, TrafficSpec } from '../../model/platform.ts'
import type { Protocol } from '../../net/protocol.ts'

export interface NaiveEnd {
  readonly text: string
  readonly end: FlowEnd
}

export interface Carried {
  readonly protocol: Protocol
  readonly port: number | undefined
}

export interface NaiveGraph {
  readonly ends: readonly NaiveEnd[]
  /** What may travel from one end to another, of the traffic that was tried; by their places. */
  readonly carried: (from: number, to: number) => readonly Carried[]
  readonly twins: (node: number) => readonly number[]
}

/** `now` -Infinity ignores every `expires`. */
export function naiveGraph(platform: Platform, now: number): NaiveGraph {
  const ends = endsOf(platform)
  const ports = portsOf(platform)
  const asked: readonly Carried[] = protocols.flatMap((protocol): readonly Carried[] =>
    protocol === 'icmp' ? [{ protocol, port: undefined }] : ports.map((port) => ({ protocol, port })),
  )
  const known = new Map<string, readonly Carried[]>()
  const carried = (from: number, to: number): readonly Carried[] => {
    const key = `${from} ${to}`
    let found = known.get(key)
    if (found === undefined) {
      const [source, destination] = [ends[from]?.end, ends[to]?.end]
      found = source === undefined || destination === undefined ? [] : asked.filter(({ protocol, port }) =>
        phases.some((phase) => referenceDecide(platform, { source, destination, protocol, port, phase }, now) === 'allow'),
      )
      known.set(key, found)
    }
    return found
  }
  const twins = ends.map((a, i) => ends.flatMap((b, j) => (i !== j && areTwins(platform, a.end, b.end) ? [j] : [])))
  return { ends, carried, twins: (node) => twins[node] ?? [] }
}

function endsOf(platform: Platform): readonly NaiveEnd[] {
  const peers = platform.federationPolicies.flatMap(({ imports, exports }) => [...imports, ...exports])
    .flatMap(({ source, destination }) => [...source, ...destination])
    .flatMap((ref) => (ref.kind === 'peer' ? [ref] : []))
  const all: readonly NaiveEnd[] = [
    ...Array.from(platform.workloads.keys(), (workload) => ({ text: workload, end: { kind: 'workload', workload } as const })),
    ...Array.from(platform.externals.keys(), (external) => ({ text: `external:${external}`, end: { kind: 'external', external } as const })),
    ...peers.map(({ peer, enclave, workload }) => ({ text: `peer:${peer}/${enclave}/${workload}`, end: { kind: 'peer', peer, enclave, workload } as const })),
  ]
  return [...new Map(all.map((one) => [one.text, one])).values()]
}

/** The edges of every range that a document names, one beyond, and what workloads declare. */
function portsOf(platform: Platform): readonly number[] {
  const halves = platform.federationPolicies.flatMap(({ imports, exports }) => [...imports, ...exports])
  const specs: readonly TrafficSpec[] = [...platform.servicePolicies, ...platform.egressPolicies, ...platform.ingressPolicies, ...halves].map(({ traffic }) => traffic)
  const named = specs.flatMap(({ ports }) => ports.flatMap((item) => (item.kind === 'range' ? [item.from - 1, item.from, item.to, item.to + 1] : [1, 65_535])))
  const declared = [...platform.workloads.values()].flatMap((workload) => workload.ports.map(({ port }) => port))
  return [...new Set([...named, ...declared])].filter((port) => port >= 1 && port <= 65_535)
}

export function areTwins(platform: Platform, a: FlowEnd, b: FlowEnd): boolean {
  if (a.kind === 'peer' && b.kind === 'peer') return a.peer === b.peer && a.enclave === b.enclave && (a.workload === '*') !== (b.workload === '*')
  if (a.kind !== 'external' || b.kind !== 'external') return false
  const [x, y] = [platform.externals.get(a.external), platform.externals.get(b.external)]
  return x !== undefined && y !== undefined && shareSomething(platform, x, y)
}

const reservedEdges = edgesOf(addressSet(['0.0.0.0/8', '127.0.0.0/8', '::1/128', '169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254/128', '224.0.0.0/4', 'ff00::/8', '255.255.255.255/32', '::/128'].map(prefix)))

/** Two sets made of ranges share an address only if they share one at the edge of something. */
function shareSomething(platform: Platform, a: External, b: External): boolean {
  const edges = [...reservedEdges, ...[a.cidrs, b.cidrs, platform.addresses, platform.infrastructure].flatMap(edgesOf)]
  if (edges.some((address) => holdsAddress(platform, a, address, nobody) && holdsAddress(platform, b, address, nobody))) return true
  return [...a.domains, ...b.domains].flatMap(({ name }) => [name, `deep.${name}`]).some((name) => holdsName(a, name, nobody) && holdsName(b, name, nobody))
}
