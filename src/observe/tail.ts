/**
 * Reads the whole lines that another process appends to a file, in bounded pieces and across rotation: the file is
 * renamed, the writer is told to open it anew, and what was renamed is read to its end and removed.
 */
import { chmodSync, closeSync, fstatSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

export interface TailPosition {
  /** Of the file read last; tells whether it was renamed since. */
  readonly inode: number
  /** Bytes of whole lines that were given out. */
  readonly offset: number
}

export interface TailChunk {
  readonly lines: readonly string[]
  /** Lines that were too long to keep, or cut off. */
  readonly broken: number
  /** False when everything written so far has been given out. */
  readonly more: boolean
}

export interface Tail {
  readonly read: () => TailChunk
  readonly position: () => TailPosition
  /** Bytes of the current file, given out or not. */
  readonly size: () => number
  /** Renames the file. The caller then makes the writer open it anew. Nothing happens while a renamed one is unread. */
  readonly rotate: () => boolean
  readonly close: () => void
}

export const drainingSuffix = '.draining'
const chunkBytes = 256 * 1024
const longestLine = 64 * 1024

/** A file that does not exist yet is an empty one. A position in a file that is gone is forgotten. */
export function openTail(folder: string, name: string, from?: TailPosition): Tail {
  const path = join(folder, name)
  const renamed = path + drainingSuffix
  const buffer = Buffer.allocUnsafe(chunkBytes + longestLine)
  let fd: number | undefined
  let inode = 0
  /** Bytes read into `buffer` or given out. */
  let offset = 0
  /** Bytes at the start of `buffer` that are the beginning of a line. */
  let held = 0
  let skipping = false
  let draining = false

  const open = (file: string, at: number): boolean => {
    fd = tryOpen(file)
    if (fd === undefined) return false
    inode = fstatSync(fd).ino
    offset = at
    held = 0
    skipping = false
    return true
  }
  const close = (): void => {
    if (fd !== undefined) closeSync(fd)
    fd = undefined
  }

  if (inodeOf(renamed) !== undefined) {
    draining = open(renamed, 0)
    if (from !== undefined && inode === from.inode) offset = from.offset
    else if (from !== undefined && inodeOf(path) === from.inode) {
      // The renamed one had been read to its end, and only its removal was interrupted.
      close()
      rmSync(renamed, { force: true })
      draining = false
    }
  }
  if (!draining && open(path, 0) && from !== undefined && inode === from.inode) offset = from.offset

  const piece = (): TailChunk => {
    if (fd === undefined && !open(path, 0)) return { lines: [], broken: 0, more: false }
    if (fd === undefined) return { lines: [], broken: 0, more: false }
    const size = fstatSync(fd).size
    if (size < offset) {
      offset = 0
      held = 0
    }
    const got = readSync(fd, buffer, held, chunkBytes, offset)
    offset += got
    const end = held + got
    const last = buffer.lastIndexOf(0x0a, end - 1)
    let lines: string[] = []
    let broken = 0
    if (got > 0 && last >= 0) {
      lines = buffer.toString('utf8', 0, last).split('\n')
      if (skipping) {
        lines.shift()
        skipping = false
      }
      buffer.copyWithin(0, last + 1, end)
      held = end - last - 1
    } else held = end
    if (held > longestLine) {
      held = 0
      if (!skipping) broken = 1
      skipping = true
    }
    return { lines, broken, more: got === chunkBytes }
  }

  return Object.freeze({
    read: (): TailChunk => {
      // Asked before reading: the writer opens the new file before it closes the old one, and writes nothing in between.
      const reopened = draining && inodeOf(path) !== undefined
      const chunk = piece()
      if (chunk.more || !reopened) return chunk
      // What is left without a newline was cut off and will never be whole.
      const cut = held > 0 ? 1 : 0
      close()
      rmSync(renamed, { force: true })
      draining = false
      open(path, 0)
      return { lines: chunk.lines, broken: chunk.broken + cut, more: true }
    },
    position: () => ({ inode, offset: offset - held }),
    size: () => (fd === undefined ? 0 : fstatSync(fd).size),
    rotate: () => {
      if (draining || fd === undefined) return false
      renameSync(path, renamed)
      draining = true
      return true
    },
    close,
  })
}

/** Makes a file that another process created readable by its owner only. */
export function restrict(folder: string, name: string): void {
  try {
    chmodSync(join(folder, name), 0o600)
  } catch {
    // Not there yet; its folder is closed to others anyway.
  }
}

function tryOpen(file: string): number | undefined {
  try {
    return openSync(file, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function inodeOf(file: string): number | undefined {
  try {
    return statSync(file).ino
  } catch {
    return undefined
  }
}
