/** Reads a folder of documents, and nothing that only looks like one: no huge files, no circles, nothing from outside the folder. */
import { closeSync, constants, fstatSync, openSync, readSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import { escapeText, quote } from './diagnostic.ts'
import { messageOf } from './fault.ts'
import { compareText } from './location.ts'
import type { Dirent } from 'node:fs'
import type { ErrorCode } from './catalogue.ts'
import type { Diagnostic } from './diagnostic.ts'
import type { SourceFile } from './source-file.ts'

export type { SourceFile } from './source-file.ts'

export interface ReadFiles {
  /** Sorted bytewise by path. */
  readonly files: readonly SourceFile[]
  readonly diagnostics: readonly Diagnostic[]
}

export interface FileLimits {
  readonly fileBytes: number
  readonly totalBytes: number
  readonly files: number
  /** Names looked at, documents or not. */
  readonly entries: number
}

const mebibyte = 1024 * 1024
export const defaultLimits: FileLimits = { fileBytes: 4 * mebibyte, totalBytes: 64 * mebibyte, files: 10_000, entries: 200_000 }

/**
 * One file, or all `.yaml`, `.yml` and `.json` files of a folder and the folders in it. Hidden ones and node_modules are
 * passed over. Each real file is read once, however many links lead to it.
 */
export function readDocumentFiles(path: string, limits: FileLimits = defaultLimits): ReadFiles {
  const diagnostics: Diagnostic[] = []
  const files: SourceFile[] = []
  const seen = new Set<string>()
  let bytes = 0
  let entries = 0
  let full = false
  const problem = (file: string, code: ErrorCode, message: string, help?: string, line = 1): void => {
    diagnostics.push({ code, severity: 'error', message, at: { file, line, column: 1 }, ...(help === undefined ? {} : { help }) })
  }

  let root: string
  try {
    root = realpathSync(path)
    if (!statSync(root).isDirectory()) {
      readOne(root, path)
      return { files, diagnostics }
    }
  } catch (thrown) {
    const code = errno(thrown)
    if (code === 'ENOENT' || code === 'ENOTDIR') problem(path, 'file-not-found', `${quote(path)} does not exist`)
    else if (code === 'ELOOP') problem(path, 'symlink-loop', `${quote(path)} is a circle of symbolic links`)
    else problem(path, 'file-unreadable', `${quote(path)} cannot be read: ${messageOf(thrown)}`)
    return { files, diagnostics }
  }
  walk(root, [root])
  files.sort((a, b) => compareText(a.path, b.path))
  return { files, diagnostics }

  /** `above`: the real paths of the folders that lead here, this one last. */
  function walk(folder: string, above: readonly string[]): void {
    let names: Dirent[]
    try {
      names = readdirSync(folder, { withFileTypes: true })
    } catch (thrown) {
      problem(shown(folder), 'file-unreadable', `the folder cannot be read: ${messageOf(thrown)}`)
      return
    }
    names.sort((a, b) => compareText(a.name, b.name))
    for (const entry of names) {
      if (full || entry.name.startsWith('.') || entry.name === 'node_modules') continue
      if (++entries > limits.entries) stop(`more than ${limits.entries} names`)
      const here = join(folder, entry.name)
      if (entry.isSymbolicLink()) follow(here, above)
      else if (entry.isDirectory()) walk(here, [...above, here])
      else if (isDocument(entry.name)) readOne(here, shown(here))
    }
  }

  function follow(link: string, above: readonly string[]): void {
    let target: string
    let folder: boolean
    try {
      target = realpathSync(link)
      folder = statSync(target).isDirectory()
    } catch (thrown) {
      const code = errno(thrown)
      if (code === 'ELOOP') problem(shown(link), 'symlink-loop', 'the symbolic link leads back to itself', 'remove the link')
      else if (isDocument(link)) problem(shown(link), 'file-unreadable', 'the symbolic link leads nowhere', 'remove the link')
      return
    }
    if (!folder && !isDocument(link)) return
    if (target !== root && !target.startsWith(root + sep)) {
      problem(shown(link), 'symlink-outside', `the symbolic link leaves the folder: it leads to ${quote(target)}`, 'copy what it leads to into the folder')
    } else if (!folder) readOne(target, shown(link))
    else if (above.includes(target)) problem(shown(link), 'symlink-loop', `the symbolic link leads back to ${quote(shown(target))}`, 'remove the link')
    else walk(target, [...above, target])
  }

  function readOne(real: string, name: string): void {
    if (full || seen.has(real)) return
    seen.add(real)
    if (!isPlainName(real === root ? basename(name) : name)) return problem(name, 'forbidden-character', 'the file\'s name holds a control character', 'rename it')
    if (files.length >= limits.files) return stop(`more than ${limits.files} files`)
    const content = readLimited(real, limits.fileBytes)
    if ('code' in content) return problem(name, content.code, content.message, content.help)
    bytes += content.bytes.length
    if (bytes > limits.totalBytes) return stop(`more than ${limits.totalBytes / mebibyte} MiB together`)
    const text = decode(content.bytes)
    if (text === undefined) return problem(name, 'not-utf8', 'the file is not UTF-8 text', 'save it as UTF-8', firstBadLine(content.bytes))
    files.push({ path: name, absolute: real, text })
  }

  function stop(what: string): void {
    if (!full) problem(path, 'set-too-large', `the folder holds ${what}`, 'name the folder that holds the documents, not one above it')
    full = true
  }

  function shown(file: string): string {
    return relative(root, file) || basename(root)
  }
}

/** Names stand in answers beside everything else: none may drive a terminal, end a line or reorder one. */
export function isPlainName(name: string): boolean {
  return escapeText(name) === name
}

type Content = { readonly bytes: Uint8Array } | { readonly code: ErrorCode; readonly message: string; readonly help?: string }

/** The size is asked before anything is read, and no more is read than allowed even if the file grows meanwhile. */
function readLimited(path: string, limit: number): Content {
  let fd: number
  try {
    // Not blocking: a pipe with a document's name would wait for a writer forever.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (thrown) {
    return { code: 'file-unreadable', message: `the file cannot be read: ${messageOf(thrown)}` }
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) return { code: 'file-unreadable', message: 'not a regular file' }
    const tooLarge = (size: string): Content => ({
      code: 'file-too-large', message: `the file has ${size}; the limit is ${limit / mebibyte} MiB`, help: 'split it, or move what is not a document out of the folder',
    })
    if (stat.size > limit) return tooLarge(`${(stat.size / mebibyte).toFixed(1)} MiB`)
    const buffer = Buffer.alloc(Math.min(limit, stat.size) + 1)
    let length = 0
    for (;;) {
      const read = readSync(fd, buffer, length, buffer.length - length, null)
      length += read
      if (read === 0 || length === buffer.length) break
    }
    return length === buffer.length && length > limit ? tooLarge('grown') : { bytes: buffer.subarray(0, length) }
  } catch (thrown) {
    return { code: 'file-unreadable', message: `the file cannot be read: ${messageOf(thrown)}` }
  } finally {
    closeSync(fd)
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function firstBadLine(bytes: Uint8Array): number {
  let line = 1
  for (let start = 0; start <= bytes.length; line++) {
    const end = bytes.indexOf(0x0a, start)
    const stop = end < 0 ? bytes.length : end
    if (decode(bytes.subarray(start, stop)) === undefined) return line
    start = stop + 1
  }
  return 1
}

function isDocument(name: string): boolean {
  return /\.(ya?ml|json)$/i.test(name)
}

function errno(thrown: unknown): string | undefined {
  return (thrown as NodeJS.ErrnoException).code
}
