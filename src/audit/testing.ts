/** Grounds for tests of this folder: what an instance would say of itself. */
import { documentSet } from '../host/document-set.ts'
import { checkDocuments } from '../host/documents.ts'
import { placeIn, summaryOf } from './verification.ts'
import type { CheckedSet } from '../host/documents.ts'
import type { MatrixCell } from '../host/verification.ts'
import type { ChangeEntry } from './chain.ts'
import type { Standing } from './in-force.ts'
import type { Verification } from './verification.ts'

/** The set of one file, `set.yaml`, or of several, `set0.yaml` and so on; a document with an error throws. */
export function setOf(texts: string | readonly string[], now: number): CheckedSet {
  const named = typeof texts === 'string' ? [['set.yaml', texts] as const] : texts.map((text, i) => [`set${i}.yaml`, text] as const)
  const { set, diagnostics } = checkDocuments(documentSet('/documents', named.map(([path, text]) => ({ path, absolute: `/documents/${path}`, text: text.trimStart() }))), now)
  if (set === undefined) throw new Error(diagnostics.map((d) => `${d.at.line}: ${d.message}`).join('\n'))
  return set
}

export function verificationOf(set: CheckedSet, matrix: readonly MatrixCell[]): Verification {
  return {
    kind: 'live-verification', began: '2026-11-22T10:00:00.000Z', ended: '2026-11-22T10:00:02.000Z',
    documents: { directory: set.documents.directory, sha256: set.documents.sha256 },
    table: 'abc', identities: 2, pairs: { tried: 2, of: 2, seed: '1' }, probes: 10, allowed: 1, denied: 9, mismatches: [], deviations: [],
    reading: { verdict: 'equal', acceptable: true, differences: [] }, gateways: [],
    trials: { tried: 0, open: 0, closed: 0, mismatches: [], notTried: [] }, matrix, good: true,
  }
}

interface Parts {
  readonly entries?: readonly ChangeEntry[]
  readonly verification?: Verification
  readonly unseen?: readonly string[]
}

export function standing(set: CheckedSet, { entries = [], verification, unseen = [] }: Parts): Standing {
  return {
    set,
    at: '2026-11-22T10:00:00.000Z',
    chain: { entries, problem: undefined, bytes: 0 },
    verified: verification === undefined ? undefined : { verification, sha256: summaryOf(verification).sha256, ...placeIn(entries, verification, summaryOf(verification).sha256) },
    agent: undefined,
    unseen,
  }
}
