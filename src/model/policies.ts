/** The documents that open paths, one kind for each permitted pattern of communication. */
import type { Location } from '../base/location.ts'
import type { Address } from '../net/address.ts'
import type { Protocol } from '../net/protocol.ts'
import type { Authentication, IngressProxy } from './ingress-proxy.ts'
import type { Phase } from './phase.ts'
import type { ExternalRef, LocalRef, PeerRef } from './references.ts'

export type PortItem =
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'name'; readonly name: string; readonly at: Location }
  | { readonly kind: 'any' }

/** What may travel. `protocol: any` stands for all four and has only the port item `any`; `icmp` has no port items. */
export interface TrafficSpec {
  readonly protocol: Protocol | 'any'
  readonly ports: readonly PortItem[]
  /** Written as `protocol: nats`: tcp to the port `nats` of brokers alone, for these messages. */
  readonly messages?: Messages
}

/** The name of the port at which a broker is reached. */
export const brokerPort = 'nats'

/** Patterns of subjects (net/subject.ts) that the source may publish to, and subscribe to, at the broker. Sorted; not both empty. */
export interface Messages {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

interface PolicyBase {
  /** Unique within its kind and enclave. */
  readonly name: string
  /** The owner: the enclave whose document this is. */
  readonly enclave: string
  /** Milliseconds since the epoch; the policy opens nothing from this instant on. */
  readonly expires: number | undefined
  readonly at: Location
}

/** Of a policy, or of a path that one opens; `now` in milliseconds since the epoch. At the instant itself it is closed already. */
export function isExpired({ expires }: { readonly expires: number | undefined }, now: number): boolean {
  return expires !== undefined && now >= expires
}

export interface ServicePolicy extends PolicyBase {
  readonly kind: 'ServicePolicy'
  readonly source: readonly LocalRef[]
  readonly destination: readonly LocalRef[]
  readonly traffic: TrafficSpec
  /** `required`: by mutual TLS between the gateways, for tcp alone. */
  readonly encryption: 'required' | undefined
}

export interface EgressPolicy extends PolicyBase {
  readonly kind: 'EgressPolicy'
  readonly source: readonly LocalRef[]
  readonly destination: readonly ExternalRef[]
  readonly traffic: TrafficSpec
  /** Phases of the source in which it holds; all three when the document names none. */
  readonly phases: readonly Phase[]
  readonly http: HttpMatch | undefined
}

/** Empty `methods` or `paths` means any. A path ending in `*` is a prefix. */
export interface HttpMatch {
  readonly methods: readonly string[]
  readonly paths: readonly string[]
}

export interface IngressPolicy extends PolicyBase {
  readonly kind: 'IngressPolicy'
  readonly source: readonly ExternalRef[]
  readonly destination: readonly LocalRef[]
  readonly traffic: TrafficSpec
  readonly gateway: IngressGateway
}

export type IngressGateway =
  /** L4: published addresses translated to the private one, port to port; `authentication: none` was written out. */
  | { readonly kind: 'publish'; readonly addresses: readonly Address[]; readonly port: number }
  /** Carried by a proxy: names, TLS, routes, authentication. `hosts` and `authentication` are those of `proxy`. */
  | { readonly kind: 'proxy'; readonly hosts: readonly string[]; readonly authentication: Authentication['kind']; readonly proxy: IngressProxy }

export interface FederationPolicy extends PolicyBase {
  readonly kind: 'FederationPolicy'
  /** Others may come in: destination is the owner's. */
  readonly exports: readonly FederationHalf[]
  /** Our workloads may go out: source is the owner's. */
  readonly imports: readonly FederationHalf[]
  /** `required`: what its halves open between enclaves goes by mutual TLS between the gateways; towards Peers it always does. */
  readonly encryption: 'required' | undefined
}

export type Policy = ServicePolicy | EgressPolicy | IngressPolicy | FederationPolicy

/** In an export `source` is foreign and `destination` local; in an import it is the other way round. */
export interface FederationHalf {
  readonly source: readonly (LocalRef | PeerRef)[]
  readonly destination: readonly (LocalRef | PeerRef)[]
  readonly traffic: TrafficSpec
  readonly at: Location
}
