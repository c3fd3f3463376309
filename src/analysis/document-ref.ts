/** A document that opens paths, in the form that answers give for machines. */
import { compareLocations, compareText } from '../base/location.ts'
import type { Origin } from '../intent/intent.ts'

export interface DocumentRef {
  readonly kind: string
  /** `enclave/name`. */
  readonly name: string
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Each document and place once, sorted. */
export function documentRefs(origins: readonly Origin[]): readonly DocumentRef[] {
  const [only, second] = origins
  if (only !== undefined && second === undefined) return [refOf(only)]
  const byKey = new Map<string, Origin>()
  for (const origin of origins) byKey.set(`${origin.document}\0${origin.at.file}\0${origin.at.line}\0${origin.at.column}`, origin)
  return [...byKey.values()].sort((a, b) => compareText(a.document, b.document) || compareLocations(a.at, b.at)).map(refOf)
}

function refOf({ document, at }: Origin): DocumentRef {
  const space = document.indexOf(' ')
  return { kind: document.slice(0, space), name: document.slice(space + 1), file: at.file, line: at.line, column: at.column }
}
