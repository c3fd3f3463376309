/**
 * The bytes of a query, which an adversary wrote, to one question. Read by hand and strictly: every byte is accounted for, so
 * that what is judged, what is logged and what is asked upstream cannot be three different things.
 */

export interface Query {
  readonly kind: 'query'
  readonly id: number
  readonly recursionDesired: boolean
  /** The question as it came, for the reply. */
  readonly raw: Uint8Array
  /** In lower case without the last dot; '' for the root; `undefined` when it holds anything but letters, digits, `-` and `_`. */
  readonly name: string | undefined
  /** As the client wrote it, safe to show. */
  readonly shown: string
  readonly type: number
  readonly class: number
  readonly edns: Edns | undefined
}

export interface Edns {
  /** The largest reply that the client takes in one datagram. */
  readonly size: number
}

/** A message that gets an error and is not looked at further. `shown` is what could be read of its name. */
export interface BadQuery {
  readonly kind: 'bad'
  readonly id: number
  readonly recursionDesired: boolean
  readonly opcode: number
  readonly raw: Uint8Array
  readonly rcode: 'FORMERR' | 'NOTIMP' | 'BADVERS'
  readonly reason: 'malformed' | 'oversize' | 'opcode' | 'edns-version'
  readonly shown: string
  readonly type: number
  readonly edns: Edns | undefined
}

/** What is no query at all gets no answer, or two resolvers could keep each other busy. */
export type ReadQuery = Query | BadQuery | { readonly kind: 'ignore' }

/** Bytes of a query that are looked at: a name of 255, its type, and room for EDNS with padding (RFC 8467). */
export const largestQuery = 1232

const headerBytes = 12
const optType = 41

export function readQuery(message: Uint8Array): ReadQuery {
  if (message.length < headerBytes) return { kind: 'ignore' }
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const id = view.getUint16(0)
  const flags = view.getUint16(2)
  if ((flags & 0x8000) !== 0) return { kind: 'ignore' }
  const opcode = (flags >> 11) & 0xf
  const recursionDesired = (flags & 0x0100) !== 0
  const bad = (rcode: BadQuery['rcode'], reason: BadQuery['reason'], rest: Partial<BadQuery> = {}): BadQuery => ({
    kind: 'bad', id, recursionDesired, opcode, raw: new Uint8Array(), rcode, reason, shown: '', type: 0, edns: undefined, ...rest,
  })
  if (message.length > largestQuery) return bad('FORMERR', 'oversize')
  if (opcode !== 0) return bad('NOTIMP', 'opcode')
  const additional = view.getUint16(10)
  // One question (RFC 9619), and at most the EDNS record beside it.
  if (view.getUint16(4) !== 1 || view.getUint16(6) !== 0 || view.getUint16(8) !== 0 || additional > 1) return bad('FORMERR', 'malformed')
  const name = readName(message, headerBytes)
  if (name === undefined || name.end + 4 > message.length) return bad('FORMERR', 'malformed')
  const end = name.end + 4
  const question = { raw: message.slice(headerBytes, end), shown: name.shown, type: view.getUint16(name.end) }
  if (additional === 0) {
    if (end !== message.length) return bad('FORMERR', 'malformed', question)
    return { kind: 'query', id, recursionDesired, ...question, name: name.canonical, class: view.getUint16(name.end + 2), edns: undefined }
  }
  // The root's name, type, size, extended code and version and flags, length of the options: 11 bytes, and the options.
  if (end + 11 > message.length || view.getUint8(end) !== 0 || view.getUint16(end + 1) !== optType) return bad('FORMERR', 'malformed', question)
  if (end + 11 + view.getUint16(end + 9) !== message.length) return bad('FORMERR', 'malformed', question)
  const edns = { size: view.getUint16(end + 3) }
  if (view.getUint8(end + 6) !== 0) return bad('BADVERS', 'edns-version', { ...question, edns })
  // The options are not read: what a client says of its subnet, its cookies and its padding is nobody's business upstream.
  return { kind: 'query', id, recursionDesired, ...question, name: name.canonical, class: view.getUint16(name.end + 2), edns }
}

interface ReadName {
  readonly canonical: string | undefined
  readonly shown: string
  readonly end: number
}

/** A name without compression, which a question has no use for; `undefined` when its labels do not fit the message or 255 bytes. */
function readName(message: Uint8Array, start: number): ReadName | undefined {
  const labels: string[] = []
  let plain = true
  let at = start
  for (;;) {
    const length = message[at]
    if (length === undefined || length > 63) return undefined
    at += 1
    if (length === 0) break
    if (at + length > message.length || at + length - start > 254) return undefined
    const label = message.subarray(at, at + length)
    labels.push(Array.from(label, showByte).join(''))
    plain &&= label.every(isPlain)
    at += length
  }
  const shown = labels.length === 0 ? '.' : labels.join('.')
  return { canonical: plain ? labels.join('.').toLowerCase() : undefined, shown, end: at }
}

function isPlain(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x5f
}

/** RFC 1035, section 5.1: whatever could be mistaken is a backslash and three digits. */
function showByte(byte: number): string {
  if (isPlain(byte)) return String.fromCharCode(byte)
  return `\\${String(byte).padStart(3, '0')}`
}

const typeNames: ReadonlyMap<number, string> = new Map([
  [1, 'A'], [2, 'NS'], [5, 'CNAME'], [6, 'SOA'], [10, 'NULL'], [12, 'PTR'], [15, 'MX'], [16, 'TXT'], [28, 'AAAA'], [33, 'SRV'], [35, 'NAPTR'], [43, 'DS'],
  [48, 'DNSKEY'], [52, 'TLSA'], [64, 'SVCB'], [65, 'HTTPS'], [251, 'IXFR'], [252, 'AXFR'], [255, 'ANY'], [257, 'CAA'],
])

/** `AAAA`, or `TYPE1234` for a type without a name here (RFC 3597). */
export function typeName(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`
}

export const types = Object.freeze({ A: 1, PTR: 12, AAAA: 28 })

/** Not a kind of data but a request about the server or the whole zone (RFC 6895, section 3.1). */
export function isMetaType(type: number): boolean {
  return type === 0 || type === optType || (type >= 128 && type <= 255)
}
