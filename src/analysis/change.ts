/** What changes between two sets: which ends, in which direction, and by how much. */
import { compareText } from '../base/location.ts'
import type { WorkloadId } from '../model/platform.ts'
import type { AddressSet } from '../net/address-set.ts'
import type { DomainPattern } from '../net/domain.ts'
import type { DocumentRef } from './document-ref.ts'
import type { Piece } from './grants.ts'

/** `opened`: nothing could travel between the ends before. `closed`: nothing can any more. A pair that wins and loses is both widened and narrowed. */
export type ChangeKind = 'opened' | 'closed' | 'widened' | 'narrowed'

/** One end of a change, in the least that it can be told in. */
export type ChangeEnd =
  | { readonly kind: 'workload'; readonly text: string; readonly workload: WorkloadId }
  /** A whole External, or the part of some that is meant. */
  | { readonly kind: 'outside'; readonly text: string; readonly addresses: AddressSet; readonly names: readonly DomainPattern[] }
  /** `workload` is `*` for all that are not in `except`. */
  | { readonly kind: 'peer'; readonly text: string; readonly peer: string; readonly enclave: string; readonly workload: string; readonly except: readonly string[] }

export interface Change {
  readonly kind: ChangeKind
  readonly source: ChangeEnd
  readonly destination: ChangeEnd
  /** What is won (opened, widened) or lost (closed, narrowed). */
  readonly pieces: readonly Piece[]
  /** The documents that open it, in the set that has it. */
  readonly policies: readonly DocumentRef[]
}

export interface Diff {
  /** Sorted by source, destination, kind. */
  readonly changes: readonly Change[]
}

const order: readonly ChangeKind[] = ['opened', 'widened', 'narrowed', 'closed']

export function sortChanges(changes: readonly Change[]): readonly Change[] {
  return [...changes].sort(
    (a, b) => compareText(a.source.text, b.source.text) || compareText(a.destination.text, b.destination.text) || order.indexOf(a.kind) - order.indexOf(b.kind),
  )
}

/** True when something is open that was not, or for longer: what a gate stops. */
export function widens({ changes }: Diff): boolean {
  return changes.some(({ kind }) => kind === 'opened' || kind === 'widened')
}
