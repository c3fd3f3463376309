/** The states in which conntrack can present a packet to the rules, and what each makes known about it. */
import { slot, slotCount, variable } from './packet.ts'
import { one, union } from './values.ts'
import type { Family } from '../../../net/address.ts'
import type { Packet, SlotName, Term, Variables } from './packet.ts'
import type { Values } from './values.ts'

export type ConnectionKind = 'new' | 'established' | 'established-translated' | 'reply' | 'related-original' | 'related-reply' | 'invalid' | 'untracked'

/**
 * Whose packets are asked about: the declared interfaces' own, forged ones from the same, or those of other interfaces;
 * `answering` are the declared ones' and what those send in others' names that may.
 */
export type Sender = 'declared' | 'answering' | 'forged' | 'undeclared'

/** What has passed the rules that stand before conntrack, and so do not know of connections. */
export interface Entered {
  readonly packets: readonly Packet[]
  /** Interface and family of own packets of which none got through. */
  readonly blocked: readonly { readonly interface: string; readonly family: Family }[]
}

export interface Connection {
  readonly kind: ConnectionKind
  /** What packets of this kind hold from the start. */
  readonly values: readonly (readonly [number, Values])[]
  /** Slots from conntrack on (hook priority -200); before it no `ct` expression has a value, but the state, which is `invalid`. */
  readonly tracked: Partial<Record<SlotName, Term>>
  /** The destination once address translation is undone or applied (priority -100), for packets that no rule translates. */
  readonly translated: Partial<Record<SlotName, Term>> | undefined
}

const v = variable
const own = {
  originalSource4: v.originalSource4, originalDestination4: v.originalDestination4, originalSource6: v.originalSource6, originalDestination6: v.originalDestination6,
  originalSourcePort: v.originalSourcePort, originalDestinationPort: v.originalDestinationPort, originalFamily: v.family,
}
const packetIsOriginal = {
  originalSource4: v.source4, originalDestination4: v.destination4, originalSource6: v.source6, originalDestination6: v.destination6,
  originalSourcePort: v.sourcePort, originalDestinationPort: v.destinationPort, originalFamily: v.family, originalProtocol: v.protocol,
}
const anyTranslation = { destination4: v.translated4, destination6: v.translated6, destinationPort: v.translatedPort }
const marks = { ctMark: v.connectionMark, ctStatus: v.connectionStatus }
const values = (...numbers: number[]): Values => union(numbers.map((number) => one(BigInt(number))))
/** Only these ICMP types open a connection; of the rest, conntrack knows errors as related and the others as invalid. */
const queries: Connection['values'] = [[v.icmpType4, values(8, 13, 15, 17)], [v.icmpType6, values(128)]]
const answers: Connection['values'] = [[v.icmpType4, values(0, 14, 16, 18)], [v.icmpType6, values(129)]]
const errors: Connection['values'] = [[v.protocol, values(1, 58)], [v.icmpType4, values(3, 4, 5, 11, 12)], [v.icmpType6, values(1, 2, 3, 4)]]

const connections: Readonly<Record<ConnectionKind, Omit<Connection, 'kind'>>> = {
  new: { values: queries, tracked: { ...packetIsOriginal, ctState: 8n, ctDirection: 0n, ctMark: 0n, ctStatus: 0n }, translated: undefined },
  established: { values: queries, tracked: { ...packetIsOriginal, ...marks, ctState: 2n, ctDirection: 0n }, translated: undefined },
  'established-translated': { values: queries, tracked: { ...packetIsOriginal, ...marks, ctState: 2n, ctDirection: 0n }, translated: anyTranslation },
  reply: {
    values: answers,
    tracked: { ...own, ...marks, originalProtocol: v.protocol, ctState: 2n, ctDirection: 1n },
    translated: { destination4: v.originalSource4, destination6: v.originalSource6, destinationPort: v.originalSourcePort },
  },
  'related-original': { values: errors, tracked: { ...own, ...marks, originalProtocol: v.originalProtocol, ctState: 4n, ctDirection: 0n }, translated: anyTranslation },
  'related-reply': { values: errors, tracked: { ...own, ...marks, originalProtocol: v.originalProtocol, ctState: 4n, ctDirection: 1n }, translated: anyTranslation },
  invalid: { values: [], tracked: { ctState: 1n }, translated: undefined },
  // Neighbour discovery and multicast listener messages: conntrack leaves them alone, and a router forwards them like any packet.
  untracked: { values: [[v.protocol, values(58)], [v.family, values(10)], [v.icmpType6, [130n, 137n, 143n, 143n]]], tracked: { ctState: 64n }, translated: undefined },
}

/** Unicast routing never forwards to a multicast address, so no packet and no connection through here is to one. */
export const routable: Readonly<Record<Family, Values>> = { 4: [0n, 0xdfff_ffffn, 0xf000_0000n, 0xffff_ffffn], 6: [0n, (0xff00n << 112n) - 1n] }

export function connectionOf(kind: ConnectionKind): Connection {
  return { kind, ...connections[kind] }
}

/** A packet as it comes in: headers as sent, no mark, nothing known of its connection. */
export function arriving(variables: Variables): Packet {
  const slots: Term[] = Array.from({ length: slotCount }, () => undefined)
  const set: Partial<Record<SlotName, Term>> = {
    source4: v.source4, destination4: v.destination4, source6: v.source6, destination6: v.destination6, sourcePort: v.sourcePort,
    destinationPort: v.destinationPort, mark: 0n, ctState: 1n,
  }
  const packet: Packet = {
    variables, values: [], slots: fill(slots, set), misses: undefined, destinationTranslated: false, sourceTranslated: false, local: false, untracked: false,
    expires: undefined, since: 0, rule: undefined,
  }
  const held: (Values | undefined)[] = []
  held[v.family] = values(2, 10)
  for (const number of [v.destination4, v.translated4, v.originalDestination4]) held[number] = routable[4]
  for (const number of [v.destination6, v.translated6, v.originalDestination6]) held[number] = routable[6]
  return { ...packet, values: Array.from(held) }
}

/** What the packet is once conntrack has seen it. */
export function track(packet: Packet, connection: Connection): Packet {
  return { ...packet, slots: fill(packet.slots, packet.untracked ? { ctState: 64n } : connection.tracked) }
}

export function afterTranslation(packet: Packet, connection: Connection): Packet {
  if (connection.translated === undefined || packet.untracked) return packet
  return { ...packet, slots: fill(packet.slots, connection.translated), destinationTranslated: connection.kind === 'established-translated' }
}

function fill(slots: readonly Term[], set: Partial<Record<SlotName, Term>>): Term[] {
  const out = slots.slice()
  for (const [name, term] of Object.entries(set)) out[slot[name as SlotName]] = term
  return out
}
