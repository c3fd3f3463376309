/** What was decided, for the evidence: one line for like decisions within a moment, with their count. */
import { formatInstant } from '../../base/clock.ts'
import type { Reason } from './answer.ts'

export interface NameVerdict {
  readonly kind: 'name-verdict'
  /** ISO 8601 in UTC: when the first was decided. */
  readonly time: string
  /** With `count` above 1: the last. */
  readonly until?: string
  readonly count: number
  readonly verdict: 'allow' | 'deny'
  readonly reason: Reason
  /** `enclave/workload@phase`, `gateway/...`; absent for an address that nobody has. */
  readonly asker?: string
  readonly address: string
  /** As asked, with anything unusual escaped. */
  readonly name: string
  readonly type: string
  readonly transport: 'udp' | 'tcp'
  /** The response code, or `none` when nothing was sent back. */
  readonly answer: string
  /** Of an answer from outside: what the asker was told. */
  readonly addresses?: readonly string[]
  /** The documents that allow the name, sorted. */
  readonly policies?: readonly string[]
  readonly detail?: string
}

export type Decided = Omit<NameVerdict, 'kind' | 'time' | 'until' | 'count'>

export interface Records {
  readonly add: (decided: Decided, now: number) => void
  readonly flush: () => void
}

/** Unlike records that wait at a time; a workload that asks for ever new names shall not fill the memory. */
const mostWaiting = 2000

/** `write` gives false when a record cannot be kept; those and what does not fit are counted and told to `lost`. */
export function verdictRecords(write: (record: NameVerdict) => boolean, lost: (records: number) => void): Records {
  const waiting = new Map<string, { readonly decided: Decided; readonly first: number; last: number; count: number }>()
  let dropped = 0
  return {
    add(decided, now) {
      const key = JSON.stringify(decided)
      const like = waiting.get(key)
      if (like !== undefined) {
        like.last = now
        like.count += 1
      } else if (waiting.size < mostWaiting) waiting.set(key, { decided, first: now, last: now, count: 1 })
      else dropped += 1
    },
    flush() {
      const all = [...waiting.values()]
      waiting.clear()
      for (const { decided, first, last, count } of all) {
        const until = count > 1 ? { until: formatInstant(last) } : {}
        if (!write({ kind: 'name-verdict', time: formatInstant(first), ...until, count, ...decided })) dropped += count
      }
      if (dropped > 0) lost(dropped)
      dropped = 0
    },
  }
}
