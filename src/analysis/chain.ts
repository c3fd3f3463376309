/** The shortest chain of paths between two sets of nodes. */
import { formatEnd, formatOrigins, formatTraffic } from '../intent/format.ts'
import type { Path } from '../intent/intent.ts'
import type { Edge, Graph } from './graph.ts'

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

interface State {
  readonly node: number
  /** The source at which the chain began. */
  readonly start: number
  readonly before: State | undefined
  readonly hop: Hop | undefined
}

const nowhere: ReadonlySet<number> = new Set()

/**
 * Breadth first in the order of the nodes' names, so equal questions get equal answers. A chain ends at another node than
 * it starts at; as a node may be in both sets, each node is visited from up to two starts.
 */
export function shortestChain(graph: Graph, query: ChainQuery): readonly Hop[] | undefined {
  const { sources, destinations, without = nowhere, relays = nowhere, bothWays = false } = query
  if (destinations.size === 0) return undefined
  const queue: State[] = [...sources]
    .filter((node) => !without.has(node))
    .sort((a, b) => a - b)
    .map((node) => ({ node, start: node, before: undefined, hop: undefined }))
  const starts = new Map<number, number[]>(queue.map(({ node }) => [node, [node]]))

  function visit(state: State, { other, path }: Edge, forward: boolean): readonly Hop[] | undefined {
    if (without.has(other) || other === state.start) return undefined
    const next: State = { node: other, start: state.start, before: state, hop: { path, forward } }
    if (destinations.has(other)) return hopsOf(next)
    const known = starts.get(other)
    if (known === undefined) starts.set(other, [state.start])
    else if (known.length < 2 && !known.includes(state.start)) known.push(state.start)
    else return undefined
    queue.push(next)
    return undefined
  }

  for (let at = 0; at < queue.length; at++) {
    const state = queue[at]
    if (state === undefined || (state.before !== undefined && relays.has(state.node))) continue
    for (const edge of graph.outward(state.node)) {
      const found = visit(state, edge, true)
      if (found !== undefined) return found
    }
    if (!bothWays) continue
    for (const edge of graph.inward(state.node)) {
      const found = visit(state, edge, false)
      if (found !== undefined) return found
    }
  }
  return undefined
}

function hopsOf(last: State): readonly Hop[] {
  const hops: Hop[] = []
  for (let state: State | undefined = last; state?.hop !== undefined; state = state.before) hops.unshift(state.hop)
  return hops
}

/** Each hop with what may travel and the documents that open it: `a/x -> a/y tcp 80 by ServicePolicy a/p (file:line)`. */
export function formatChain(hops: readonly Hop[]): string {
  return hops.map(formatHop).join('; ')
}

function formatHop({ path, forward }: Hop): string {
  const source = formatEnd(path.source)
  const destination = formatEnd(path.destination)
  const ends = forward ? `${source} -> ${destination}` : `${destination} <- ${source}`
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
