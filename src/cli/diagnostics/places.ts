/** The files of a set as somebody in the working folder would type them. */
import { statSync } from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { revisionOf } from '../revision.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'

export type FileOf = (file: string) => string

/** `path` is the absolute path of the folder or file that was read; files are as the documents name them. */
export function placesFrom(cwd: string, path: string): FileOf {
  const isFolder = stands(path)
  return (file) => {
    const whole = isAbsolute(file) ? file : isFolder ? join(path, file) : path
    const near = relative(cwd, whole)
    return near === '' || near.startsWith('..') ? whole : near
  }
}

function stands(folder: string): boolean {
  try {
    return statSync(folder).isDirectory()
  } catch {
    return false
  }
}

/** The same for what a person typed: a folder, a file, `REV:DIR` (as git writes a file of a revision) or `-`. */
export function placesOf(cwd: string, text: string): FileOf {
  if (text === '-') return (file) => file
  const revision = revisionOf(cwd, text)
  if (revision === undefined) return placesFrom(cwd, resolve(cwd, text))
  const folder = revision.folder.replace(/\/+$/, '')
  return (file) => `${revision.revision}:${folder === '' ? '' : `${folder}/`}${file}`
}

export function placed(diagnostics: readonly Diagnostic[], fileOf: FileOf): readonly Diagnostic[] {
  return diagnostics.map((d) => ({ ...d, at: { ...d.at, file: fileOf(d.at.file) } }))
}
