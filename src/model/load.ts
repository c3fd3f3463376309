/** Files to a Platform: all problems of all files at once, and a Platform only when there is no error among them. */
import { hasErrors, sortDiagnostics } from '../base/diagnostic.ts'
import { assemble } from './assemble.ts'
import { declaredNames, duplicateNames } from './declared.ts'
import { readDocument } from './documents.ts'
import { deepFreeze } from './frozen.ts'
import { quickFile } from './quick/documents.ts'
import { parseFile } from './syntax.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Platform } from './platform.ts'
import type { SourceFile } from './source.ts'
import type { Parsed } from './syntax.ts'

export type { SourceFile } from './source.ts'

export interface Loaded {
  /** `undefined` exactly when a diagnostic is an error: one invalid document rejects the set. */
  readonly platform: Platform | undefined
  /** How many documents there were, valid or not; empty ones are none. */
  readonly documents: number
  /** Sorted by place. */
  readonly diagnostics: readonly Diagnostic[]
}

/** Pure and total: any text gives diagnostics, none throws. `now` is in milliseconds since the epoch. */
export function loadPlatform(files: readonly SourceFile[], options: { readonly now: number }): Loaded {
  const parsed = files.map(readFile)
  const documents = parsed.flatMap((p) => p.documents)
  const read = documents.map(readDocument)
  const outlines = read.flatMap((r) => r.outline ?? [])
  const diagnostics: Diagnostic[] = [...parsed, ...read].flatMap((p) => p.diagnostics)
  diagnostics.push(...duplicateNames(outlines))
  const platform = assemble(read, declaredNames(outlines), options.now, diagnostics)
  const sorted = sortDiagnostics(diagnostics)
  return { platform: hasErrors(sorted) ? undefined : deepFreeze(platform), documents: documents.length, diagnostics: sorted }
}

/** Two readers and one meaning: the quick one takes only what the complete one reads alike. */
function readFile(file: SourceFile): Parsed {
  const documents = quickFile(file)
  return documents === undefined ? parseFile(file) : { documents, diagnostics: [] }
}
