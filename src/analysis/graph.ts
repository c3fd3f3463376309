/** The Intent as a directed graph: ends are nodes, and each pair of ends that has a path is an edge from initiator to destination. */
import { endNumbers } from '../intent/end-numbers.ts'
import { overlaps } from './overlap.ts'
import type { Intent, Path, PathEnd } from '../intent/intent.ts'
import type { Platform } from '../model/platform.ts'

export interface Graph {
  /** Sorted by `formatEnd`; a node is its place in this list. Only ends of paths are nodes. */
  readonly ends: readonly PathEnd[]
  readonly texts: readonly string[]
  readonly nodeOf: (text: string) => number | undefined
  /** Edges that this node itself initiates, and those that lead to it; one for each pair, its first path. Twins have their own. */
  readonly outward: (node: number) => readonly Edge[]
  readonly inward: (node: number) => readonly Edge[]
  /** Nodes that may be the same system under another name, so that each has the other's edges. */
  readonly twins: (node: number) => readonly number[]
  /** The same for searches that visit everything. */
  readonly out: Adjacency
  /** Made when it is first asked for: most questions follow initiation alone. */
  readonly into: () => Adjacency
  readonly path: (place: number) => Path
  /** Every path that this very node initiates, with the node that it leads to. */
  readonly paths: (node: number) => Iterable<Edge>
}

/**
 * All edges in flat lists: those of a node stand from `starts[node]` to before `starts[node + 1]`. Numbers alone, because a
 * view or an object for each of a million nodes would cost more than the search.
 */
export interface Adjacency {
  readonly starts: Uint32Array
  /** The node at the other end. */
  readonly others: Int32Array
  /** The place of the pair's first path in the Intent's list. */
  readonly places: Uint32Array
}

export interface Edge {
  readonly other: number
  readonly path: Path
}

const noNodes: readonly number[] = Object.freeze([])

/**
 * `*` of a peer's enclave and a single workload of it are two nodes that mean one identity, and so are two Externals that
 * share an address or a name: each has the other's edges. Two single workloads of a peer are two. `keep` says which paths count.
 */
export function graphOf(platform: Platform, intent: Intent, keep?: (path: Path) => boolean): Graph {
  const { ends, texts, numberOf, sources, destinations } = endNumbers(intent.paths)
  const pairs = pairsOf(intent, sources, destinations, keep)
  const out = outwardOf(ends.length, pairs, sources, destinations)
  let inwards: Adjacency | undefined
  const into = (): Adjacency => (inwards ??= adjacency(ends.length, pairs, destinations, sources))
  const first = new Int32Array(ends.length).fill(-1)
  for (let at = sources.length - 1; at >= 0; at--) first[sources[at] ?? 0] = at
  const twins = twinsOf(platform, ends, numberOf)
  function path(place: number): Path {
    const found = intent.paths[place]
    if (found === undefined) throw new RangeError(`no path at ${place}`)
    return found
  }
  const edges = ({ starts, others, places }: Adjacency, node: number): readonly Edge[] => {
    const found: Edge[] = []
    for (let at = starts[node] ?? 0; at < (starts[node + 1] ?? 0); at++) found.push({ other: others[at] ?? 0, path: path(places[at] ?? 0) })
    return found
  }

  function* paths(node: number): Iterable<Edge> {
    for (let at = first[node] ?? -1; at >= 0 && sources[at] === node; at++) {
      const path = intent.paths[at]
      if (path !== undefined && keep?.(path) !== false) yield { other: destinations[at] ?? 0, path }
    }
  }

  return {
    ends, texts, paths, path, out, into,
    nodeOf: numberOf,
    outward: (node) => edges(out, node),
    inward: (node) => edges(into(), node),
    twins: (node) => twins.get(node) ?? noNodes,
  }
}

/** The places of the first path of each pair. Paths come sorted by their ends, so the others stand right behind it. */
function pairsOf({ paths }: Intent, sources: Int32Array, destinations: Int32Array, keep: ((path: Path) => boolean) | undefined): Uint32Array {
  const pairs = new Uint32Array(paths.length)
  let count = 0
  let [source, destination] = [-1, -1]
  for (let at = 0; at < sources.length; at++) {
    if (sources[at] === source && destinations[at] === destination) continue
    const path = keep === undefined ? undefined : paths[at]
    if (path !== undefined && keep?.(path) === false) continue
    source = sources[at] ?? 0
    destination = destinations[at] ?? 0
    pairs[count++] = at
  }
  return pairs.subarray(0, count)
}

/** Pairs come sorted by their source, so they stand where they are looked for. */
function outwardOf(nodes: number, pairs: Uint32Array, sources: Int32Array, destinations: Int32Array): Adjacency {
  return { starts: startsOf(nodes, pairs, sources), others: Int32Array.from(pairs, (at) => destinations[at] ?? 0), places: pairs }
}

/** Pairs by the node at one of their ends, in their own order. */
function adjacency(nodes: number, pairs: Uint32Array, from: Int32Array, to: Int32Array): Adjacency {
  const starts = startsOf(nodes, pairs, from)
  const next = starts.slice()
  const places = new Uint32Array(pairs.length)
  const others = new Int32Array(pairs.length)
  for (const at of pairs) {
    const node = from[at] ?? 0
    const place = next[node] ?? 0
    places[place] = at
    others[place] = to[at] ?? 0
    next[node] = place + 1
  }
  return { starts, others, places }
}

function startsOf(nodes: number, pairs: Uint32Array, from: Int32Array): Uint32Array {
  const starts = new Uint32Array(nodes + 1)
  for (const at of pairs) starts[(from[at] ?? 0) + 1] = (starts[(from[at] ?? 0) + 1] ?? 0) + 1
  for (let node = 0; node < nodes; node++) starts[node + 1] = (starts[node + 1] ?? 0) + (starts[node] ?? 0)
  return starts
}

function twinsOf(platform: Platform, ends: readonly PathEnd[], numberOf: Graph['nodeOf']): ReadonlyMap<number, readonly number[]> {
  const twins = new Map<number, readonly number[]>()
  const enclaves = new Map<string, { readonly all: number[]; readonly single: number[] }>()
  for (const [node, end] of ends.entries()) {
    if (end.kind !== 'peer') continue
    const key = `${end.peer}/${end.enclave}`
    let enclave = enclaves.get(key)
    if (enclave === undefined) enclaves.set(key, (enclave = { all: [], single: [] }))
    enclave[end.workload === '*' ? 'all' : 'single'].push(node)
  }
  for (const { all, single } of enclaves.values()) {
    for (const node of all) twins.set(node, single)
    for (const node of single) twins.set(node, all)
  }
  const names = ends.flatMap((end) => (end.kind === 'external' ? [end.external] : []))
  for (const [name, others] of overlaps(platform, names)) {
    twins.set(numberOf(`external:${name}`) ?? 0, others.flatMap((other) => numberOf(`external:${other}`) ?? []))
  }
  return twins
}
