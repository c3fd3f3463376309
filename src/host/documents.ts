/** From document files to everything the host needs of them, by the same steps as `bulkhead check`; errors leave no result. */
import { createHash } from 'node:crypto'
import { hasErrors, sortDiagnostics } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { checkSet } from '../analysis/check.ts'
import { compile } from '../intent/compile.ts'
import { keepUnchanged } from '../intent/keep.ts'
import { recompile } from '../intent/recompile.ts'
import { loadPlatform } from '../model/load.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { SourceFile } from '../base/files.ts'
import type { Compiled } from '../intent/compile.ts'
import type { Intent } from '../intent/intent.ts'
import type { Platform } from '../model/platform.ts'

export interface DocumentSet {
  /** The folder or file that was named, absolute. */
  readonly directory: string
  readonly files: readonly SourceFile[]
  readonly sha256: string
}

/** A set as it comes from a socket or a file, which may hold anything. */
export function readDocumentSet(value: unknown): DocumentSet {
  const { directory, files, sha256 } = (value ?? {}) as Partial<DocumentSet>
  const isFile = (file: Partial<SourceFile> | null): boolean => typeof file?.path === 'string' && typeof file.absolute === 'string' && typeof file.text === 'string'
  if (typeof directory !== 'string' || typeof sha256 !== 'string' || !Array.isArray(files) || !files.every(isFile)) {
    throw new Fault('usage', 'this is not a set of documents')
  }
  return { directory, files: files.map(({ path, absolute, text }) => ({ path, absolute, text })), sha256 }
}

export interface CheckedSet {
  readonly documents: DocumentSet
  readonly platform: Platform
  readonly intent: Intent
  readonly compiled: Compiled
}

export function documentSet(directory: string, files: readonly SourceFile[]): DocumentSet {
  const hash = createHash('sha256')
  for (const f of files) hash.update(`${f.path}\0${f.text.length}\0${f.text}`)
  return { directory, files, sha256: hash.digest('hex') }
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
