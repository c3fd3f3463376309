/** Flows that were seen, and what is recommended because of them. */
import type { Phase, WorkloadId } from '../model/platform.ts'
import type { Address } from '../net/address.ts'
import type { Protocol } from '../net/protocol.ts'
import type { DocumentRef } from './document-ref.ts'
import type { Writable } from './write-documents.ts'

export type SeenEnd = { readonly kind: 'workload'; readonly workload: WorkloadId } | { readonly kind: 'address'; readonly address: Address }

/** One flow that was seen, perhaps several times. Instants are milliseconds since the epoch. */
export interface SeenFlow {
  readonly source: SeenEnd
  readonly destination: SeenEnd
  readonly protocol: Protocol
  /** As the initiator saw it; absent for `icmp`. */
  readonly port: number | undefined
  /** The phase in which the source was. */
  readonly phase: Phase | undefined
  readonly first: number
  readonly last: number
  readonly times: number
  readonly verdict: 'allow' | 'deny'
  /** Documents that the record itself names. */
  readonly policies: readonly string[]
}

export interface Recommended {
  readonly document: Writable
  /** The flows that need it; at least one. */
  readonly evidence: readonly SeenFlow[]
}

export interface PolicyUse {
  readonly policy: DocumentRef
  readonly times: number
  /** Absent when nobody used it. */
  readonly last?: number
}

export interface Recommendation {
  readonly documents: readonly Recommended[]
  /** Flows for which no policy can be made, and why. */
  readonly left: readonly { readonly flow: SeenFlow; readonly why: string }[]
  /** Every policy and group that exists: those that nobody used first, then by last use. */
  readonly uses: readonly PolicyUse[]
  /** What the records span; absent without any. */
  readonly span?: { readonly from: number; readonly to: number }
}
