/** The bytes of a reply. The question goes back as it came, so that a client which mixes cases recognises it. */
import { encode } from 'dns-packet'
import type { Answer, OptAnswer } from 'dns-packet'
import type { BadQuery, Query } from './question.ts'

const rcodes = Object.freeze({ NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 })
export type Rcode = keyof typeof rcodes

export interface ReplyRecord {
  readonly type: 'A' | 'AAAA' | 'PTR'
  readonly data: string
}

export interface Reply {
  readonly rcode: Rcode
  readonly records: readonly ReplyRecord[]
  /** Seconds, for every record. */
  readonly ttl: number
  /** The resolver itself is the source of names inside. */
  readonly authoritative: boolean
}

export function errorReply(rcode: Rcode): Reply {
  return { rcode, records: [], ttl: 0, authoritative: false }
}

/** What fits in one datagram without being cut into fragments, which can be forged (DNS flag day 2020). */
const largestDatagram = 1232
const smallestDatagram = 512
const responseFlags = { authoritative: 0x0400, truncated: 0x0200, recursionDesired: 0x0100, recursionAvailable: 0x0080 }

/** Over UDP a reply that the client could not take comes without records and says so; the client asks again over TCP. */
export function encodeReply(query: Query | BadQuery, reply: Reply, transport: 'udp' | 'tcp'): Uint8Array {
  const name = query.kind === 'query' ? query.shown : '.'
  const whole = encodeWith(query, reply, reply.records.map((record): Answer => ({ name, ttl: reply.ttl, class: 'IN', ...record })), 0)
  const room = transport === 'tcp' ? 65_535 : Math.min(largestDatagram, Math.max(smallestDatagram, query.edns?.size ?? 0))
  return whole.length <= room ? whole : encodeWith(query, reply, [], responseFlags.truncated)
}

function encodeWith(query: Query | BadQuery, reply: Reply, answers: Answer[], truncated: number): Uint8Array {
  const rcode = rcodes[reply.rcode]
  const flags =
    responseFlags.recursionAvailable | truncated | (query.recursionDesired ? responseFlags.recursionDesired : 0) |
    (reply.authoritative ? responseFlags.authoritative : 0) | (query.kind === 'bad' ? query.opcode << 11 : 0) | (rcode & 0xf)
  const rest = encode({ type: 'response', id: query.id, flags, answers, additionals: query.edns === undefined ? [] : [opt(rcode, reply.rcode)] })
  const header = rest.subarray(0, 12)
  header.writeUInt16BE(query.raw.length === 0 ? 0 : 1, 4)
  return Buffer.concat([header, query.raw, rest.subarray(12)])
}

/** Extended error 18, prohibited (RFC 8914): a client that understands it can tell policy from a broken name. */
const prohibited = { code: 'OPTION_15', data: Buffer.from([0, 18]) }

function opt(rcode: number, name: Rcode): OptAnswer {
  return {
    type: 'OPT', name: '.', udpPayloadSize: largestDatagram, extendedRcode: rcode >> 4, ednsVersion: 0, flags: 0, flag_do: false,
    // The types know only options that have a name; the encoder takes any number.
    options: name === 'REFUSED' ? [prohibited as unknown as OptAnswer['options'][number]] : [],
  }
}
