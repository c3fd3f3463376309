/**
 * The Intent: the complete set of allowed paths between identities. Deny is the empty set. A path is one policy's (or
 * one met pair of halves') permission from one identity to one other; paths overlap freely, their union is what is open.
 */
import type { Location } from '../base/location.ts'
import type { Address } from '../net/address.ts'
import type { PortSet } from '../net/ports.ts'
import type { Protocol } from '../net/protocol.ts'
import type { Authentication, HttpMatch, IngressProxy, Messages, PeerEnd, Phase, WorkloadId } from '../model/platform.ts'

export interface Intent {
  readonly kind: 'intent'
  /** Sorted by source, destination, protocol, ports, origin. */
  readonly paths: readonly Path[]
}

export type PathKind = 'service' | 'egress' | 'ingress' | 'federation' | 'group'

export interface Path {
  readonly kind: PathKind
  readonly source: PathEnd
  readonly destination: PathEnd
  readonly protocol: Protocol
  /** Destination ports, private side; empty exactly for `icmp`. */
  readonly ports: PortSet
  /** Phases of the source in which it is open; all three unless a policy narrows them. Sorted. */
  readonly phases: readonly Phase[]
  /** Closed from this instant on (milliseconds since the epoch). */
  readonly expires: number | undefined
  readonly via: Via
  /** The documents that open it, sorted; a federation path has two or more. */
  readonly origin: readonly Origin[]
}

export type PathEnd =
  | { readonly kind: 'workload'; readonly workload: WorkloadId }
  | { readonly kind: 'external'; readonly external: string }
  | PeerEnd

/** What stands between the two ends. */
export type Via =
  /** Workload to workload on one platform. With `messages` to a broker, which permits these and nothing else. */
  | { readonly kind: 'direct'; readonly messages?: Messages }
  /** Outward to the External's CIDRs (kernel) and domains (proxy and resolver); with `http`, proxy alone. */
  | { readonly kind: 'egress'; readonly http: HttpMatch | undefined }
  | { readonly kind: 'publish'; readonly addresses: readonly Address[]; readonly port: number }
  | { readonly kind: 'proxy'; readonly hosts: readonly string[]; readonly authentication: Authentication['kind']; readonly proxy: IngressProxy }
  /** Workload to workload on one platform, by mutual TLS between its two gateways; tcp only. */
  | { readonly kind: 'mutual-tls' }
  /** To or from another Platform's gateway. */
  | { readonly kind: 'peer' }

export interface Origin {
  /** `ServicePolicy research/api-to-db`: kind, then the owner's enclave and name. */
  readonly document: string
  readonly at: Location
}
