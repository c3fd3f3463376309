/** From document files to everything the host needs of them, by the same steps as `bulkhead check`; errors leave no result. */
import { hasErrors, sortDiagnostics } from '../base/diagnostic.ts'
import { checkSet } from '../analysis/check.ts'
import { compile } from '../intent/compile.ts'
import { keepUnchanged } from '../intent/keep.ts'
import { recompile } from '../intent/recompile.ts'
import { loadPlatform } from '../model/load.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Compiled } from '../intent/compile.ts'
import type { Intent } from '../intent/intent.ts'
import type { Platform } from '../model/platform.ts'
import type { DocumentSet } from './document-set.ts'

export interface CheckedSet {
  readonly documents: DocumentSet
  readonly platform: Platform
  readonly intent: Intent
  readonly compiled: Compiled
}

/** `before` is a set that these may differ little from: what says the same is not worked out again. */
export function checkDocuments(
  documents: DocumentSet, now: number, before?: CheckedSet, progress?: (share: number) => void,
): { readonly set: CheckedSet | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const loaded = loadPlatform(documents.files, { now, progress })
  if (loaded.platform === undefined) return { set: undefined, diagnostics: loaded.diagnostics }
  const platform = before === undefined ? loaded.platform : keepUnchanged(before.platform, loaded.platform)
  const compiled = (before === undefined ? undefined : recompile(before.platform, before.compiled, platform)) ?? compile(platform)
  const diagnostics = sortDiagnostics([...loaded.diagnostics, ...compiled.diagnostics, ...checkSet(platform, compiled.intent, now)])
  const set = hasErrors(diagnostics) ? undefined : { documents, platform, intent: compiled.intent, compiled }
  return { set, diagnostics }
}
