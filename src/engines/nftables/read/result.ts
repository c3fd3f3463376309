/** What a reading gives: the paths that a ruleset leaves open, and every way in which it is more open than its paths say. */
import type { AddressSet } from '../../../net/address-set.ts'
import type { Family } from '../../../net/address.ts'
import type { PortSet } from '../../../net/ports.ts'
import type { Protocol } from '../../../net/protocol.ts'

/** The host's side of the question: nothing in a ruleset says which interface is whose. */
export interface ReadContext {
  readonly uplinkGroup: number
  /** Every interface that routes, with its group. */
  readonly interfaces: readonly ReadInterface[]
  /** Groups that have a meaning; one without an interface is read as if it had one that passes the checks of the others. */
  readonly groups: readonly number[]
  /** Where groups without an interface would have their addresses; absent: anywhere. */
  readonly space?: AddressSet
  /** Only packets whose mark has these bits when they are routed go on; absent: all do. */
  readonly routed?: { readonly mask: number; readonly value: number }
  /** Packets whose mark has these bits go to this group, wherever they are addressed to; all others by their address. */
  readonly led?: { readonly mask: number; readonly value: number; readonly group: number }
}

export interface ReadInterface {
  readonly name: string
  readonly group: number
  /** The addresses behind it; `undefined` for the outside, which has all that the others have not. */
  readonly addresses: AddressSet | undefined
  /** It answers in the name of whoever a packet that was led to it was for. */
  readonly answersForOthers?: boolean
}

/** A group's number; `any` for every group there is, `other` for groups without a meaning, `unknown` for interfaces nobody declared. */
export type GroupName = number | 'any' | 'other' | 'unknown'

export interface ReadEnd {
  readonly group: GroupName
  /** Narrower than all that the group has; `undefined` where it is not. */
  readonly addresses: AddressSet | undefined
}

/** `icmp` is echo; `other` is every protocol without a name here. */
export type ReadProtocol = Protocol | 'icmp-other' | 'other'

export interface ReadPath {
  readonly source: ReadEnd
  readonly destination: ReadEnd
  readonly families: readonly Family[]
  readonly protocol: ReadProtocol
  /** As the destination sees them; empty for protocols without. */
  readonly ports: PortSet
  /** What the initiator asks for, where it is translated on the way. */
  readonly published: { readonly addresses: AddressSet | undefined; readonly ports: PortSet } | undefined
  /** The connection's mark once it is let through. */
  readonly mark: number | undefined
  /** Seconds until it closes by itself. */
  readonly expires: number | undefined
  /** Seconds until it opens, because something in its way ends by itself; 0 for what is open now. */
  readonly since: number
  /** The rule that accepts in the forward hook. */
  readonly rule: string
  /** Fields beyond these that packets must have; the path is open only to a sender who sets them. */
  readonly conditions: readonly string[]
  /** Later packets of its connections pass. */
  readonly continues: boolean
  readonly replies: boolean
  /** Perhaps less is open than this says. */
  readonly approximate: boolean
}

/** Packets that pass although no path is open for them, by what they are. */
export type LeakKind =
  /** Packets of a connection that outlive its path. */
  | 'established' | 'reply'
  | 'related' | 'invalid' | 'untracked'
  /** A source address that is not the interface's. */
  | 'spoofed'
  | 'unknown-interface'

export interface Leak {
  readonly kind: LeakKind
  readonly path: ReadPath
}

export type ForwardPolicy = 'none' | 'accept' | 'drop'

export interface ReadResult {
  readonly kind: 'read'
  /** Sorted. */
  readonly paths: readonly ReadPath[]
  readonly leaks: readonly Leak[]
  /** Not empty: nothing here may be relied on. */
  readonly unreadable: readonly { readonly at: string; readonly what: string }[]
  /** Of the strictest base chain on the forward hook. */
  readonly forward: { readonly ipv4: ForwardPolicy; readonly ipv6: ForwardPolicy }
  /** No base chain at all judges forwarded packets of some family. */
  readonly noTable: boolean
  /** A connection outlives the path that opened it. */
  readonly survivesRevocation: boolean
  /** Declared interfaces whose own packets do not get as far as the forward hook. */
  readonly blocked: readonly { readonly interface: string; readonly family: Family }[]
}
