/** A file as it was read, and a document in it as plain data that knows where each of its parts stands. */
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Location } from '../base/location.ts'
import type { SourceFile } from '../base/source-file.ts'

export type { SourceFile } from '../base/source-file.ts'

export type Path = readonly (string | number)[]

export interface RawDocument {
  readonly file: SourceFile
  /** Plain data: strings, safe integers, booleans, null, arrays, and objects without a prototype. */
  readonly value: unknown
  readonly at: Location
  /** What was wrong with single values; where there is any, the document counts as invalid. */
  readonly problems: readonly Diagnostic[]
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
