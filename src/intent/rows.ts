/** Places of a list grouped by a number that each has: what a Map of lists does, in two arrays that the collector never looks into. */

export interface Rows {
  /** Row `n` is `places` from `starts[n]` up to `starts[n + 1]`. */
  readonly starts: Uint32Array
  readonly places: Uint32Array
}

/** `numbers` has the number of each place of the list, all below `below`. Within a row places stay in the order in which they are given. */
export function rowsBy(places: Uint32Array, numbers: Int32Array, below: number): Rows {
  const starts = new Uint32Array(below + 1)
  for (const at of places) starts[(numbers[at] ?? 0) + 1] = (starts[(numbers[at] ?? 0) + 1] ?? 0) + 1
  for (let n = 0; n < below; n++) starts[n + 1] = (starts[n + 1] ?? 0) + (starts[n] ?? 0)
  const next = starts.slice()
  const out = new Uint32Array(places.length)
  for (const at of places) {
    const number = numbers[at] ?? 0
    const start = next[number] ?? 0
    out[start] = at
    next[number] = start + 1
  }
  return { starts, places: out }
}

/** The items of one row; a number that no row has gives none. */
export function itemsOf<T>({ starts, places }: Rows, number: number | undefined, list: readonly T[]): readonly T[] {
  if (number === undefined) return []
  const items: T[] = []
  for (let i = starts[number] ?? 0; i < (starts[number + 1] ?? 0); i++) {
    const item = list[places[i] ?? 0]
    if (item !== undefined) items.push(item)
  }
  return items
}
