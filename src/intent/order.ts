/** The one order of paths, so that equal sets of documents give equal Intents whatever file they come from. */
import { canonicalJson } from '../base/canonical-json.ts'
import { compareLocations, compareText } from '../base/location.ts'
import { keepEndNumbers, numberEnds } from './end-numbers.ts'
import { formatEnd } from './format.ts'
import { rowsBy } from './rows.ts'
import type { PortSet } from '../net/ports.ts'
import type { EndNumbers } from './end-numbers.ts'
import type { Origin, Path } from './intent.ts'

/**
 * Sorts by source, destination, protocol, ports, origin. Ends are told apart by number, so millions of paths are put in order
 * by counting; only the few between the same two ends are compared. The numbers stay known for the list that is returned.
 */
export function sortPaths(paths: readonly Path[]): readonly Path[] {
  const numbers = numberEnds(paths)
  const { ends, sources, destinations } = numbers
  const byDestination = rowsBy(Uint32Array.from(paths.keys()), destinations, ends.length)
  const order = rowsBy(byDestination.places, sources, ends.length).places
  const sorted = Array.from(order, (at) => paths[at]).filter((path) => path !== undefined)
  const ordered = { ...numbers, sources: Int32Array.from(order, (at) => sources[at] ?? 0), destinations: Int32Array.from(order, (at) => destinations[at] ?? 0) }
  sortBetween(sorted, ordered)
  keepEndNumbers(sorted, ordered)
  return sorted
}

/** Puts the paths between each two ends in order, in place. */
function sortBetween(sorted: Path[], { sources, destinations }: Pick<EndNumbers, 'sources' | 'destinations'>): void {
  for (let from = 0, to = 1; from < sorted.length; from = to++) {
    while (to < sorted.length && sources[to] === sources[from] && destinations[to] === destinations[from]) to++
    if (to - from < 2) continue
    for (const [i, path] of sorted.slice(from, to).sort(compareRest).entries()) sorted[from + i] = path
  }
}

/** The same order for two paths. */
export function comparePaths(a: Path, b: Path): number {
  return compareText(formatEnd(a.source), formatEnd(b.source)) || compareText(formatEnd(a.destination), formatEnd(b.destination)) || compareRest(a, b)
}

function compareRest(a: Path, b: Path): number {
  return compareText(a.protocol, b.protocol) || comparePorts(a.ports, b.ports) || compareOrigins(a.origin, b.origin) || compareText(conditionsOf(a), conditionsOf(b))
}

/** For two paths of one document at one place, which only documents made by a program have. */
function conditionsOf({ phases, expires, via }: Path): string {
  return canonicalJson([phases, expires, via])
}

function comparePorts(a: PortSet, b: PortSet): number {
  for (const [i, x] of a.entries()) {
    const y = b[i]
    if (y === undefined) return 1
    const order = x.from - y.from || x.to - y.to
    if (order !== 0) return order
  }
  return a.length - b.length
}

function compareOrigins(a: readonly Origin[], b: readonly Origin[]): number {
  for (const [i, x] of a.entries()) {
    const y = b[i]
    if (y === undefined) return 1
    const order = compareOrigin(x, y)
    if (order !== 0) return order
  }
  return a.length - b.length
}

export function compareOrigin(a: Origin, b: Origin): number {
  return compareText(a.document, b.document) || compareLocations(a.at, b.at)
}
