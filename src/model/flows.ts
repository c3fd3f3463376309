/** What can be asked: one attempt of one end to reach another. */
import type { Address } from '../net/address.ts'
import type { Protocol } from '../net/protocol.ts'
import type { Phase } from './phase.ts'
import type { WorkloadId } from './workload-id.ts'

/** One concrete attempt, told by its initiator. */
export interface Flow {
  readonly source: FlowEnd
  readonly destination: FlowEnd
  readonly protocol: Protocol
  /** The destination port as the initiator sees it; absent for `icmp`. */
  readonly port: number | undefined
  /** The phase of a source workload; its declared one when absent. */
  readonly phase: Phase | undefined
}

/** A workload of another Platform; where a path leads there, `*` stands for all of that enclave. */
export interface PeerWorkload {
  readonly peer: string
  readonly enclave: string
  readonly workload: string
}

export interface PeerEnd extends PeerWorkload {
  readonly kind: 'peer'
}

export type FlowEnd =
  | { readonly kind: 'workload'; readonly workload: WorkloadId }
  /** An address outside the platform; as a destination of outside traffic, perhaps a published one. */
  | { readonly kind: 'address'; readonly address: Address }
  /** A name outside the platform, as a client asks for it. */
  | { readonly kind: 'name'; readonly name: string }
  /** Everything one External holds, asked for by its name. */
  | { readonly kind: 'external'; readonly external: string }
  | PeerEnd
