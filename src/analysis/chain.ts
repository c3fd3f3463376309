/** The shortest chain of paths between two sets of nodes. */
import { formatEnd, formatOrigins, formatTraffic } from '../intent/format.ts'
import type { Path } from '../intent/intent.ts'
import type { Adjacency, Graph } from './graph.ts'

export interface Hop {
  readonly path: Path
  /** False where the chain goes against the direction of initiation: replies carry data. */
  readonly forward: boolean
}

export interface ChainQuery {
  readonly sources: ReadonlySet<number>
  readonly destinations: ReadonlySet<number>
  /** Nodes that count as not there. */
  readonly without?: ReadonlySet<number>
  /** Nodes that a chain may start or end at, and does not pass. */
  readonly relays?: ReadonlySet<number>
  /** Take each path in both directions. */
  readonly bothWays?: boolean
}

/**
 * Breadth first in the order of the nodes' names, so equal questions get equal answers. A chain ends at another node than
 * it starts at; as a node may be in both sets, each node is visited from up to two starts.
 */
export function shortestChain(graph: Graph, query: ChainQuery): readonly Hop[] | undefined {
  if (query.destinations.size === 0) return undefined
  const { bothWays = false } = query
  const { isDestination, isGone, isRelay, first, second, ...room } = roomFor(graph)
  mark(isDestination, query.destinations)
  mark(isGone, query.without)
  mark(isRelay, query.relays)
  first.fill(0)
  second.fill(0)
  const trail = trailOf(graph, room)
  for (const node of ascending(query.sources)) {
    if (isGone[node] === 1) continue
    first[node] = node + 1
    trail.add(node, node, -1, 0, true)
  }

  function follow({ starts, others, places }: Adjacency, node: number, start: number, before: number, forward: boolean): boolean {
    const end = starts[node + 1] ?? 0
    for (let at = starts[node] ?? 0; at < end; at++) {
      const other = others[at] ?? 0
      if (isGone[other] === 1 || other === start) continue
      const found = isDestination[other] === 1
      if (!found) {
        const known = first[other] ?? 0
        if (known === 0) first[other] = start + 1
        else if (known !== start + 1 && second[other] === 0) second[other] = start + 1
        else continue
      }
      trail.add(other, start, before, places[at] ?? 0, forward)
      if (found) return true
    }
    return false
  }

  const expand = (node: number, start: number, at: number): boolean =>
    isGone[node] !== 1 && (follow(graph.out, node, start, at, true) || (bothWays && follow(graph.into(), node, start, at, false)))

  for (let at = 0; at < trail.length(); at++) {
    const here = trail.node(at)
    if (!trail.isSource(at) && isRelay[here] === 1) continue
    const start = trail.start(at)
    if (expand(here, start, at)) return trail.hops()
    for (const twin of graph.twins(here)) if (expand(twin, start, at)) return trail.hops()
  }
  return undefined
}

function ascending(nodes: ReadonlySet<number>): readonly number[] {
  const list = [...nodes]
  return list.every((node, i) => i === 0 || node > (list[i - 1] ?? 0)) ? list : list.sort((a, b) => a - b)
}

/** What a search writes to. */
interface Room {
  readonly isDestination: Uint8Array
  readonly isGone: Uint8Array
  readonly isRelay: Uint8Array
  /** The two starts from which a node was reached, each plus one; 0 is none. */
  readonly first: Int32Array
  readonly second: Int32Array
  readonly nodes: Int32Array
  readonly starts: Int32Array
  readonly befores: Int32Array
  readonly places: Int32Array
  readonly forwards: Uint8Array
}

const rooms = new WeakMap<Graph, Room>()

/** One for each graph, used by one search after the other: a large Intent makes every fresh megabyte dear to the collector. */
function roomFor(graph: Graph): Room {
  let room = rooms.get(graph)
  if (room === undefined) {
    const ends = graph.ends.length
    const entries = ends * 2 + 1
    room = {
      isDestination: new Uint8Array(ends), isGone: new Uint8Array(ends), isRelay: new Uint8Array(ends), first: new Int32Array(ends), second: new Int32Array(ends),
      nodes: new Int32Array(entries), starts: new Int32Array(entries), befores: new Int32Array(entries), places: new Int32Array(entries), forwards: new Uint8Array(entries),
    }
    rooms.set(graph, room)
  }
  return room
}

function mark(flags: Uint8Array, nodes: ReadonlySet<number> | undefined): void {
  flags.fill(0)
  if (nodes !== undefined) for (const node of nodes) flags[node] = 1
}

/** What a search has reached, in order: numbers alone, because there may be two entries for each of a hundred thousand nodes. */
interface Trail {
  readonly length: () => number
  readonly node: (entry: number) => number
  readonly start: (entry: number) => number
  readonly isSource: (entry: number) => boolean
  /** `before` is the entry that it was reached from, -1 for a source; `place` that of the path between. */
  readonly add: (node: number, start: number, before: number, place: number, forward: boolean) => void
  /** The hops that lead to the last entry. */
  readonly hops: () => readonly Hop[]
}

function trailOf(graph: Graph, { nodes, starts, befores, places, forwards }: Pick<Room, 'nodes' | 'starts' | 'befores' | 'places' | 'forwards'>): Trail {
  let length = 0
  return {
    length: () => length,
    node: (entry) => nodes[entry] ?? 0,
    start: (entry) => starts[entry] ?? 0,
    isSource: (entry) => befores[entry] === -1,
    add: (node, start, before, place, forward) => {
      nodes[length] = node
      starts[length] = start
      befores[length] = before
      places[length] = place
      forwards[length] = forward ? 1 : 0
      length++
    },
    hops: () => {
      const hops: Hop[] = []
      for (let entry = length - 1; (befores[entry] ?? -1) >= 0; entry = befores[entry] ?? -1) {
        hops.unshift({ path: graph.path(places[entry] ?? 0), forward: forwards[entry] === 1 })
      }
      return hops
    },
  }
}

/** Each hop with what may travel and the documents that open it: `a/x -> a/y tcp 80 by ServicePolicy a/p (file:line)`. */
export function formatChain(hops: readonly Hop[]): string {
  return chainLines(hops).join('; ')
}

/** One text for each hop. Where a chain goes on from another name for what it has reached, the hop says so. */
export function chainLines(hops: readonly Hop[]): readonly string[] {
  return hops.map((hop, i) => formatHop(hop, hops[i - 1]))
}

function formatHop({ path, forward }: Hop, before: Hop | undefined): string {
  const [from, to] = forward ? [path.source, path.destination] : [path.destination, path.source]
  const reached = before === undefined ? undefined : before.forward ? before.path.destination : before.path.source
  const text = formatEnd(from)
  const same = reached === undefined || from.kind !== 'external' || formatEnd(reached) === text
  const ends = `${text}${same ? '' : ` (overlaps ${formatEnd(reached)})`} ${forward ? '->' : '<-'} ${formatEnd(to)}`
  return `${ends} ${formatTraffic(path)} by ${formatOrigins(path.origin)}`
}

/** The two nodes that a chain joins, as references. */
export function endsOf(hops: readonly Hop[]): { readonly first: string; readonly last: string } {
  const [head] = hops
  const tail = hops.at(-1)
  if (head === undefined || tail === undefined) throw new TypeError('a chain has at least one hop')
  return {
    first: formatEnd(head.forward ? head.path.source : head.path.destination),
    last: formatEnd(tail.forward ? tail.path.destination : tail.path.source),
  }
}
