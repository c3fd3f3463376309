/** What the agent tells the change log, and when: before every change, and after everything that happened by itself. */
import { escapeText, formatDiagnostic } from '../base/diagnostic.ts'
import { messageOf } from '../base/fault.ts'
import { grantLines, intentHash, linesWithout } from './grants.ts'
import { carriedPaths } from './refused.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { DocumentSet } from './document-set.ts'
import type { InForce } from './enforce.ts'
import type { ChangeEvent, ChangeRequest, Journal, JournalState } from './journal.ts'

export interface Recording {
  /** Before a set is put in force; a Fault keeps it from being. */
  readonly change: (next: InForce, now: number, request: ChangeRequest) => void
  /** The set was not put in force after all. */
  readonly failed: (why: unknown, request: ChangeRequest) => void
  readonly refused: (documents: DocumentSet, diagnostics: readonly Diagnostic[], request: ChangeRequest) => void
  /** What an agent goes on with. */
  readonly adopted: (inForce: InForce | undefined, now: number) => void
  /** What has ended by its own date. */
  readonly lapsed: (inForce: InForce, now: number) => void
  readonly drift: (found: readonly string[]) => void
  /** By word of a command. Gives what kept it from being written down. */
  readonly said: (event: ChangeEvent) => string | undefined
  readonly settle: () => void
  readonly state: () => JournalState
  readonly close: () => void
}

const noGrants: ReadonlySet<string> = new Set()
const mostDetails = 50
/** Whoever can disturb the host again and again must not thereby fill its disk. */
const driftEveryMs = 10_000

export function createRecording(journal: Journal, log: (text: string) => void): Recording {
  let last: Pick<ChangeEvent, 'opened' | 'closed'> = {}
  let held: string[] = []
  let timer: NodeJS.Timeout | undefined

  const tell = (event: ChangeEvent): string | undefined => {
    try {
      journal.append(event)
      return undefined
    } catch (error) {
      log(`error: not in the change log: ${event.kind}: ${messageOf(error)}`)
      return messageOf(error)
    }
  }

  const grantsOf = (inForce: InForce, now: number): ReadonlySet<string> => grantLines(carriedPaths(inForce.set, inForce.refused), now)

  /** Compared with what the log has. */
  const changedTo = (grants: ReadonlySet<string>): { readonly opened: readonly string[]; readonly closed: readonly string[] } => {
    const told = journal.grants()
    return { opened: linesWithout(grants, told), closed: linesWithout(told, grants) }
  }

  const tellDrift = (): void => {
    timer = undefined
    if (held.length === 0) return
    const found = held
    held = []
    tell({ kind: 'drift', details: few(found) })
    timer = setTimeout(tellDrift, driftEveryMs)
    timer.unref()
  }

  return {
    change: (next, now, { kind, actor, reason }) => {
      const grants = grantsOf(next, now)
      const { opened, closed } = changedTo(grants)
      journal.append({
        kind: kind === 'apply' && opened.length === 0 && closed.length > 0 ? 'revoke' : kind,
        actor,
        ...(reason === undefined ? {} : { reason }),
        documents: documentsOf(next.set.documents),
        intent: intentHash(next.set.intent),
        opened,
        closed,
      })
      last = { opened, closed }
    },
    failed: (why, { actor }) => {
      tell({ kind: 'failed', actor, opened: last.closed ?? [], closed: last.opened ?? [], details: [messageOf(why)] })
    },
    refused: (documents, diagnostics, { actor, reason }) => {
      const errors = diagnostics.filter((d) => d.severity === 'error').flatMap((d) => formatDiagnostic(d).split('\n').map(escapeText))
      tell({ kind: 'refused', actor, ...(reason === undefined ? {} : { reason }), documents: documentsOf(documents), details: few(errors) })
    },
    adopted: (inForce, now) => {
      const grants = inForce === undefined ? noGrants : grantsOf(inForce, now)
      // Whoever was killed between line and table, or with the whole machine, could not tell the rest.
      const changed = changedTo(grants)
      if (inForce !== undefined) tell({ kind: 'adopt', documents: documentsOf(inForce.set.documents), intent: intentHash(inForce.set.intent), ...changed })
      else if (changed.closed.length > 0) tell({ kind: 'adopt', ...changed, details: ['nothing is in force any more'] })
    },
    lapsed: (inForce, now) => {
      const { closed } = changedTo(grantsOf(inForce, now))
      if (closed.length > 0) tell({ kind: 'expired', closed })
    },
    drift: (found) => {
      held.push(...found.slice(0, mostDetails + 1 - Math.min(held.length, mostDetails)))
      if (timer === undefined) tellDrift()
    },
    said: tell,
    settle: () => {
      try {
        journal.settle()
      } catch (error) {
        log(`error: the change log may not survive a loss of power: ${messageOf(error)}`)
      }
    },
    state: journal.state,
    close: () => {
      clearTimeout(timer)
      if (held.length > 0) tell({ kind: 'drift', details: few(held) })
      held = []
    },
  }
}

function documentsOf({ directory, sha256, files }: DocumentSet): NonNullable<ChangeEvent['documents']> {
  return { directory, sha256, files: files.length }
}

function few(lines: readonly string[]): readonly string[] {
  return lines.length <= mostDetails ? lines : [...lines.slice(0, mostDetails), `and ${lines.length - mostDetails} more`]
}
