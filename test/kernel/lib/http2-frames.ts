/** HTTP/2 written by hand: every frame that a client of good manners would not send. */

export const frameTypes = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, push: 5, ping: 6, goAway: 7, window: 8, continuation: 9 } as const
export const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export function frame(type: number, flag: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flag, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** The beginning of a connection: preface, settings of no wish, and a window that is never in the way. */
export const hello = Buffer.concat([preface, frame(frameTypes.settings, 0, 0), frame(frameTypes.window, 0, 0, Buffer.from([0x3f, 0xff, 0, 0]))])

/** Header fields as they are, never indexed and never compressed: names and values may hold any byte. */
export function fields(all: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(all.map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)])))
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  const length = [127]
  let rest = bytes.length - 127
  for (; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128)
  return Buffer.concat([Buffer.from([...length, rest]), bytes])
}

export interface Answer {
  /** By stream: the first status, or `reset CODE`, in the order of their numbers. */
  readonly streams: Readonly<Record<string, string>>
  /** The code of a GOAWAY that is no plain goodbye. */
  readonly ended: number | undefined
}

/** What a server sent, without a table of compressed fields: a status is indexed in the static table, or a literal of three digits. */
export function answerIn(bytes: Buffer): Answer {
  const streams: Record<string, string> = {}
  let ended: number | undefined
  for (let at = 0; at + 9 <= bytes.length;) {
    const length = bytes.readUIntBE(at, 3)
    const type = bytes.readUInt8(at + 3)
    const stream = bytes.readUInt32BE(at + 5) & 0x7fff_ffff
    const payload = bytes.subarray(at + 9, at + 9 + length)
    if (type === frameTypes.headers) streams[stream] ??= statusOf(payload)
    if (type === frameTypes.reset && payload.length >= 4) streams[stream] ??= `reset ${payload.readUInt32BE(0)}`
    if (type === frameTypes.goAway && payload.length >= 8 && payload.readUInt32BE(4) !== 0) ended = payload.readUInt32BE(4)
    at += 9 + length
  }
  return { streams, ended }
}

function statusOf(block: Buffer): string {
  const known: Readonly<Record<number, string>> = { 8: '200', 9: '204', 10: '206', 11: '304', 12: '400', 13: '404', 14: '500' }
  const first = [...block].find((byte) => (byte & 0xe0) !== 0x20) ?? 0
  if (first >= 128) return known[first & 127] ?? `indexed ${first & 127}`
  const at = block.indexOf(first) + 1
  return block.readUInt8(at) >= 128 ? huffmanDigits(block.subarray(at + 1, at + 1 + (block.readUInt8(at) & 127))) : block.subarray(at + 1, at + 1 + block.readUInt8(at)).toString('latin1')
}

/** Digits in the code of RFC 7541: 0, 1 and 2 have five bits, the others six. */
function huffmanDigits(coded: Buffer): string {
  let bits = [...coded].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  let digits = ''
  while (digits.length < 3 && bits.length >= 5) {
    const short = Number.parseInt(bits.slice(0, 5), 2)
    if (short <= 2) [digits, bits] = [digits + String(short), bits.slice(5)]
    else [digits, bits] = [digits + String(Number.parseInt(bits.slice(0, 6), 2) - 0b011001 + 3), bits.slice(6)]
  }
  return digits
}
