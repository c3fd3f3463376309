/** The largest flow from the first node of a network to its last, by shortest augmenting paths. Capacities are whole numbers or Infinity. */

export interface Network {
  readonly add: (from: number, to: number, capacity: number) => void
  /** What of `wanted` units can flow; never more. */
  readonly flow: (source: number, sink: number, wanted: number) => number
}

interface Edge {
  readonly to: number
  left: number
  /** Its place in the list of `to`. */
  readonly back: number
}

export function network(nodes: number): Network {
  const edges: Edge[][] = Array.from({ length: nodes }, () => [])
  const listOf = (node: number): Edge[] => edges[node] ?? []

  function augment(source: number, sink: number, most: number): number {
    const came = new Map<number, { readonly from: number; readonly edge: Edge }>()
    const queue = [source]
    for (let i = 0; i < queue.length && !came.has(sink); i++) {
      const node = queue[i] ?? source
      for (const edge of listOf(node)) {
        if (edge.left <= 0 || edge.to === source || came.has(edge.to)) continue
        came.set(edge.to, { from: node, edge })
        queue.push(edge.to)
      }
    }
    if (!came.has(sink)) return 0
    const steps: Edge[] = []
    for (let node = sink; node !== source;) {
      const step = came.get(node)
      if (step === undefined) return 0
      steps.push(step.edge)
      node = step.from
    }
    const amount = steps.reduce((least, { left }) => Math.min(least, left), most)
    for (const edge of steps) {
      edge.left -= amount
      const back = listOf(edge.to)[edge.back]
      if (back !== undefined) back.left += amount
    }
    return amount
  }

  return {
    add: (from, to, capacity) => {
      if (capacity <= 0) return
      listOf(from).push({ to, left: capacity, back: listOf(to).length })
      listOf(to).push({ to: from, left: 0, back: listOf(from).length - 1 })
    },
    flow: (source, sink, wanted) => {
      let total = 0
      while (total < wanted) {
        const more = augment(source, sink, wanted - total)
        if (more === 0) break
        total += more
      }
      return total
    },
  }
}
