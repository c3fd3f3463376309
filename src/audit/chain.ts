/**
 * The change log as text: one line of canonical JSON for each event, each with the hash of the one before. Reading it is
 * checking it: an edit, a line too many, too few or in another place is found, and so is a cut end, by the note of the last line.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '../base/canonical-json.ts'
import { changeKinds } from '../host/journal.ts'
import type { ChangeEvent, ChangeKind } from '../host/journal.ts'

export interface ChangeEntry extends ChangeEvent {
  /** From 1 on, without gaps. */
  readonly seq: number
  /** ISO 8601, by the clock of the machine: it may step back, `seq` does not. */
  readonly time: string
  /** The hash of the line before; of the first one `beginning`, or what it names as the log that it follows. */
  readonly previous: string
  /** SHA-256 of this line without this field. */
  readonly hash: string
}

/** What was last written, kept in a file of its own. */
export interface ChainHead {
  readonly seq: number
  readonly hash: string
}

export interface ChainProblem {
  /** 1-based. */
  readonly line: number
  readonly what: string
}

export interface Chain {
  /** Those before the first problem. */
  readonly entries: readonly ChangeEntry[]
  readonly problem: ChainProblem | undefined
  /** Bytes that hold `entries`. What follows without a problem is room, or a line whose writer was interrupted. */
  readonly bytes: number
}

export const beginning = '0'.repeat(64)

/** An event as the line after `before`. */
export function sealed(event: ChangeEvent, before: ChainHead | undefined, time: string): ChangeEntry {
  const body = { ...event, seq: (before?.seq ?? 0) + 1, time, previous: before?.hash ?? beginning }
  return { ...body, hash: hashOf(body) }
}

export function formatEntry(entry: ChangeEntry): string {
  return canonicalJson(entry)
}

function hashOf(body: unknown): string {
  return createHash('sha256').update(canonicalJson(body)).digest('hex')
}

/**
 * Line breaks at the end are room for what follows. `head` says how far the writer has come: what it tells of must be there,
 * and at most one line more, whose writer was interrupted before he could note it.
 */
export function readChain(text: string, head: ChainHead | undefined): Chain {
  const entries: ChangeEntry[] = []
  let length = text.length
  while (length > 0 && text[length - 1] === '\n') length--
  const written = text.slice(0, length)
  const lines = written === '' ? [] : written.split('\n')
  let before: ChainHead | undefined
  let bytes = 0
  const broken = (line: number, what: string): Chain => ({ entries, problem: { line, what }, bytes })
  for (const [index, line] of lines.entries()) {
    const found = readEntry(line, before)
    if (typeof found === 'string') {
      // Written in part, and noted by nobody.
      if (found === inPart && index === lines.length - 1 && index === (head?.seq ?? 0)) break
      return broken(index + 1, found)
    }
    entries.push(found)
    bytes += Buffer.byteLength(line) + 1
    before = found
  }
  if (head === undefined) return entries.length > 1 ? broken(entries.length, 'the note of the last line is missing') : { entries, problem: undefined, bytes }
  if (entries.length < head.seq) return broken(entries.length + 1, `${head.seq - entries.length} ${head.seq - entries.length === 1 ? 'line is' : 'lines are'} missing at the end`)
  if (entries[head.seq - 1]?.hash !== head.hash) return broken(head.seq, 'is not the line that was noted as the last')
  if (entries.length > head.seq + 1) return broken(head.seq + 2, 'follows the line that was noted as the last')
  return { entries, problem: undefined, bytes }
}

const inPart = 'is not JSON'

/** The line, or what is wrong with it. */
function readEntry(line: string, before: ChainHead | undefined): ChangeEntry | string {
  let entry: ChangeEntry
  try {
    entry = JSON.parse(line) as ChangeEntry
  } catch {
    return inPart
  }
  if (typeof entry !== 'object' || entry === null || canonicalJson(entry) !== line) return 'is not written as the log writes'
  const { hash, ...body } = entry
  if (hash !== hashOf(body)) return 'is not what its hash says'
  if (entry.seq !== (before?.seq ?? 0) + 1) return `has the number ${entry.seq}, not ${(before?.seq ?? 0) + 1}`
  if (entry.previous !== (before?.hash ?? beginning)) return 'does not follow the line before it'
  return isEntry(entry) ? entry : 'is not a line of this log'
}

function isEntry({ kind, time, opened, closed, details }: ChangeEntry): boolean {
  const texts = (list: readonly unknown[] | undefined): boolean => list === undefined || (Array.isArray(list) && list.every((t) => typeof t === 'string'))
  return changeKinds.includes(kind as ChangeKind) && typeof time === 'string' && !Number.isNaN(Date.parse(time)) && [opened, closed, details].every(texts)
}

/** A run of lines that began somewhere: what is wrong with it, if anything. The first line's `previous` is taken as it is. */
export function checkRun(text: string): { readonly entries: readonly ChangeEntry[]; readonly problem: string | undefined } {
  const entries: ChangeEntry[] = []
  const lines = text === '' ? [] : text.slice(0, -1).split('\n')
  if (text !== '' && !text.endsWith('\n')) return { entries, problem: 'it does not end with a line' }
  for (const [index, line] of lines.entries()) {
    const first = index === 0 ? before(line) : entries.at(-1)
    const found = readEntry(line, first)
    if (typeof found === 'string') return { entries, problem: `line ${index + 1} ${found}` }
    entries.push(found)
  }
  return { entries, problem: undefined }
}

function before(line: string): ChainHead | undefined {
  try {
    const { seq, previous } = JSON.parse(line) as Partial<ChangeEntry>
    return typeof seq === 'number' && seq > 1 && typeof previous === 'string' ? { seq: seq - 1, hash: previous } : undefined
  } catch {
    return undefined
  }
}

/** The permissions that are open when all of this has happened. */
export function grantsAfter(entries: readonly ChangeEntry[]): Set<string> {
  const open = new Set<string>()
  for (const entry of entries) grant(open, entry)
  return open
}

/** Takes what an event closes from the open ones, and adds what it opens. */
export function grant(open: Set<string>, { kind, opened = [], closed = [] }: ChangeEvent): void {
  if (kind === 'down') open.clear()
  for (const line of closed) open.delete(line)
  for (const line of opened) open.add(line)
}
