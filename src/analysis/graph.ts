/** The Intent as a graph: workloads, Externals and peers' workloads as nodes, every path an edge from initiator to destination. */
import { compareText } from '../base/location.ts'
import { formatEnd } from '../intent/format.ts'
import type { Intent, Path, PathEnd } from '../intent/intent.ts'

export interface Graph {
  /** Sorted by `formatEnd`; a node is its place in this list. Only ends of paths are nodes. */
  readonly ends: readonly PathEnd[]
  /** Edges that this node initiates, and those that lead to it, by the other end; one for each pair, its first path. */
  readonly outward: (node: number) => readonly Edge[]
  readonly inward: (node: number) => readonly Edge[]
}

export interface Edge {
  readonly other: number
  readonly path: Path
}

/**
 * `*` of a peer's enclave and a single workload of it are two nodes that mean one identity, so each has the other's
 * edges. Two single workloads do not.
 */
export function graphOf(intent: Intent): Graph {
  const byText = new Map<string, PathEnd>()
  const seen = new Map<PathEnd, string>()
  for (const { source, destination } of intent.paths) {
    for (const end of [source, destination]) {
      if (seen.has(end)) continue
      const text = formatEnd(end)
      seen.set(end, text)
      byText.set(text, end)
    }
  }
  const sorted = [...byText].sort(([a], [b]) => compareText(a, b))
  const ends = sorted.map(([, end]) => end)
  const places = new Map(sorted.map(([text], node) => [text, node]))
  const nodes = new Map(Array.from(seen, ([end, text]) => [end, places.get(text) ?? 0]))
  const nodeOf = (end: PathEnd): number => nodes.get(end) ?? 0

  const out: Edge[][] = ends.map(() => [])
  const into: Edge[][] = ends.map(() => [])
  for (const path of intent.paths) {
    const source = nodeOf(path.source)
    const destination = nodeOf(path.destination)
    // Paths come sorted by their ends, so another path of the same pair stands right behind the first.
    if (out[source]?.at(-1)?.other === destination) continue
    out[source]?.push({ other: destination, path })
    into[destination]?.push({ other: source, path })
  }
  const twins = peerTwins(ends)
  const withTwins = (edges: readonly Edge[][]) => (node: number): readonly Edge[] => {
    const own = edges[node] ?? []
    const others = twins.get(node)
    return others === undefined ? own : [own, ...others.map((twin) => edges[twin] ?? [])].flat()
  }
  return { ends, outward: withTwins(out), inward: withTwins(into) }
}

function peerTwins(ends: readonly PathEnd[]): ReadonlyMap<number, readonly number[]> {
  const enclaves = new Map<string, { readonly all: number[]; readonly single: number[] }>()
  for (const [node, end] of ends.entries()) {
    if (end.kind !== 'peer') continue
    const key = `${end.peer}/${end.enclave}`
    let enclave = enclaves.get(key)
    if (enclave === undefined) enclaves.set(key, (enclave = { all: [], single: [] }))
    enclave[end.workload === '*' ? 'all' : 'single'].push(node)
  }
  const twins = new Map<number, readonly number[]>()
  for (const { all, single } of enclaves.values()) {
    for (const node of all) twins.set(node, single)
    for (const node of single) twins.set(node, all)
  }
  return twins
}
