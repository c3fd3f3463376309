/** Since which change something is as it is, by the word of the change log (pure). */
import type { Actor } from '../host/journal.ts'
import type { ChangeEntry } from './chain.ts'

/** The hash of the documents that are in force by the word of the log; `undefined` where none are, or it does not say. */
export function documentsByLog(entries: readonly ChangeEntry[]): string | undefined {
  let now: string | undefined
  let before: string | undefined
  for (const { kind, documents } of entries) {
    if (kind === 'down') [before, now] = [now, undefined]
    else if (kind === 'failed') now = before
    else if ((kind === 'up' || kind === 'apply' || kind === 'revoke' || kind === 'adopt') && documents !== undefined) [before, now] = [now, documents.sha256]
  }
  return now
}

/** The change that gave a permission. */
export interface Since {
  readonly seq: number
  /** ISO 8601. */
  readonly time: string
  readonly kind: string
  /** Undefined: the agent, by itself. */
  readonly actor?: Actor
  /** What was said of it: why, and who has approved it. */
  readonly reason?: string
}

/** Each permission that is open by the word of the log, and the change that gave it last. */
export function grantedSince(entries: readonly ChangeEntry[]): ReadonlyMap<string, Since> {
  const since = new Map<string, Since>()
  for (const entry of entries) {
    if (entry.kind === 'down') since.clear()
    // Where a change was taken back, what it had closed is as old as before: that is not known any more, so it counts as new.
    for (const line of entry.closed ?? []) since.delete(line)
    for (const line of entry.opened ?? []) since.set(line, sinceOf(entry))
  }
  return since
}

export function sinceOf({ seq, time, kind, actor, reason }: ChangeEntry): Since {
  return { seq, time, kind, ...(actor === undefined ? {} : { actor }), ...(reason === undefined ? {} : { reason }) }
}

/** `change 3 of 2026-11-22T01:58:24Z by ada (via sudo from grace): CHG-7`. */
export function formatSince({ seq, time, kind, actor, reason }: Since): string {
  const by = actor === undefined ? 'the agent' : `${actor.user}${actor.uid < 0 ? '' : ` (uid ${actor.uid})`}${actor.sudo === undefined ? '' : `, who is ${actor.sudo}`}`
  return `change ${seq}, ${kind}, ${time.slice(0, 19)}Z, by ${by}${reason === undefined ? ', no reason given' : `: ${reason}`}`
}
