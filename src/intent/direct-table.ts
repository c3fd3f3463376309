/**
 * The paths between workloads as columns of numbers, sorted by source, then destination: whether a flow is carried is seen
 * without touching a path. It says exactly what `carries` says of each path.
 */
import { protocols } from '../net/protocol.ts'
import { phases } from '../model/platform.ts'
import { rowsBy } from './rows.ts'
import type { Flow, Phase, Platform, WorkloadId } from '../model/platform.ts'
import type { EndNumbers } from './end-numbers.ts'
import type { Path } from './intent.ts'
import type { Rows } from './rows.ts'

export interface DirectTable {
  readonly carries: (source: WorkloadId, destination: WorkloadId, flow: Flow, now: number) => boolean
  /** In the order of the list. */
  readonly between: (source: WorkloadId, destination: WorkloadId) => readonly Path[]
  /** By source; a row in the order of destinations, and of the list. */
  readonly rows: Rows
}

const icmp = protocols.indexOf('icmp')
const everyPhase = (1 << phases.length) - 1

/** `places` are those of `paths` that lead from workload to workload; `numberOf` knows their ends. */
export function directTable(platform: Platform, paths: readonly Path[], places: Uint32Array, ends: EndNumbers, numberOf: ReadonlyMap<string, number>): DirectTable {
  const below = ends.ends.length
  const rows = rowsBy(rowsBy(places, ends.destinations, below).places, ends.sources, below)
  const columns = columnsOf(paths, rows.places, ends)
  const { destinations, protocol, phase, expires, firstRange, from, to } = columns
  const { starts } = rows
  const declared = declaredPhases(platform, ends)

  /** The first of a source's places whose destination does not come before this one. */
  function lowest(source: number, destination: number): number {
    let low = starts[source] ?? 0
    let high = starts[source + 1] ?? 0
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((destinations[middle] ?? 0) < destination) low = middle + 1
      else high = middle
    }
    return low
  }

  function hasPort(at: number, port: number): boolean {
    for (let i = firstRange[at] ?? 0; i < (firstRange[at + 1] ?? 0); i++) if (port >= (from[i] ?? 0) && port <= (to[i] ?? 0)) return true
    return false
  }

  return {
    rows,
    carries: (sourceId, destinationId, flow, now) => {
      const source = numberOf.get(sourceId)
      const destination = numberOf.get(destinationId)
      if (source === undefined || destination === undefined) return false
      const { port } = flow
      const asked = protocols.indexOf(flow.protocol)
      if ((asked === icmp) !== (port === undefined)) return false
      const inPhase = flow.phase === undefined ? (declared[source] ?? 0) : phaseBit(flow.phase)
      const end = starts[source + 1] ?? 0
      for (let at = lowest(source, destination); at < end && destinations[at] === destination; at++) {
        if (protocol[at] === asked && ((phase[at] ?? 0) & inPhase) !== 0 && !(now >= (expires[at] ?? 0)) && (port === undefined || hasPort(at, port))) return true
      }
      return false
    },
    between: (sourceId, destinationId) => {
      const source = numberOf.get(sourceId)
      const destination = numberOf.get(destinationId)
      const found: Path[] = []
      if (source === undefined || destination === undefined) return found
      for (let at = lowest(source, destination); at < (starts[source + 1] ?? 0) && destinations[at] === destination; at++) {
        const path = paths[rows.places[at] ?? 0]
        if (path !== undefined) found.push(path)
      }
      return found
    },
  }
}

/** One bit for each workload's declared phase; where none is known, whatever a path says fits. */
function declaredPhases(platform: Platform, { ends }: EndNumbers): Uint8Array {
  return Uint8Array.from(ends, (end) => {
    const known = end.kind === 'workload' ? platform.workloads.get(end.workload)?.phase : undefined
    return known === undefined ? everyPhase : phaseBit(known)
  })
}

function phaseBit(phase: Phase): number {
  return 1 << phases.indexOf(phase)
}

interface Columns {
  readonly destinations: Int32Array
  readonly protocol: Uint8Array
  /** A bit for each phase. */
  readonly phase: Uint8Array
  /** NaN where a path stays open: no instant is at or after it. */
  readonly expires: Float64Array
  /** The port ranges of place `n` are those from `firstRange[n]` up to `firstRange[n + 1]`. */
  readonly firstRange: Uint32Array
  readonly from: Uint16Array
  readonly to: Uint16Array
}

function columnsOf(paths: readonly Path[], places: Uint32Array, ends: EndNumbers): Columns {
  const size = places.length
  const [destinations, protocol, phase, expires, firstRange] = [new Int32Array(size), new Uint8Array(size), new Uint8Array(size), new Float64Array(size), new Uint32Array(size + 1)]
  for (let at = 0; at < size; at++) {
    const place = places[at] ?? 0
    const path = paths[place]
    destinations[at] = ends.destinations[place] ?? 0
    protocol[at] = path === undefined ? 0 : protocols.indexOf(path.protocol)
    phase[at] = path?.phases.reduce((bits, one) => bits | phaseBit(one), 0) ?? 0
    expires[at] = path?.expires ?? NaN
    firstRange[at + 1] = (firstRange[at] ?? 0) + (path?.ports.length ?? 0)
  }
  const ranges = firstRange[size] ?? 0
  const [from, to] = [new Uint16Array(ranges), new Uint16Array(ranges)]
  for (let at = 0; at < size; at++) {
    for (const [i, range] of (paths[places[at] ?? 0]?.ports ?? []).entries()) {
      from[(firstRange[at] ?? 0) + i] = range.from
      to[(firstRange[at] ?? 0) + i] = range.to
    }
  }
  return { destinations, protocol, phase, expires, firstRange, from, to }
}
