/** The coarsest partition of the addresses of some sets in which every part lies wholly inside or outside each set. */
import { compareText } from '../../base/location.ts'
import type { AddressRange, AddressSet } from '../../net/address-set.ts'

export interface Part {
  /** Names of the sets that hold it, sorted; never empty. */
  readonly names: readonly string[]
  readonly addresses: AddressSet
}

/** Parts sorted by their names. Costs n log n in the number of ranges, times the sets that overlap in one place. */
export function partition(sets: ReadonlyMap<string, AddressSet>): readonly Part[] {
  const parts = new Map<string, { readonly names: readonly string[]; readonly ranges: AddressRange[] }>()
  for (const family of [4, 6] as const) {
    const edges = edgesOf(sets, family)
    const open = new Map<string, number>()
    edges.forEach((edge, i) => {
      const count = (open.get(edge.name) ?? 0) + edge.step
      if (count === 0) open.delete(edge.name)
      else open.set(edge.name, count)
      const next = edges[i + 1]
      if (next === undefined || next.at === edge.at || open.size === 0) return
      const names = [...open.keys()].sort(compareText)
      const key = names.join('\n')
      const part = parts.get(key) ?? { names, ranges: [] }
      parts.set(key, part)
      const before = part.ranges.at(-1)
      const range = { family, first: edge.at, last: next.at - 1n }
      if (before !== undefined && before.family === family && before.last + 1n === range.first) part.ranges[part.ranges.length - 1] = { ...before, last: range.last }
      else part.ranges.push(range)
    })
  }
  return [...parts.entries()]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, { names, ranges }]) => Object.freeze({ names: Object.freeze(names), addresses: Object.freeze(ranges.map((r) => Object.freeze(r))) }))
}

interface Edge {
  readonly at: bigint
  readonly name: string
  /** +1 where a range begins, -1 just after it ends. */
  readonly step: 1 | -1
}

function edgesOf(sets: ReadonlyMap<string, AddressSet>, family: 4 | 6): readonly Edge[] {
  const edges: Edge[] = []
  for (const [name, set] of sets) {
    for (const range of set) {
      if (range.family !== family) continue
      edges.push({ at: range.first, name, step: 1 }, { at: range.last + 1n, name, step: -1 })
    }
  }
  return edges.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
}
