/** What changes between two clusters, in workloads, addresses and ports: how the policies say it does not matter. */
import { compareText } from '../../base/location.ts'
import { blocksOf, formatRange } from './blocks.ts'
import { analyseCluster, connections } from './connections.ts'
import { formatConnection, noTraffic, trafficTable } from './traffic.ts'
import type { AddressRange } from '../../net/address-set.ts'
import type { Cluster } from './cluster.ts'
import type { Analysis } from './connections.ts'
import type { TrafficId } from './traffic.ts'

export type ConnectionChangeKind = 'opened' | 'closed' | 'widened' | 'narrowed'

export interface ConnectionChange {
  readonly change: ConnectionChangeKind
  readonly src: string
  readonly dst: string
  /** What is won or lost. */
  readonly conn: string
}

/** Sorted by source, destination and kind. A pair that wins and loses is both widened and narrowed. */
export function diffClusters(before: Cluster, after: Cluster): readonly ConnectionChange[] {
  const table = trafficTable()
  const options = (other: Cluster) => ({ table, alsoCut: { ingress: blocksOf(other.policies, 'ingress'), egress: blocksOf(other.policies, 'egress') } })
  const [old, fresh] = [analyseCluster(before, options(after)), analyseCluster(after, options(before))]
  const [had, has] = [pairs(old), pairs(fresh)]
  const found: Found[] = []
  for (const [key, { source, destination }] of new Map([...had, ...has])) {
    const [a, b] = [had.get(key)?.traffic ?? noTraffic, has.get(key)?.traffic ?? noTraffic]
    const add = (change: ConnectionChangeKind, traffic: TrafficId): void => {
      const conn = formatConnection(table.get(traffic))
      if (conn !== '') found.push({ change, source, destination, conn })
    }
    add(had.has(key) ? 'widened' : 'opened', table.subtract(b, a))
    add(has.has(key) ? 'narrowed' : 'closed', table.subtract(a, b))
  }
  return joined(found, outsideNames(old, fresh))
    .map(({ change, source, destination, conn }) => ({ change, src: source, dst: destination, conn }))
    .sort((a, b) => compareText(a.src, b.src) || compareText(a.dst, b.dst) || compareText(a.change, b.change))
}

/** What a gate stops. */
export function widensConnections(changes: readonly ConnectionChange[]): boolean {
  return changes.some(({ change }) => change === 'opened' || change === 'widened')
}

export function connectionChangesText(changes: readonly ConnectionChange[]): string {
  if (changes.length === 0) return 'no change: both allow the same connections\n'
  return changes.map(({ change, src, dst, conn }) => `${change.padEnd(8)} ${src} => ${dst} : ${conn}\n`).join('')
}

interface Found {
  readonly change: ConnectionChangeKind
  readonly source: string
  readonly destination: string
  readonly conn: string
}

function pairs(analysis: Analysis): ReadonlyMap<string, { readonly source: string; readonly destination: string; readonly traffic: TrafficId }> {
  return new Map(connections(analysis).map((connection) => [`${connection.source} ${connection.destination}`, connection]))
}

function outsideNames(...analyses: readonly Analysis[]): ReadonlyMap<string, AddressRange> {
  return new Map(analyses.flatMap(({ sources, destinations }) => [...sources.ranges, ...destinations.ranges]).map((range) => [formatRange(range), range]))
}

/** The two clusters cut the outside differently: neighbouring pieces to which the same happens are told as one. */
function joined(found: readonly Found[], ranges: ReadonlyMap<string, AddressRange>): readonly Found[] {
  const whole: Found[] = []
  const groups = new Map<string, { readonly like: Found; readonly side: 'source' | 'destination'; readonly ranges: AddressRange[] }>()
  for (const one of found) {
    const side = ranges.has(one.source) ? 'source' : 'destination'
    const range = ranges.get(one[side])
    if (range === undefined) {
      whole.push(one)
      continue
    }
    const key = JSON.stringify([one.change, one.conn, side, side === 'source' ? one.destination : one.source])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { like: one, side, ranges: [range] })
    else group.ranges.push(range)
  }
  for (const { like, side, ranges: pieces } of groups.values()) for (const range of neighbours(pieces)) whole.push({ ...like, [side]: formatRange(range) })
  return whole
}

function neighbours(pieces: readonly AddressRange[]): readonly AddressRange[] {
  const out: AddressRange[] = []
  for (const piece of [...pieces].sort((a, b) => a.family - b.family || (a.first < b.first ? -1 : 1))) {
    const before = out.at(-1)
    if (before !== undefined && before.family === piece.family && before.last + 1n === piece.first) out[out.length - 1] = { ...before, last: piece.last }
    else out.push(piece)
  }
  return out
}
