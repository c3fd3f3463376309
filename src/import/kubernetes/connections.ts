/** Who reaches whom on what: an egress that lets it out and an ingress that lets it in. */
import { compareText } from '../../base/location.ts'
import { addressIndex, blocksOf, cut, formatRange } from './blocks.ts'
import { exposedTraffic } from './exposed.ts'
import { profilesOf } from './evaluate.ts'
import { podIndex } from './selection.ts'
import { hasConnection, noTraffic, trafficTable } from './traffic.ts'
import type { Address, Family } from '../../net/address.ts'
import type { AddressRange, AddressSet } from '../../net/address-set.ts'
import type { Pieces } from './blocks.ts'
import type { Cluster } from './cluster.ts'
import type { Profile } from './evaluate.ts'
import type { PodIndex } from './selection.ts'
import type { TrafficId, TrafficTable } from './traffic.ts'

export interface Analysis {
  readonly cluster: Cluster
  readonly index: PodIndex
  readonly table: TrafficTable
  readonly ingress: readonly Profile[]
  readonly egress: readonly Profile[]
  readonly sources: Pieces
  readonly destinations: Pieces
}

export interface AnalysisOptions {
  /** Further blocks at which the outside is cut, so that two clusters can be compared piece by piece. */
  readonly alsoCut?: { readonly ingress: readonly AddressSet[]; readonly egress: readonly AddressSet[] }
  /** Blocks hold of pods too, by those of their addresses of this family that the manifests tell. Without it they mean the outside alone. */
  readonly podAddresses?: Family
  /** One table for two clusters makes their traffic comparable. */
  readonly table?: TrafficTable
}

export function analyseCluster(cluster: Cluster, { alsoCut, podAddresses, table = trafficTable() }: AnalysisOptions = {}): Analysis {
  const index = podIndex(cluster.pods, cluster.namespaces)
  const sources = cut([...blocksOf(cluster.policies, 'ingress'), ...(alsoCut?.ingress ?? [])])
  const destinations = cut([...blocksOf(cluster.policies, 'egress'), ...(alsoCut?.egress ?? [])])
  const podsWithin = podAddresses === undefined ? () => [] : addressIndex(cluster.pods, podAddresses)
  const world = { index, policies: cluster.policies, table, podsWithin }
  return {
    cluster,
    index,
    table,
    sources,
    destinations,
    ingress: profilesOf({ ...world, pieces: sources }, 'ingress'),
    egress: profilesOf({ ...world, pieces: destinations }, 'egress'),
  }
}

/** What may travel from one pod to another, by position. */
export function between({ table, ingress, egress }: Analysis, source: number, destination: number): TrafficId {
  const [out, into] = [egress[source], ingress[destination]]
  if (out === undefined || into === undefined) return noTraffic
  return table.intersect(out.pods.get(destination) ?? out.others, into.pods.get(source) ?? into.others)
}

export interface Connection {
  readonly source: string
  readonly destination: string
  readonly traffic: TrafficId
}

export const ingressController = '{ingress-controller}'

/** Sorted bytewise by source, then destination; pairs that nothing joins are left out, and no workload is paired with itself. */
export function connections(analysis: Analysis): readonly Connection[] {
  const all = [...insideConnections(analysis), ...outsideConnections(analysis), ...exposedConnections(analysis)]
  return all
    .filter(({ traffic }) => hasConnection(analysis.table.get(traffic)))
    // As whole lines sort: the space after a name comes before every character of one.
    .sort((a, b) => compareText(a.source, b.source) || compareText(a.destination, b.destination))
}

function insideConnections(analysis: Analysis): readonly Connection[] {
  const { cluster: { pods }, table, ingress, egress } = analysis
  const workloads = pods.map(({ workload }) => workload)
  /** Pods whose ingress is open to sources that no rule singles out. */
  const open = ingress.flatMap(({ others }, i) => (others === noTraffic ? [] : [i]))
  const admitting = new Map<number, Set<number>>()
  ingress.forEach((profile, destination) => {
    for (const [source, traffic] of profile.pods) {
      if (traffic === noTraffic) continue
      const known = admitting.get(source)
      if (known === undefined) admitting.set(source, new Set([destination]))
      else known.add(destination)
    }
  })
  const out: Connection[] = []
  let joined = new Map<string, TrafficId>()
  pods.forEach(({ workload: source }, i) => {
    const profile = egress[i]
    if (profile === undefined) return
    const reached = profile.others === noTraffic ? profile.pods.keys() : new Set([...open, ...(admitting.get(i) ?? [])])
    for (const j of reached) {
      const destination = workloads[j]
      if (destination === undefined || destination === source) continue
      const traffic = between(analysis, i, j)
      if (traffic !== noTraffic) joined.set(destination, table.union(joined.get(destination) ?? noTraffic, traffic))
    }
    // Pods are in the order of their workloads, so those of one come together.
    if (workloads[i + 1] === source) return
    for (const [destination, traffic] of joined) out.push({ source, destination, traffic })
    joined = new Map()
  })
  return out
}

function outsideConnections({ cluster: { pods }, table, ingress, egress, sources, destinations }: Analysis): readonly Connection[] {
  const joined = new Map<string, TrafficId>()
  const add = (key: string, traffic: TrafficId): void => {
    if (traffic !== noTraffic) joined.set(key, table.union(joined.get(key) ?? noTraffic, traffic))
  }
  const names = { from: sources.ranges.map(formatRange), to: destinations.ranges.map(formatRange) }
  pods.forEach(({ workload }, i) => {
    names.from.forEach((name, piece) => add(`${name} ${workload}`, ingress[i]?.outside(piece) ?? noTraffic))
    names.to.forEach((name, piece) => add(`${workload} ${name}`, egress[i]?.outside(piece) ?? noTraffic))
  })
  return Array.from(joined, ([key, traffic]) => {
    const [source = '', destination = ''] = key.split(' ')
    return { source, destination, traffic }
  })
}

function exposedConnections({ cluster, table, ingress }: Analysis): readonly Connection[] {
  const joined = new Map<string, TrafficId>()
  for (const [pod, exposed] of exposedTraffic(cluster, table)) {
    const workload = cluster.pods[pod]?.workload ?? ''
    const traffic = table.intersect(exposed, ingress[pod]?.anonymous ?? noTraffic)
    joined.set(workload, table.union(joined.get(workload) ?? noTraffic, traffic))
  }
  return Array.from(joined, ([destination, traffic]) => ({ source: ingressController, destination, traffic }))
}

/** The piece of the outside that holds an address, or `undefined` when no piece does (IPv6 where no policy speaks of it). */
export function pieceOf({ ranges }: Pieces, address: Address): number | undefined {
  const found = ranges.findIndex((range: AddressRange) => range.family === address.family && range.first <= address.bits && address.bits <= range.last)
  return found < 0 ? undefined : found
}
