/**
 * The records on disk: JSON lines, written by the recorder alone, readable while nothing runs. With every batch goes the
 * position in the raw files up to which it reaches, in one write: after a crash the batch that is not whole is cut off
 * and made again, so that no packet is recorded twice and none is left out.
 */
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readFileSync, readSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { LossState } from './loss.ts'
import type { TailPosition } from './tail.ts'
import type { VerdictRecord } from './verdict.ts'

export const verdictsFile = 'verdicts.jsonl'

/** Refusals that have no record, found since the last such line. */
export interface LossRecord {
  readonly kind: 'loss'
  readonly time: string
  /** `denied` lines are counted exactly; of allowed connections it is only known that some may be missing. */
  readonly of: 'denied' | 'allowed'
  /** Packets; `undefined` when it is not known how many. */
  readonly lost?: number
}

/** Where recording began and ended. */
export interface SessionRecord {
  readonly kind: 'session'
  readonly time: string
  readonly event: 'started' | 'adopted' | 'restarted' | 'stopped'
}

export interface PositionRecord {
  readonly kind: 'position'
  readonly denied: TailPosition
  readonly allowed: TailPosition
  readonly loss: LossState
}

export type StoredRecord = VerdictRecord | LossRecord | SessionRecord
export type StoredLine = StoredRecord | PositionRecord

export interface StoreOptions {
  /** Bytes after which a file is put aside. */
  readonly fileBytes: number
  /** Files that are kept beside the current one. */
  readonly keptFiles: number
}

export interface Store {
  /** The position of the last whole batch, of this or an earlier process. */
  readonly recovered: PositionRecord | undefined
  readonly append: (records: readonly StoredRecord[], position: PositionRecord) => void
  readonly close: () => void
}

export function openStore(folder: string, options: StoreOptions): Store {
  const path = join(folder, verdictsFile)
  let fd = openSync(path, 'a+', 0o600)
  const found = lastPosition(fd)
  if (found.end < fstatSync(fd).size) ftruncateSync(fd, found.end)
  const recovered = found.position ?? positionOfKept(`${path}.1`)
  let size = found.end

  const rotate = (position: PositionRecord): void => {
    if (existsSync(path)) {
      rmSync(`${path}.${options.keptFiles}`, { force: true })
      for (let i = options.keptFiles - 1; i >= 1; i--) if (existsSync(`${path}.${i}`)) renameSync(`${path}.${i}`, `${path}.${i + 1}`)
      renameSync(path, `${path}.1`)
    }
    const next = openSync(path, 'a+', 0o600)
    closeSync(fd)
    fd = next
    size = 0
    write([position])
  }
  const write = (lines: readonly StoredLine[]): void => {
    const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    } catch (error) {
      ftruncateSync(fd, size)
      throw error
    }
    size += bytes.length
  }
  return Object.freeze({
    recovered,
    append: (records: readonly StoredRecord[], position: PositionRecord) => {
      write([...records, position])
      if (size < options.fileBytes) return
      try {
        rotate(position)
      } catch {
        // The batch is written; the next one tries again.
      }
    },
    close: () => closeSync(fd),
  })
}

/** One line as it was stored; anything else is `undefined`. */
export function parseStored(line: string): StoredLine | undefined {
  try {
    const value = JSON.parse(line) as { readonly kind?: unknown } | null
    const kind = value?.kind
    return kind === 'verdict' || kind === 'loss' || kind === 'session' || kind === 'position' ? (value as StoredLine) : undefined
  } catch {
    return undefined
  }
}

const windowBytes = 1024 * 1024

/** The last whole position line and where it ends, looking backwards so that a large file is not read for it. */
function lastPosition(fd: number): { readonly position: PositionRecord | undefined; readonly end: number } {
  const size = fstatSync(fd).size
  for (let window = Math.min(size, windowBytes); window > 0; window = Math.min(size, window * 4)) {
    const start = size - window
    const bytes = Buffer.alloc(window)
    readSync(fd, bytes, 0, window, start)
    for (let end = bytes.lastIndexOf(0x0a); end > 0; ) {
      const before = bytes.lastIndexOf(0x0a, end - 1)
      if (before < 0 && start > 0) break
      const line = parseStored(bytes.toString('utf8', before + 1, end))
      if (line?.kind === 'position') return { position: line, end: start + end + 1 }
      end = before
    }
    if (start === 0) break
  }
  return { position: undefined, end: 0 }
}

function positionOfKept(path: string): PositionRecord | undefined {
  if (!existsSync(path)) return undefined
  const fd = openSync(path, 'r')
  try {
    return lastPosition(fd).position
  } finally {
    closeSync(fd)
  }
}

/** What the recorder says about itself once a second; `undefined` when it never ran. */
export function readStats(folder: string): RecorderStats | undefined {
  try {
    const value = JSON.parse(readFileSync(join(folder, statsFile), 'utf8')) as Partial<RecorderStats> | null
    return typeof value?.at === 'number' ? (value as RecorderStats) : undefined
  } catch {
    return undefined
  }
}

export const statsFile = 'stats.json'

export interface RecorderStats {
  /** Milliseconds since the epoch when this was true. A recorder renews it every second. */
  readonly at: number
  readonly running: boolean
  /** Refused packets that are recorded, since the instance began. */
  readonly recorded: number
  /** Refused packets that are not. */
  readonly lost: number
  /** Connection events recorded by this process. */
  readonly connections: number
  /** Connection events may be missing: the kernel had more than ulogd could take. */
  readonly connectionsIncomplete: boolean
  /** Lines that were no record, by this process. */
  readonly malformed: number
  /** Times that ulogd ended by itself, seen by this process. */
  readonly restarts: number
  /** Bytes that ulogd wrote and that are not read yet. */
  readonly pendingBytes: number
}
