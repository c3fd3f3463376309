/** A choice that is the same each time. */

/** At most so many, spread over the whole. */
export function evenly<T>(items: readonly T[], most: number): readonly T[] {
  return items.length <= most ? items : Array.from({ length: most }, (_, i) => items[Math.floor((i * items.length) / most)]).filter((item): item is T => item !== undefined)
}
