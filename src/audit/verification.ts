/** The result of the last live verification, kept beside the change log, which has its hash. */
import { createHash } from 'node:crypto'
import { canonicalJson } from '../base/canonical-json.ts'
import { readState, writeState } from '../host/state.ts'
import type { VerificationSummary } from '../host/journal.ts'
import type { Evidence } from '../host/verification.ts'
import type { ChangeEntry } from './chain.ts'

const file = 'verified.json'

export type Verification = Evidence & { readonly good: boolean }

export function saveVerification(folder: string, verification: Verification): void {
  writeState(folder, file, verification)
}

export interface KeptVerification {
  readonly verification: Verification
  readonly sha256: string
  /** The line of the change log that tells of it; without one it may be anybody's. */
  readonly noted: ChangeEntry | undefined
  /** The first line after that one which tells of something that was not tried as it is now. */
  readonly changed: ChangeEntry | undefined
  /** The line of a later verification, whose result is not here: this one was put in its place. */
  readonly later: ChangeEntry | undefined
}

/** The last one, when there is one and it can be read. */
export function loadVerification(folder: string, entries: readonly ChangeEntry[]): KeptVerification | undefined {
  const value = readState(folder, file) as Verification | undefined
  if (value === undefined || value.kind !== 'live-verification') return undefined
  const { sha256 } = summaryOf(value)
  return { verification: value, sha256, ...placeIn(entries, value, sha256) }
}

/** By number, never by time: clocks step back. */
export function placeIn(entries: readonly ChangeEntry[], { documents }: Pick<Verification, 'documents'>, sha256: string): Pick<KeptVerification, 'noted' | 'changed' | 'later'> {
  const noted = entries.findLast((e) => e.kind === 'verify' && e.verification?.sha256 === sha256)
  const after = noted === undefined ? [] : entries.filter((e) => e.seq > noted.seq)
  return { noted, changed: after.find((e) => changes(e, documents.sha256)), later: after.findLast((e) => e.kind === 'verify') }
}

/** Why a verification says nothing of now, after `the verification`. */
export function supersededText({ seq, kind }: ChangeEntry): string {
  return kind === 'verify' ? `is not the latest: change ${seq} tells of another one` : `was before change ${seq}, ${kind}`
}

/** A path that ended at its own date is what the documents say; everything else that came or went was not tried. After another verification this is not the last. */
function changes({ kind, opened = [], closed = [], documents }: ChangeEntry, sha256: string): boolean {
  switch (kind) {
    case 'begin': case 'down': case 'drift': case 'failed': case 'up': case 'verify':
      return true
    case 'adopt': case 'apply': case 'revoke':
      return opened.length + closed.length > 0 || (documents !== undefined && documents.sha256 !== sha256)
    case 'expired': case 'refused':
      return false
  }
}

export function summaryOf(v: Verification): VerificationSummary {
  return {
    began: v.began,
    ended: v.ended,
    good: v.good,
    probes: v.probes + v.trials.tried,
    mismatches: v.mismatches.length + v.trials.mismatches.length + v.gateways.reduce((sum, g) => sum + g.differences.length, 0),
    deviations: v.deviations.length,
    sha256: createHash('sha256').update(canonicalJson(v)).digest('hex'),
  }
}
