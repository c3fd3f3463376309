/** The shortest chain of paths between two sets of nodes. */
import { formatEnd, formatOrigins, formatTraffic } from '../intent/format.ts'
import type { Path } from '../intent/intent.ts'
import type { Graph } from './graph.ts'

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
  const isDestination = flags(graph, query.destinations)
  const isGone = flags(graph, query.without)
  const isRelay = flags(graph, query.relays)
  // The two starts from which a node was reached, each plus one; 0 is none.
  const first = new Int32Array(graph.ends.length)
  const second = new Int32Array(graph.ends.length)
  const trail = trailOf(graph)
  for (const node of ascending(query.sources)) {
    if (isGone[node] === 1) continue
    first[node] = node + 1
    trail.add(node, node, -1, 0, true)
  }

  function follow(edges: Uint32Array, others: Int32Array, start: number, before: number, forward: boolean): boolean {
    for (const place of edges) {
      const other = others[place] ?? 0
      if (isGone[other] === 1 || other === start) continue
      const found = isDestination[other] === 1
      if (!found) {
        if (first[other] === 0) first[other] = start + 1
        else if (second[other] === 0 && first[other] !== start + 1) second[other] = start + 1
        else continue
      }
      trail.add(other, start, before, place, forward)
      if (found) return true
    }
    return false
  }

  for (let at = 0; at < trail.length(); at++) {
    const { node: here, start, before } = trail.at(at)
    if (before >= 0 && isRelay[here] === 1) continue
    for (const node of withTwins(graph, here)) {
      if (isGone[node] === 1) continue
      if (follow(graph.out(node), graph.destinations, start, at, true)) return trail.hops()
      if (bothWays && follow(graph.into(node), graph.sources, start, at, false)) return trail.hops()
    }
  }
  return undefined
}

function withTwins(graph: Graph, node: number): readonly number[] {
  const twins = graph.twins(node)
  return twins.length === 0 ? [node] : [node, ...twins]
}

function ascending(nodes: ReadonlySet<number>): readonly number[] {
  const list = [...nodes]
  return list.every((node, i) => i === 0 || node > (list[i - 1] ?? 0)) ? list : list.sort((a, b) => a - b)
}

function flags(graph: Graph, nodes: ReadonlySet<number> | undefined): Uint8Array {
  const marked = new Uint8Array(graph.ends.length)
  if (nodes !== undefined) for (const node of nodes) marked[node] = 1
  return marked
}

/** What a search has reached, in order: numbers alone, because there may be two entries for each of a hundred thousand nodes. */
interface Trail {
  readonly length: () => number
  readonly at: (entry: number) => { readonly node: number; readonly start: number; readonly before: number }
  /** `before` is the entry that it was reached from, -1 for a source; `place` that of the path between. */
  readonly add: (node: number, start: number, before: number, place: number, forward: boolean) => void
  /** The hops that lead to the last entry. */
  readonly hops: () => readonly Hop[]
}

function trailOf(graph: Graph): Trail {
  const room = graph.ends.length * 2 + 1
  const [nodes, starts, befores, places] = [new Int32Array(room), new Int32Array(room), new Int32Array(room), new Int32Array(room)]
  const forwards = new Uint8Array(room)
  let length = 0
  return {
    length: () => length,
    at: (entry) => ({ node: nodes[entry] ?? 0, start: starts[entry] ?? 0, before: befores[entry] ?? -1 }),
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
