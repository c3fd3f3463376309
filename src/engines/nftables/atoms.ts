/**
 * What one host's kernel has to permit, as disjoint facts: no packet matches two of them, so a lookup has one answer.
 * All instants are milliseconds since the epoch; all numbers of identities are interface groups.
 */
import type { AddressSet } from '../../net/address-set.ts'
import type { Address } from '../../net/address.ts'
import type { Protocol } from '../../net/protocol.ts'

export interface Atoms {
  readonly kind: 'atoms'
  /** Identity to identity. Sorted, like every list here. */
  readonly direct: readonly DirectAtom[]
  /** Identity to a class of outside addresses. */
  readonly egress: readonly EgressAtom[]
  /** A class of outside addresses to a published address and port. */
  readonly publish: readonly PublishAtom[]
  /** What is led to the outbound gateway instead of where it is addressed to. */
  readonly lead: readonly LeadAtom[]
  /** Identities that are held inside their stack, whatever the paths above say. By source. */
  readonly held: readonly Held[]
  /** A partition of the outside addresses that some path names; by id. */
  readonly classes: readonly AddressClass[]
  /** Addresses that cannot be the source of anything from outside. */
  readonly bogons: AddressSet
  /** Every published address, whatever its policy's state: workloads never reach one. */
  readonly published: AddressSet
}

export type Match =
  | { readonly kind: 'port'; readonly port: number }
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  /** All ports, 1 to 65535. */
  | { readonly kind: 'protocol' }
  | { readonly kind: 'echo' }

interface Permission {
  /** `icmp` exactly where the match is `echo`. */
  readonly protocol: Protocol
  readonly match: Match
  /** Stands for the set of documents that open it. */
  readonly path: number
  /** The latest instant at which one of them closes; `undefined` when one never does. */
  readonly expires: number | undefined
}

export interface DirectAtom extends Permission {
  readonly source: number
  readonly destination: number
}

export interface EgressAtom extends Permission {
  readonly source: number
  readonly class: number
}

/** A tcp connection of an identity that goes to the outbound gateway; the way there is a direct atom besides. */
export interface LeadAtom {
  readonly source: number
  /** `undefined`: every outside address that has been admitted to the source and is not open to it in itself. */
  readonly address: Address | undefined
  readonly protocol: 'tcp'
  readonly match: Exclude<Match, { readonly kind: 'echo' }>
  readonly expires: number | undefined
}

export interface PublishAtom {
  readonly class: number
  readonly protocol: Exclude<Protocol, 'icmp'>
  readonly address: Address
  readonly port: number
  readonly destination: number
  readonly privateAddress: Address
  readonly privatePort: number
  readonly path: number
  readonly expires: number | undefined
}

/** Packets that it initiates reach nothing but these addresses. */
export interface Held {
  readonly source: number
  /** The platform's own, its Stack's and those peered with it. */
  readonly inside: AddressSet
}

/** Outside addresses that the same Externals hold. */
export interface AddressClass {
  readonly id: number
  readonly addresses: AddressSet
}
