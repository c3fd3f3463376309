/** A client's first words of TLS, made by hand: names, extensions and records as no library would write them. */

const u8 = (n: number): Buffer => Buffer.from([n])
const u16 = (n: number): Buffer => Buffer.from([n >> 8, n & 255])
const sized = (bytes: Buffer): Buffer => Buffer.concat([u16(bytes.length), bytes])

export const extension = (type: number, body: Buffer): Buffer => Buffer.concat([u16(type), sized(body)])

/** `server_name` with these names, each of the type of host names unless said otherwise. */
export function serverName(...names: readonly (string | readonly [type: number, name: string])[]): Buffer {
  const entries = names.map((each) => (typeof each === 'string' ? ([0, each] as const) : each))
  return extension(0, sized(Buffer.concat(entries.map(([type, name]) => Buffer.concat([u8(type), sized(Buffer.from(name, 'latin1'))])))))
}

/** An encrypted client hello of the outer kind, whose inside nobody can read. */
export const encryptedHello = extension(0xfe0d, Buffer.concat([u8(0), u16(1), u16(1), u8(7), sized(Buffer.alloc(32, 7)), sized(Buffer.alloc(160, 9))]))

const common = [
  extension(10, sized(Buffer.concat([u16(29), u16(23)]))), extension(13, sized(Buffer.concat([u16(0x0403), u16(0x0804), u16(0x0401)]))),
  extension(43, Buffer.concat([u8(2), u16(0x0304)])), extension(51, sized(Buffer.concat([u16(29), sized(Buffer.alloc(32, 9))]))),
]

/** The handshake message, with these extensions before the usual ones. */
export function helloMessage(...extensions: readonly Buffer[]): Buffer {
  const body = Buffer.concat([u16(0x0303), Buffer.alloc(32, 5), u8(0), sized(Buffer.concat([u16(0x1301), u16(0x1302), u16(0xc02b)])), u8(1), u8(0), sized(Buffer.concat([...extensions, ...common]))])
  return Buffer.concat([u8(1), u8(body.length >> 16), u16(body.length & 0xffff), body])
}

/** In records of at most so many bytes. */
export function records(message: Buffer, most = 16_384): Buffer {
  const parts = Array.from({ length: Math.ceil(message.length / most) }, (_, i) => message.subarray(i * most, (i + 1) * most))
  return Buffer.concat(parts.map((part) => Buffer.concat([u8(22), u16(0x0301), sized(part)])))
}
