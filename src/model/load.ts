/** Files to a Platform: all problems of all files at once, and a Platform only when there is no error among them. */
import { hasErrors, sortDiagnostics } from '../base/diagnostic.ts'
import { assemble } from './assemble.ts'
import { declaredNames, duplicateNames } from './declared.ts'
import { readDocument } from './documents.ts'
import { deepFreeze } from './frozen.ts'
import { quickFile } from './quick/documents.ts'
import { parseFile } from './syntax.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Read } from './documents.ts'
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

export interface LoadOptions {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Told how much of the work is done, from 0 to 1, many times; 1 at the end. */
  readonly progress?: ((share: number) => void) | undefined
}

/** Pure and total: any text gives diagnostics, none throws. */
export function loadPlatform(files: readonly SourceFile[], options: LoadOptions): Loaded {
  const { now, progress = () => undefined } = options
  const whole = files.reduce((sum, { text }) => sum + text.length, 1)
  let characters = 0
  const parsed: Parsed[] = []
  const read: Read[] = []
  for (const file of files) {
    const one = readFile(file)
    parsed.push(one)
    for (const document of one.documents) read.push(readDocument(document))
    characters += file.text.length
    progress((readShare * characters) / whole)
  }
  const outlines = read.flatMap((r) => r.outline ?? [])
  const diagnostics: Diagnostic[] = [...parsed, ...read].flatMap((p) => p.diagnostics)
  diagnostics.push(...duplicateNames(outlines))
  const platform = assemble(read, declaredNames(outlines), now, diagnostics, (share) => progress(readShare + (1 - readShare) * share))
  const sorted = sortDiagnostics(diagnostics)
  progress(1)
  return { platform: hasErrors(sorted) ? undefined : deepFreeze(platform), documents: read.length, diagnostics: sorted }
}

/** The part of the work that is reading; the rest is resolving references. */
const readShare = 0.7

/** Two readers and one meaning: the quick one takes only what the complete one reads alike. */
function readFile(file: SourceFile): Parsed {
  const documents = quickFile(file)
  return documents === undefined ? parseFile(file) : { documents, diagnostics: [] }
}
