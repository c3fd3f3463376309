/** The ends of paths as numbers: a million comparisons and look-ups of numbers take what ten thousand of objects would. */
import { compareText } from '../base/location.ts'
import { formatEnd } from './format.ts'
import type { Path, PathEnd } from './intent.ts'

export interface EndNumbers {
  /** Each end once, sorted by its text; its number is its place here. */
  readonly ends: readonly PathEnd[]
  readonly texts: readonly string[]
  readonly numberOf: (text: string) => number | undefined
  /** The number of each path's source and destination, by the path's place in the list. */
  readonly sources: Int32Array
  readonly destinations: Int32Array
}

const known = new WeakMap<readonly Path[], EndNumbers>()

/** The same list is numbered once. */
export function endNumbers(paths: readonly Path[]): EndNumbers {
  let numbers = known.get(paths)
  if (numbers === undefined) known.set(paths, (numbers = numberEnds(paths)))
  return numbers
}

/** For who has worked them out on the way to the list. */
export function keepEndNumbers(paths: readonly Path[], numbers: EndNumbers): void {
  known.set(paths, numbers)
}

/** Most paths share their ends' objects, so each object's text is made once; two objects may still mean one end. */
export function numberEnds(paths: readonly Path[]): EndNumbers {
  const seen = new Map<PathEnd, number>()
  const met = (end: PathEnd): number => {
    let number = seen.get(end)
    if (number === undefined) seen.set(end, (number = seen.size))
    return number
  }
  const sources = new Int32Array(paths.length)
  const destinations = new Int32Array(paths.length)
  let [before, number]: [PathEnd | undefined, number] = [undefined, 0]
  let at = 0
  for (const { source, destination } of paths) {
    if (source !== before) [before, number] = [source, met(source)]
    sources[at] = number
    destinations[at++] = met(destination)
  }
  const byText = new Map<string, PathEnd>()
  for (const end of seen.keys()) byText.set(formatEnd(end), end)
  const texts = [...byText.keys()].sort(compareText)
  const places = new Map(texts.map((text, place) => [text, place]))
  const placeOf = Int32Array.from(seen.keys(), (end) => places.get(formatEnd(end)) ?? 0)
  // In place: another list of millions would cost the collector more than what it is for.
  for (const numbers of [sources, destinations]) for (let i = 0; i < numbers.length; i++) numbers[i] = placeOf[numbers[i] ?? 0] ?? 0
  return { ends: texts.flatMap((text) => byText.get(text) ?? []), texts, numberOf: (text) => places.get(text), sources, destinations }
}
