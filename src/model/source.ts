/** A file as it was read, and a document in it as plain data that knows where each of its parts stands. */
import type { Location } from '../base/location.ts'

export interface SourceFile {
  /** As shown to the user: relative to the folder that was read, or the path given. */
  readonly path: string
  /** For what a document names relative to itself. */
  readonly absolute: string
  readonly text: string
}

export type Path = readonly (string | number)[]

export interface RawDocument {
  readonly file: SourceFile
  /** Plain data: strings, safe integers, booleans, null, arrays, and objects without a prototype. */
  readonly value: unknown
  readonly at: Location
  /** Where the value at this path stands; the nearest enclosing one when there is none. */
  readonly locate: (path: Path) => Location
  /** Where the key at the end of this path stands. */
  readonly locateKey: (path: Path) => Location
}

/** The value at a path, or `undefined`. */
export function valueAt(value: unknown, path: Path): unknown {
  let here = value
  for (const step of path) {
    if (typeof here !== 'object' || here === null) return undefined
    here = Array.isArray(here) ? here[Number(step)] : (here as Record<string, unknown>)[String(step)]
  }
  return here
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
