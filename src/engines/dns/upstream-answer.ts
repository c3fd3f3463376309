/** The bytes of an answer from upstream to addresses (pure). Upstream is trusted with names, not with anything else. */
import { RECURSION_DESIRED, decode, encode } from 'dns-packet'
import { compareText } from '../../base/location.ts'
import { formatAddress, parseAddress } from '../../net/address.ts'
import { messageOf } from '../../base/fault.ts'
import type { Answer } from 'dns-packet'
import type { UpstreamAnswer } from './answer.ts'

export interface UpstreamQuestion {
  readonly id: number
  /** Canonical: what is sent is this and no other spelling. */
  readonly name: string
  readonly type: 'A' | 'AAAA'
}

export type ReadUpstream =
  /** Somebody else's packet, or an old one: it is passed over. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'answer'; readonly answer: UpstreamAnswer }
  /** The server cannot or will not answer, or what it says makes no sense. */
  | { readonly kind: 'failed'; readonly why: string }

const limits = { records: 256, aliases: 8, addresses: 16 }
/** Seconds. A name that changes faster would be asked as often as a client likes, and each asking is seen outside. */
const ttls = { least: 10, most: 3600, negative: 30, mostNegative: 300 }
const headerBytes = 12

/** No case games and no options but the size: the same question has the same bytes but for its number. */
export function encodeQuestion({ id, name, type }: UpstreamQuestion): Buffer {
  return encode({
    type: 'query', id, flags: RECURSION_DESIRED, questions: [{ name, type, class: 'IN' }],
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1232, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }],
  })
}

/** `sent` is what `encodeQuestion` gave. */
export function readUpstream(message: Uint8Array, sent: Uint8Array, question: UpstreamQuestion): ReadUpstream {
  const questionEnd = sent.length - 11
  if (message.length < headerBytes) return { kind: 'foreign' }
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const flags = view.getUint16(2)
  const rcode = flags & 0xf
  if (view.getUint16(0) !== question.id || (flags & 0xf800) !== 0x8000) return { kind: 'foreign' }
  // Some servers leave the question out of an error.
  if (view.getUint16(4) === 0 && rcode !== 0 && rcode !== 3) return { kind: 'failed', why: `rcode ${rcode}` }
  if (view.getUint16(4) !== 1 || !sameBytes(message, sent, headerBytes, questionEnd)) return { kind: 'foreign' }
  if ((flags & 0x0200) !== 0) return { kind: 'truncated' }
  if (rcode !== 0 && rcode !== 3) return { kind: 'failed', why: `rcode ${rcode}` }
  if (view.getUint16(6) + view.getUint16(8) + view.getUint16(10) > limits.records) return { kind: 'failed', why: 'too many records' }
  let answers: readonly Answer[]
  let authorities: readonly Answer[]
  try {
    const decoded = decode(Buffer.from(message.buffer, message.byteOffset, message.byteLength))
    // The library reads past the end of a record that was cut and makes something up.
    if (decode.bytes > message.length) return { kind: 'failed', why: 'not readable: cut short' }
    answers = decoded.answers ?? []
    authorities = decoded.authorities ?? []
  } catch (thrown) {
    return { kind: 'failed', why: `not readable: ${messageOf(thrown)}` }
  }
  return follow(answers, authorities, question, rcode === 3)
}

/** From the name that was asked through its aliases to addresses; records of any other name are passed over. */
function follow(answers: readonly Answer[], authorities: readonly Answer[], question: UpstreamQuestion, missing: boolean): ReadUpstream {
  let name = question.name
  let ttl: number = ttls.most
  const seen = new Set<string>()
  for (;;) {
    if (seen.has(name)) return { kind: 'failed', why: 'aliases lead in a circle' }
    if (seen.size > limits.aliases) return { kind: 'failed', why: 'too many aliases' }
    seen.add(name)
    const aliases = answers.flatMap((record) => (record.type === 'CNAME' && isOf(record, name) ? [record] : []))
    const [alias] = aliases
    if (alias === undefined) break
    if (aliases.length > 1) return { kind: 'failed', why: 'a name with two aliases' }
    ttl = Math.min(ttl, alias.ttl ?? 0)
    name = canonical(alias.data)
  }
  const found = answers.flatMap((record) => (record.type === question.type && isOf(record, name) ? [record] : []))
  if (missing || found.length === 0) {
    const rcode = missing ? 'NXDOMAIN' : 'NOERROR'
    return { kind: 'answer', answer: Object.freeze({ rcode, addresses: Object.freeze([]), ttl: Math.min(clamp(ttl), negativeTtl(authorities)) }) }
  }
  ttl = found.reduce((least, record) => Math.min(least, record.ttl ?? 0), ttl)
  const addresses = new Set<string>()
  for (const { data } of found.slice(0, limits.addresses)) {
    const address = typeof data === 'string' ? parseAddress(data) : undefined
    // A spelling that policies do not know, such as IPv4 inside IPv6, stays as it is and is judged as such.
    addresses.add(address === undefined ? String(data) : formatAddress(address))
  }
  return { kind: 'answer', answer: Object.freeze({ rcode: 'NOERROR', addresses: Object.freeze([...addresses].sort(compareText)), ttl: clamp(ttl) }) }
}

function isOf(record: Answer, name: string): boolean {
  return record.type !== 'OPT' && record.class === 'IN' && canonical(record.name) === name
}

function canonical(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

function clamp(ttl: number): number {
  return Math.max(ttls.least, Math.min(ttls.most, ttl))
}

/** RFC 2308, section 5. */
function negativeTtl(authorities: readonly Answer[]): number {
  const soa = authorities.find((record) => record.type === 'SOA')
  if (soa === undefined) return ttls.negative
  return Math.max(ttls.least, Math.min(ttls.mostNegative, soa.ttl ?? 0, soa.data.minimum ?? 0))
}

function sameBytes(a: Uint8Array, b: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (a[at] !== b[at]) return false
  return true
}
