/** The file of the change log: lines are added at its end and nowhere else, and what was there is checked before. */
import { closeSync, constants, fchmodSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Fault, messageOf } from '../base/fault.ts'
import { replaceFile } from '../host/durable.ts'
import { formatEntry, grant, grantsAfter, readChain, sealed } from './chain.ts'
import type { Clock } from '../base/clock.ts'
import type { ChangeEvent, Journal } from '../host/journal.ts'
import type { Chain, ChainHead } from './chain.ts'

export const changesFile = 'changes.jsonl'
export const headFile = 'changes.head.json'

/** Line breaks at the end whose blocks are taken already: a full disk must not keep a revocation from being written down. */
const room = 256 * 1024

/** Reads and checks; without a log there are no entries and no problem. Needs nobody to run. */
export function readChangeLog(folder: string): Chain {
  try {
    return readChain(lineText(join(folder, changesFile)), readHead(folder))
  } catch (error) {
    return { entries: [], problem: { line: 1, what: messageOf(error) }, bytes: 0 }
  }
}

/** For one writer: the agent while there is one. What is wrong with the log is told, and every `append` refused. */
export function openChangeLog(folder: string, clock: Clock): Journal {
  const path = join(folder, changesFile)
  const chain = readChangeLog(folder)
  let head: ChainHead | undefined = chain.entries.at(-1)
  let lines = chain.entries.length
  let end = chain.bytes
  let first = chain.entries[0]?.hash
  let problem = describe(chain)
  let grants = grantsAfter(chain.entries)
  if (problem === undefined) problem = attempt(() => clearAfter(path, end))
  let seen = stamp(path)

  /** Nobody else writes: where the file is another than it was left, it has to hold the same lines all the same. */
  const look = (): void => {
    const there = stamp(path)
    if (there === seen) return
    const now = readChangeLog(folder)
    const begun = now.entries[0]?.kind === 'begin' && now.entries[0].hash !== first
    if (problem !== undefined && !(begun && now.problem === undefined)) return
    problem = describe(now)
    if (problem === undefined && begun) {
      // A person has put the broken log away and begun another.
      first = now.entries[0]?.hash
      head = now.entries.at(-1)
      lines = now.entries.length
      end = now.bytes
      grants = grantsAfter(now.entries)
      seen = there
    } else if (problem === undefined && (now.entries.at(-1)?.hash !== head?.hash || now.bytes !== end)) problem = 'it does not end as this agent has left it'
  }

  return {
    append: (event: ChangeEvent) => {
      look()
      if (problem !== undefined) throw new Fault('change-log-broken', `the change log is broken: ${problem}`, { help: `nothing is changed; see \`${path}\`` })
      const entry = sealed(event, head, new Date(clock()).toISOString())
      const bytes = Buffer.from(`${formatEntry(entry)}\n`)
      try {
        writeLine(path, bytes, end)
        replaceFile(join(folder, headFile), `${JSON.stringify({ seq: entry.seq, hash: entry.hash })}\n`)
      } catch (error) {
        attempt(() => clearAfter(path, end))
        throw new Fault('change-log-unwritable', `the change log cannot be written: ${messageOf(error)}`, { help: 'nothing was changed; make room on its disk, then try again', cause: error })
      } finally {
        seen = stamp(path)
      }
      first ??= entry.hash
      head = { seq: entry.seq, hash: entry.hash }
      lines++
      end += bytes.length
      grant(grants, entry)
    },
    settle: () => {
      if (lines === 0) return
      for (const file of [path, join(folder, headFile), folder]) {
        const fd = openSync(file, 'r')
        try {
          fsyncSync(fd)
        } finally {
          closeSync(fd)
        }
      }
    },
    state: () => {
      look()
      return { lines, head: head?.hash, problem }
    },
    grants: () => {
      look()
      return grants
    },
  }
}

function describe({ problem }: Chain): string | undefined {
  return problem === undefined ? undefined : `line ${problem.line} ${problem.what}`
}

function attempt(work: () => void): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

/** A line that was begun, or that nobody noted, has not been written: its place is room again. */
function clearAfter(path: string, end: number): void {
  const rest = (bytesOf(path) ?? Buffer.alloc(0)).subarray(end)
  if (rest.every((byte) => byte === newline)) return
  const fd = openSync(path, 'r+')
  try {
    writeAll(fd, Buffer.alloc(rest.length, '\n'), end)
  } finally {
    closeSync(fd)
  }
}

/** What a foreign hand on the file changes. */
function stamp(path: string): string {
  try {
    const fd = openSync(path, 'r')
    try {
      const { ino, size, mtimeMs, ctimeMs } = fstatSync(fd)
      return `${ino} ${size} ${mtimeMs} ${ctimeMs}`
    } finally {
      closeSync(fd)
    }
  } catch {
    return 'none'
  }
}

/** A crash may cut the last line within a letter: that line ends before it, and so is no whole one. */
function lineText(path: string): string {
  const bytes = bytesOf(path)
  if (bytes === undefined) return ''
  const end = bytes.findLastIndex((byte) => byte !== newline) + 1
  const last = bytes.subarray(0, end).lastIndexOf(newline) + 1
  const before = decoded(bytes.subarray(0, last))
  try {
    return before + decoded(bytes.subarray(last))
  } catch {
    return before + new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(last, end)).replace(/\ufffd.*$/s, '')
  }
}

const newline = 0x0a

function textOf(path: string): string | undefined {
  const bytes = bytesOf(path)
  return bytes === undefined ? undefined : decoded(bytes)
}

function decoded(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}

function bytesOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function readHead(folder: string): ChainHead | undefined {
  const text = textOf(join(folder, headFile))
  if (text === undefined) return undefined
  const { seq, hash } = JSON.parse(text) as Partial<ChainHead>
  if (!Number.isSafeInteger(seq) || typeof hash !== 'string') throw new TypeError('the note of the last line is damaged')
  return { seq: seq as number, hash }
}

/** Either the whole line stands there, or the place is room again. */
function writeLine(path: string, bytes: Buffer, at: number): void {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  try {
    fchmodSync(fd, 0o600)
    const size = fstatSync(fd).size
    const left = size - at - bytes.length
    if (left < room / 4) makeRoom(fd, size, Math.max(room, bytes.length * 2))
    try {
      writeAll(fd, bytes, at)
    } catch (error) {
      ftruncateSync(fd, Math.max(size, at))
      if (size > at) writeAll(fd, Buffer.alloc(Math.min(size - at, bytes.length), '\n'), at)
      throw error
    }
  } finally {
    closeSync(fd)
  }
}

/** Best effort: without it the line has to find its own. */
function makeRoom(fd: number, size: number, more: number): void {
  try {
    writeAll(fd, Buffer.alloc(more, '\n'), size)
  } catch {
    ftruncateSync(fd, size)
  }
}

function writeAll(fd: number, bytes: Buffer, at: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done)
}
