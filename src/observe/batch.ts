/** One batch of raw lines to records, and what it says about losses. */
import { sawSequence } from './loss.ts'
import { mergeRefusals } from './merge.ts'
import { parseAllowed, parseDenied } from './parse.ts'
import { allowedVerdict, deniedVerdict } from './verdict.ts'
import type { Host } from './host-index.ts'
import type { LossState } from './loss.ts'
import type { RawDenied } from './parse.ts'
import type { Explain, VerdictRecord } from './verdict.ts'

export interface Batch {
  /** Refusals in the order of the file, then connection events in theirs. */
  readonly records: readonly VerdictRecord[]
  readonly connections: number
  /** Lines that are no record. */
  readonly malformed: number
  readonly loss: LossState
}

export function readBatch(refusals: readonly string[], events: readonly string[], host: Host, explain: Explain, before: LossState): Batch {
  const raws: RawDenied[] = []
  let loss = before
  for (const line of refusals) {
    const raw = parseDenied(line)
    if (raw === undefined) continue
    loss = sawSequence(loss, raw.sequence)
    raws.push(raw)
  }
  const denied = mergeRefusals(raws).map(({ first, last, count }) => deniedVerdict(first, host, explain, count, last))
  const allowed: VerdictRecord[] = []
  let malformed = refusals.length - raws.length
  for (const line of events) {
    const raw = parseAllowed(line)
    if (raw === undefined) malformed++
    const record = raw === undefined ? undefined : allowedVerdict(raw, host)
    if (record !== undefined) allowed.push(record)
  }
  return { records: [...denied, ...allowed], connections: allowed.length, malformed, loss }
}
