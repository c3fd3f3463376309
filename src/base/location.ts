/** A place in a document: 1-based line and column, counted in UTF-16 code units as editors do. */
export interface Location {
  /** As the user named it: relative to the folder that was read, or the path given. */
  readonly file: string
  readonly line: number
  readonly column: number
}

export function formatLocation(at: Location): string {
  return `${at.file}:${at.line}:${at.column}`
}

export function compareLocations(a: Location, b: Location): number {
  return compareText(a.file, b.file) || a.line - b.line || a.column - b.column
}

/** Bytewise for ASCII and independent of locale, so that output is the same everywhere. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
