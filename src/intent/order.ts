/** The one order of paths, so that equal sets of documents give equal Intents whatever file they come from. */
import { compareLocations, compareText } from '../base/location.ts'
import { formatEnd } from './format.ts'
import type { PortSet } from '../net/ports.ts'
import type { Origin, Path, PathEnd } from './intent.ts'

/** Sorts by source, destination, protocol, ports, origin; every end is ranked once, so the sort compares numbers. */
export function sortPaths(paths: readonly Path[]): readonly Path[] {
  const rank = rankEnds(paths)
  const keyed = paths.map((path) => ({ path, source: rank(path.source), destination: rank(path.destination) }))
  keyed.sort((a, b) => a.source - b.source || a.destination - b.destination || compareRest(a.path, b.path))
  return keyed.map((k) => k.path)
}

/** The same order for two paths. */
export function comparePaths(a: Path, b: Path): number {
  return compareText(formatEnd(a.source), formatEnd(b.source)) || compareText(formatEnd(a.destination), formatEnd(b.destination)) || compareRest(a, b)
}

function rankEnds(paths: readonly Path[]): (end: PathEnd) => number {
  const texts = new Map<PathEnd, string>()
  for (const path of paths) {
    if (!texts.has(path.source)) texts.set(path.source, formatEnd(path.source))
    if (!texts.has(path.destination)) texts.set(path.destination, formatEnd(path.destination))
  }
  const sorted = [...new Set(texts.values())].sort(compareText)
  const byText = new Map(sorted.map((text, i) => [text, i]))
  const ranks = new Map(Array.from(texts, ([end, text]) => [end, byText.get(text) ?? 0]))
  return (end) => ranks.get(end) ?? 0
}

function compareRest(a: Path, b: Path): number {
  return compareText(a.protocol, b.protocol) || comparePorts(a.ports, b.ports) || compareOrigins(a.origin, b.origin)
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
