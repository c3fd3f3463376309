/** Reads records from disk, oldest first, also while they are being written and while nothing runs. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { drainingSuffix } from './tail.ts'
import { parseStored, verdictsFile } from './store.ts'
import { allowedFile, deniedFile } from './ulogd-config.ts'
import type { PositionRecord, StoredLine } from './store.ts'
import type { TailPosition } from './tail.ts'

export interface ReadOptions {
  /** Goes on with what is written later, until `signal`. */
  readonly follow: boolean
  readonly signal: AbortSignal
  /** Leaves out whole files that were last written before this instant, in milliseconds since the epoch. */
  readonly since?: number
}

const chunkBytes = 256 * 1024
const longestLine = 1024 * 1024
const pollMs = 100

/** Gives `caught-up` once, when all that had been written is given out. Memory is bounded whatever the files hold. */
export async function* readRecords(folder: string, options: ReadOptions): AsyncGenerator<StoredLine | 'caught-up', void> {
  const { follow, signal } = options
  const current = join(folder, verdictsFile)
  let queue = openAll(current, options.since)
  let caughtUp = false
  try {
    while (!signal.aborted) {
      const [file, ...rest] = queue
      // Asked before reading: once another file has its name, nothing more is written to this one.
      const replaced = file !== undefined && inodeOf(current) !== file.inode
      if (file !== undefined) yield* linesOf(file, signal)
      if (file !== undefined && rest.length > 0) {
        closeSync(file.fd)
        queue = rest
        continue
      }
      if (!caughtUp) yield 'caught-up'
      caughtUp = true
      if (!follow) return
      if (file === undefined || replaced) queue = [...queue, ...newerThan(current, file)]
      if (queue.length < 2) await pause(pollMs, signal)
    }
  } finally {
    for (const file of queue) closeSync(file.fd)
  }
}

interface OpenFile {
  readonly fd: number
  readonly inode: number
  offset: number
  held: Buffer
}

/** All are opened before any is read, so that none is missed when they are put aside meanwhile. */
function openAll(current: string, since: number | undefined): OpenFile[] {
  const files = new Map<number, OpenFile>()
  const add = (path: string): boolean => {
    const file = tryOpen(path)
    if (file === undefined) return false
    if (files.has(file.inode)) closeSync(file.fd)
    else files.set(file.inode, file)
    return true
  }
  // Newest first: a file that is put aside meanwhile is met again under its next name.
  add(current)
  for (let i = 1; add(`${current}.${i}`); i++);
  const oldestFirst = [...files.values()].reverse()
  return oldestFirst.filter((file, i) => {
    const keep = i === oldestFirst.length - 1 || since === undefined || fstatSync(file.fd).mtimeMs >= since
    if (!keep) closeSync(file.fd)
    return keep
  })
}

/** The files that were begun after this one; several when it was put aside a while ago. */
function newerThan(current: string, file: OpenFile | undefined): readonly OpenFile[] {
  const all = openAll(current, undefined)
  const known = all.findIndex((other) => other.inode === file?.inode)
  for (const other of all.slice(0, known + 1)) closeSync(other.fd)
  return all.slice(known + 1)
}

function* linesOf(file: OpenFile, signal: AbortSignal): Generator<StoredLine, void> {
  const buffer = Buffer.allocUnsafe(chunkBytes)
  while (!signal.aborted) {
    if (fstatSync(file.fd).size < file.offset) {
      // A batch that a crash had left unfinished was cut off.
      file.offset = fstatSync(file.fd).size
      file.held = Buffer.alloc(0)
    }
    const got = readSync(file.fd, buffer, 0, chunkBytes, file.offset)
    if (got === 0) return
    file.offset += got
    const bytes = Buffer.concat([file.held, buffer.subarray(0, got)])
    const last = bytes.lastIndexOf(0x0a)
    file.held = Buffer.from(bytes.subarray(last + 1))
    if (file.held.length > longestLine) file.held = Buffer.alloc(0)
    if (last < 0) continue
    for (const text of bytes.toString('utf8', 0, last).split('\n')) {
      const line = parseStored(text)
      if (line !== undefined) yield line
    }
  }
}

/** Bytes of raw reports beyond a position: what no record tells of yet. */
export function unreadBytes(folder: string, position: PositionRecord | undefined): number {
  return unread(folder, deniedFile, position?.denied) + unread(folder, allowedFile, position?.allowed)
}

function unread(folder: string, name: string, position: TailPosition | undefined): number {
  const path = join(folder, name)
  const draining = sizeOf(path + drainingSuffix, position)
  return draining + sizeOf(path, position)
}

function sizeOf(path: string, position: TailPosition | undefined): number {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return 0
  return found.ino === position?.inode ? Math.max(0, found.size - position.offset) : found.size
}

function tryOpen(path: string): OpenFile | undefined {
  try {
    const fd = openSync(path, 'r')
    return { fd, inode: fstatSync(fd).ino, offset: 0, held: Buffer.alloc(0) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done, { once: true })
  })
}
