/**
 * DER (ITU-T X.690), as much of it as certificates need. The reader takes nothing but DER: definite, shortest lengths,
 * low tags and no bytes left over, so that two readers cannot see two certificates in the same bytes.
 */

export const tag = {
  boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04, null: 0x05, oid: 0x06,
  utf8: 0x0c, printable: 0x13, utcTime: 0x17, generalizedTime: 0x18, sequence: 0x30, set: 0x31,
} as const

/** A context tag: constructed when it holds other values. */
export function context(number: number, constructed: boolean): number {
  return 0x80 | (constructed ? 0x20 : 0) | number
}

// --- writing ----------------------------------------------------------------------------------------------------------

export function encode(tagByte: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([Buffer.from([tagByte, ...lengthBytes(length)]), ...parts])
}

function lengthBytes(length: number): readonly number[] {
  if (length < 0x80) return [length]
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return [0x80 | bytes.length, ...bytes]
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return encode(tag.sequence, ...parts)
}

/** An integer that is not negative, from its bytes, the highest first. */
export function unsigned(bytes: Uint8Array): Buffer {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const shortest = bytes.subarray(start)
  return encode(tag.integer, (shortest[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), shortest]) : shortest)
}

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80)
    return groups
  })
  return encode(tag.oid, Buffer.from(bytes))
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return encode(tag.bits, Buffer.from([unusedBits]), bytes)
}

/** Whole seconds; UTCTime until 2049 and GeneralizedTime from 2050 on, as RFC 5280 has it. */
export function instant(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  return Number(text.slice(0, 4)) < 2050 ? encode(tag.utcTime, Buffer.from(text.slice(2))) : encode(tag.generalizedTime, Buffer.from(text))
}

// --- reading ----------------------------------------------------------------------------------------------------------

/** What makes bytes not DER. Never leaves this folder: `readCertificate` turns it into a reason. */
export class NotDer extends Error {}

export interface Value {
  readonly tag: number
  readonly body: Buffer
  /** With its tag and length. */
  readonly whole: Buffer
}

/** The one value that fills the bytes. */
export function decode(bytes: Uint8Array): Value {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const value = valueAt(buffer, 0)
  if (value.whole.length !== buffer.length) throw new NotDer('bytes after the end')
  return value
}

function valueAt(buffer: Buffer, at: number): Value {
  const tagByte = buffer[at]
  const first = buffer[at + 1]
  if (tagByte === undefined || first === undefined) throw new NotDer('cut short')
  if ((tagByte & 0x1f) === 0x1f) throw new NotDer('a high tag number')
  let length = first
  let start = at + 2
  if (first >= 0x80) {
    const count = first & 0x7f
    if (count === 0 || count > 4) throw new NotDer('a length that is indefinite or too long')
    length = 0
    for (let i = 0; i < count; i++) {
      const byte = buffer[start + i]
      if (byte === undefined) throw new NotDer('cut short')
      length = length * 256 + byte
    }
    start += count
    if (length < 0x80 || length < 256 ** (count - 1)) throw new NotDer('a length that is not the shortest')
  }
  const end = start + length
  if (end > buffer.length) throw new NotDer('cut short')
  return { tag: tagByte, body: buffer.subarray(start, end), whole: buffer.subarray(at, end) }
}

/** The values inside one that is constructed. */
export function members(value: Value, expected?: number): readonly Value[] {
  if (expected !== undefined) expect(value, expected)
  const found: Value[] = []
  for (let at = 0; at < value.body.length; ) {
    const member = valueAt(value.body, at)
    found.push(member)
    at += member.whole.length
  }
  return found
}

export function expect(value: Value | undefined, expected: number): Value {
  if (value?.tag !== expected) throw new NotDer('a value of another type than expected')
  return value
}

export function readBoolean(value: Value): boolean {
  const { body } = expect(value, tag.boolean)
  if (body.length !== 1 || (body[0] !== 0 && body[0] !== 0xff)) throw new NotDer('not a truth value')
  return body[0] === 0xff
}

/** The bytes of an integer that is not negative and is written in the shortest way. */
export function readUnsigned(value: Value | undefined): Buffer {
  const { body } = expect(value, tag.integer)
  const [first, second] = body
  if (first === undefined || first >= 0x80) throw new NotDer('a negative or empty integer')
  if (first === 0 && second !== undefined && second < 0x80) throw new NotDer('an integer that is not the shortest')
  return first === 0 && second !== undefined ? body.subarray(1) : body
}

export function readObjectIdentifier(value: Value | undefined): string {
  const { body } = expect(value, tag.oid)
  const arcs: number[] = []
  let arc = 0
  let inside = false
  for (const byte of body) {
    if (!inside && byte === 0x80) throw new NotDer('an object identifier that is not the shortest')
    arc = arc * 128 + (byte & 0x7f)
    if (arc > Number.MAX_SAFE_INTEGER) throw new NotDer('an object identifier too large')
    inside = byte >= 0x80
    if (!inside) {
      arcs.push(arc)
      arc = 0
    }
  }
  const [first, ...rest] = arcs
  if (inside || first === undefined) throw new NotDer('an object identifier cut short')
  const root = Math.min(2, Math.floor(first / 40))
  return [root, first - root * 40, ...rest].join('.')
}

/** The bytes of a bit string of whole bytes. */
export function readBytes(value: Value | undefined): Buffer {
  const { body } = expect(value, tag.bits)
  if (body[0] !== 0) throw new NotDer('a bit string that does not end with a byte')
  return body.subarray(1)
}

/** The numbers of the bits that are set. */
export function readFlags(value: Value): ReadonlySet<number> {
  const { body } = expect(value, tag.bits)
  const [unused = 8, ...bytes] = body
  const last = bytes.at(-1)
  if (unused > 7 || (last === undefined && unused !== 0)) throw new NotDer('a bit string cut short')
  // DER leaves trailing zero bits of a list of flags out.
  if (last !== undefined && ((last & ((1 << unused) - 1)) !== 0 || ((last >> unused) & 1) === 0)) throw new NotDer('flags that are not the shortest')
  const flags = new Set<number>()
  bytes.forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) if ((byte & (0x80 >> bit)) !== 0) flags.add(index * 8 + bit)
  })
  return flags
}

/** Milliseconds since the epoch. */
export function readInstant(value: Value | undefined): number {
  const text = value?.body.toString('latin1') ?? ''
  const utc = value?.tag === tag.utcTime
  if (!utc && value?.tag !== tag.generalizedTime) throw new NotDer('not a time')
  const match = (utc ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/ : /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/).exec(text)
  if (match === null) throw new NotDer('a time in another form than RFC 5280 asks for')
  const [, year = '', month = '', day = '', hour = '', minute = '', second = ''] = match
  const full = utc ? `${Number(year) >= 50 ? '19' : '20'}${year}` : year
  const iso = `${full}-${month}-${day}T${hour}:${minute}:${second}.000Z`
  const ms = Date.parse(iso)
  // The 30th of February and the like come back as another day.
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== iso) throw new NotDer('a time that does not exist')
  return ms
}
