/** From document files to everything the host needs of them, by the same steps as `bulkhead check`; errors leave no result. */
import { createHash } from 'node:crypto'
import { hasErrors, sortDiagnostics } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { checkSet } from '../analysis/check.ts'
import { compile } from '../intent/compile.ts'
import { loadPlatform } from '../model/load.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { SourceFile } from '../base/files.ts'
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
}

export function documentSet(directory: string, files: readonly SourceFile[]): DocumentSet {
  const hash = createHash('sha256')
  for (const f of files) hash.update(`${f.path}\0${f.text.length}\0${f.text}`)
  return { directory, files, sha256: hash.digest('hex') }
}

export function checkDocuments(documents: DocumentSet, now: number): { readonly set: CheckedSet | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const loaded = loadPlatform(documents.files, { now })
  if (loaded.platform === undefined) return { set: undefined, diagnostics: loaded.diagnostics }
  const compiled = compile(loaded.platform)
  const diagnostics = sortDiagnostics([...loaded.diagnostics, ...compiled.diagnostics, ...checkSet(loaded.platform, compiled.intent, now)])
  const set = hasErrors(diagnostics) ? undefined : { documents, platform: loaded.platform, intent: compiled.intent }
  return { set, diagnostics }
}
