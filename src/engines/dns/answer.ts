/** What one query gets (pure): an answer at once, or a question that may leave, and then an answer to what came back. */
import { setContains } from '../../net/address-set.ts'
import { addressFromBits, parseAddress } from '../../net/address.ts'
import { fitsWildcard } from './wildcard.ts'
import { isMetaType, types } from './question.ts'
import { errorReply } from './reply.ts'
import { isOpen } from './zones.ts'
import type { Address } from '../../net/address.ts'
import type { Query } from './question.ts'
import type { Reply, ReplyRecord } from './reply.ts'
import type { AskerView, OutsideEntry, View } from './view.ts'
import type { Grant } from './zones.ts'

/** Why a query got what it got; docs/resolver.md explains each. */
export type Reason =
  | 'policy' | 'self' | 'gateway'
  | 'no-policy' | 'unknown-asker' | 'class' | 'type' | 'name' | 'wildcard-shape' | 'wildcard-rate' | 'wildcard-unasked'
  | 'rebinding' | 'upstream' | 'not-admitted' | 'busy' | 'rate' | 'malformed' | 'oversize' | 'opcode' | 'edns-version'

export interface Judged {
  readonly reply: Reply
  readonly verdict: 'allow' | 'deny'
  readonly reason: Reason
  /** The documents that allow it, sorted. */
  readonly policies: readonly string[]
  /** Of `rebinding`: the address that must not be told. */
  readonly detail?: string
}

export interface Forward {
  readonly kind: 'forward'
  readonly asker: AskerView
  readonly name: string
  readonly type: 'A' | 'AAAA'
  /** Only `*.` patterns hold it. */
  readonly wildcard: boolean
  readonly entries: readonly OutsideEntry[]
  readonly policies: readonly string[]
}

export type Decision = ({ readonly kind: 'answer' } & Judged) | Forward

/** What upstream says about a name, all detours taken: the addresses at the end of its chain of aliases. */
export interface UpstreamAnswer {
  readonly rcode: 'NOERROR' | 'NXDOMAIN'
  /** Sorted. */
  readonly addresses: readonly string[]
  /** Seconds. */
  readonly ttl: number
}

/** Names inside move when places do, so nobody keeps them for long. */
const insideTtl = 5

/** `from` is the address that asks; `turn` is any number that grows, by which replicas take turns; `now` is in milliseconds. */
export function decide(view: View, from: string, query: Query, now: number, turn: number): Decision {
  const asker = view.askerAt(from)
  if (asker === undefined) return refused('unknown-asker')
  if (query.class !== 1) return refused('class')
  if (isMetaType(query.type)) return refused('type')
  if (query.name === undefined) return refused('name')
  const reverse = query.type === types.PTR ? reverseAddress(query.name) : undefined
  if (reverse !== undefined) return answerReverse(asker, from, reverse, now)
  const inside = asker.inside(query.name, from)
  const insideGrants = inside === undefined ? undefined : openGrants(inside.grants, now)
  if (inside !== undefined && insideGrants !== undefined) {
    const records = rotate(recordsOf(inside.addresses, query.type), turn)
    return allowed(records, inside.grants === 'self' ? 'self' : 'policy', insideGrants)
  }
  return decideOutside(asker, query.name, query.type, now)
}

function decideOutside(asker: AskerView, name: string, type: number, now: number): Decision {
  const held = asker.outside(name).filter(({ entry }) => openGrants(entry.grants, now) !== undefined)
  if (held.length === 0) return refused('no-policy')
  const policies = documentsOf(held.flatMap(({ entry }) => openGrants(entry.grants, now) ?? []))
  // Nothing but addresses comes in from outside: text, keys, ports, hints and other names have been judged by nobody.
  if (type !== types.A && type !== types.AAAA) {
    return { kind: 'answer', reply: { ...errorReply('NOERROR') }, verdict: 'deny', reason: 'type', policies }
  }
  const fitting = held.filter(({ below }) => below === undefined || fitsWildcard(name, below))
  if (fitting.length === 0) return refused('wildcard-shape')
  const wildcard = fitting.every(({ below }) => below !== undefined)
  return { kind: 'forward', asker, name, type: type === types.A ? 'A' : 'AAAA', wildcard, entries: fitting, policies }
}

/**
 * What the asker is told of an answer from upstream. One address that no name outside may lead to spoils the whole answer:
 * a server that mixes good and forbidden addresses is trying something.
 */
export function conclude(view: View, forward: Forward, upstream: UpstreamAnswer, ttl: number, turn: number): Judged {
  const { policies } = forward
  if (upstream.rcode === 'NXDOMAIN') return { reply: errorReply('NXDOMAIN'), verdict: 'allow', reason: reasonOf(forward), policies }
  const forbidden = upstream.addresses.find((text) => !mayLeadTo(view, forward, parseAddress(text)))
  if (forbidden !== undefined) return { reply: errorReply('REFUSED'), verdict: 'deny', reason: 'rebinding', policies, detail: forbidden }
  const records = rotate(upstream.addresses.map((data): ReplyRecord => ({ type: forward.type, data })), turn)
  return { reply: { rcode: 'NOERROR', records, ttl, authoritative: false }, verdict: 'allow', reason: reasonOf(forward), policies }
}

export function denied(rcode: 'REFUSED' | 'SERVFAIL', reason: Reason, policies: readonly string[] = []): Judged {
  return { reply: errorReply(rcode), verdict: 'deny', reason, policies }
}

function mayLeadTo(view: View, forward: Forward, address: Address | undefined): boolean {
  if (address === undefined || address.family !== (forward.type === 'A' ? 4 : 6)) return false
  if (!setContains(view.never, address)) return true
  const held = ({ holds }: OutsideEntry): boolean => setContains(holds, address)
  // A gateway keeps one answer for all who may ask for the name: it is nobody's whose External does not hold the address.
  return forward.asker.kind === 'gateway' ? forward.entries.every(held) : forward.entries.some(held)
}

function reasonOf({ asker }: Forward): Reason {
  return asker.kind === 'gateway' ? 'gateway' : 'policy'
}

function answerReverse(asker: AskerView, from: string, address: Address, now: number): Decision {
  const host = asker.nameOf(address, from)
  const grants = host === undefined ? undefined : openGrants(host.grants, now)
  if (host === undefined || grants === undefined) return refused('no-policy')
  return allowed([{ type: 'PTR', data: host.name }], host.grants === 'self' ? 'self' : 'policy', grants)
}

function refused(reason: Reason): Decision {
  return { kind: 'answer', ...denied('REFUSED', reason) }
}

function allowed(records: readonly ReplyRecord[], reason: Reason, grants: readonly Grant[]): Decision {
  return { kind: 'answer', reply: { rcode: 'NOERROR', records, ttl: insideTtl, authoritative: true }, verdict: 'allow', reason, policies: documentsOf(grants) }
}

/** Those that still hold; `undefined` when none does. */
function openGrants(grants: readonly Grant[] | 'self', now: number): readonly Grant[] | undefined {
  if (grants === 'self') return []
  const open = grants.filter((grant) => isOpen(grant, now))
  return open.length === 0 ? undefined : open
}

function documentsOf(grants: readonly Grant[]): readonly string[] {
  return [...new Set(grants.flatMap(({ documents }) => documents))].sort()
}

function recordsOf(addresses: readonly string[], type: number): readonly ReplyRecord[] {
  if (type !== types.A && type !== types.AAAA) return []
  return addresses.filter((address) => address.includes(':') === (type === types.AAAA)).map((data) => ({ type: type === types.A ? 'A' : 'AAAA', data }))
}

function rotate<T>(list: readonly T[], turn: number): readonly T[] {
  const at = list.length === 0 ? 0 : turn % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}

/** `16.0.128.10.in-addr.arpa`, or 32 digits under `ip6.arpa`. */
function reverseAddress(name: string): Address | undefined {
  const [, four] = /^((?:[0-9]{1,3}\.){4})in-addr\.arpa$/.exec(name) ?? []
  if (four !== undefined) return parseAddress(four.slice(0, -1).split('.').reverse().join('.'))
  const [, six] = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name) ?? []
  return six === undefined ? undefined : addressFromBits(6, BigInt(`0x${six.split('.').reverse().join('')}`))
}
