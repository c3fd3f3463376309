/** The files of a set of documents as they travel: from a folder to the agent, and from one agent to the next. */
import { createHash } from 'node:crypto'
import { Fault } from '../base/fault.ts'
import type { SourceFile } from '../base/files.ts'

export interface DocumentSet {
  /** The folder or file that was named, absolute. */
  readonly directory: string
  readonly files: readonly SourceFile[]
  readonly sha256: string
}

/** A set as it comes from a socket or a file, which may hold anything; its hash has to be that of its files. */
export function readDocumentSet(value: unknown): DocumentSet {
  const { directory, files, sha256 } = (value ?? {}) as Partial<DocumentSet>
  const isFile = (file: Partial<SourceFile> | null): boolean => typeof file?.path === 'string' && typeof file.absolute === 'string' && typeof file.text === 'string'
  if (typeof directory !== 'string' || typeof sha256 !== 'string' || !Array.isArray(files) || !files.every(isFile)) {
    throw new Fault('usage', 'this is not a set of documents')
  }
  const set = documentSet(directory, files.map(({ path, absolute, text }) => ({ path, absolute, text })))
  if (set.sha256 !== sha256) throw new Fault('usage', 'this is not a set of documents: its hash is another')
  return set
}

export function documentSet(directory: string, files: readonly SourceFile[]): DocumentSet {
  const hash = createHash('sha256')
  for (const f of files) hash.update(`${f.path}\0${f.text.length}\0${f.text}`)
  return { directory, files, sha256: hash.digest('hex') }
}
