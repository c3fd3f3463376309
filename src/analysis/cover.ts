/**
 * The least number of products SOURCES x DESTINATIONS x TRAFFIC that together hold exactly a set of cells and nothing else:
 * what a policy can say at once. Finding the least is hard in general; small sets are searched to the end.
 */
import { compareText } from '../base/location.ts'

export interface Cell {
  readonly source: string
  readonly destination: string
  /** Whatever stands for one kind of traffic, such as a port. */
  readonly traffic: string
}

export interface Product {
  readonly sources: readonly string[]
  readonly destinations: readonly string[]
  readonly traffic: readonly string[]
}

/** Sets that are closed under intersection can be very many; beyond this the search is only good, not complete. */
const mostSets = 200
const mostSteps = 20_000

export function coverCells(cells: readonly Cell[]): readonly Product[] {
  const wanted = [...new Map(cells.map((cell) => [keyOf(cell), cell])).values()]
  const candidates = products(wanted)
  const held = candidates.map((product) => new Set(cellsOf(product)))
  const all = wanted.map(keyOf).sort(compareText)
  const greedy = greedyCover(all, held)
  const least = smallestCover(all, held, greedy)
  return least.map((i) => candidates[i]).filter((product) => product !== undefined).sort(compareProducts)
}

/** Every product of common traffic that is nowhere wider than the cells. */
function products(cells: readonly Cell[]): readonly Product[] {
  const found = new Map<string, Product>()
  const attribute = (cell: Cell): string => `${cell.destination}\0${cell.traffic}`
  const extents = groupSets(cells, attribute, (cell) => cell.source)
  for (const sources of intersections([...extents.values()])) {
    const common = [...extents].filter(([, extent]) => sources.every((source) => extent.includes(source))).map(([key]) => key.split('\0'))
    const byDestination = groupSets(common, ([destination = '']) => destination, ([, traffic = '']) => traffic)
    for (const traffic of intersections([...byDestination.values()])) {
      const destinations = [...byDestination].filter(([, has]) => traffic.every((one) => has.includes(one))).map(([destination]) => destination).sort(compareText)
      const product = { sources, destinations, traffic }
      found.set(JSON.stringify(product), product)
    }
  }
  return [...found.values()].sort(compareProducts)
}

function groupSets<T>(items: readonly T[], keyed: (item: T) => string, member: (item: T) => string): ReadonlyMap<string, readonly string[]> {
  const sets = new Map<string, Set<string>>()
  for (const item of items) {
    const known = sets.get(keyed(item))
    if (known === undefined) sets.set(keyed(item), new Set([member(item)]))
    else known.add(member(item))
  }
  return new Map(Array.from(sets, ([key, set]) => [key, [...set].sort(compareText)]))
}

/** The sets and whatever several of them have in common; without the empty one. */
function intersections(sets: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const found = new Map(sets.map((set) => [set.join('\0'), set]))
  const queue = [...found.values()]
  for (let at = 0; at < queue.length && found.size < mostSets; at++) {
    for (const other of sets) {
      const common = (queue[at] ?? []).filter((one) => other.includes(one))
      const key = common.join('\0')
      if (common.length === 0 || found.has(key)) continue
      found.set(key, common)
      queue.push(common)
    }
  }
  return [...found.values()]
}

function greedyCover(all: readonly string[], held: readonly ReadonlySet<string>[]): readonly number[] {
  const left = new Set(all)
  const chosen: number[] = []
  while (left.size > 0) {
    let best = -1
    let most = 0
    for (const [i, cells] of held.entries()) {
      const gain = left.intersection(cells).size
      if (gain > most) [best, most] = [i, gain]
    }
    if (best < 0) break
    chosen.push(best)
    for (const cell of held[best] ?? []) left.delete(cell)
  }
  // A later choice may have made an earlier one needless.
  return chosen.filter((one, i) => {
    const others = chosen.filter((other, j) => j !== i && (j > i || other !== one))
    return [...(held[one] ?? [])].some((cell) => !others.some((other) => held[other]?.has(cell)))
  })
}

/** Branches on the cell that fewest products hold, and never looks where it cannot become shorter. */
function smallestCover(all: readonly string[], held: readonly ReadonlySet<string>[], known: readonly number[]): readonly number[] {
  const holders = new Map(all.map((cell) => [cell, held.flatMap((cells, i) => (cells.has(cell) ? [i] : []))]))
  let best = known
  let steps = 0
  const search = (left: ReadonlySet<string>, chosen: readonly number[]): void => {
    if (++steps > mostSteps) return
    if (left.size === 0) {
      if (chosen.length < best.length) best = chosen
      return
    }
    if (chosen.length + 1 >= best.length) return
    let narrow: readonly number[] = []
    for (const cell of left) {
      const these = holders.get(cell) ?? []
      if (narrow.length === 0 || these.length < narrow.length) narrow = these
    }
    for (const i of narrow) search(left.difference(held[i] ?? new Set()), [...chosen, i])
  }
  search(new Set(all), [])
  return best
}

function cellsOf({ sources, destinations, traffic }: Product): readonly string[] {
  return sources.flatMap((source) => destinations.flatMap((destination) => traffic.map((one) => keyOf({ source, destination, traffic: one }))))
}

function keyOf({ source, destination, traffic }: Cell): string {
  return `${source}\0${destination}\0${traffic}`
}

function compareProducts(a: Product, b: Product): number {
  return compareText(a.sources.join(), b.sources.join()) || compareText(a.destinations.join(), b.destinations.join()) || compareText(a.traffic.join(), b.traffic.join())
}
