/** IP packets, built and read by hand, so that tests can send what no kernel would. */
import { formatAddress, parseAddress } from '../../../src/net/address.ts'
import type { Address } from '../../../src/net/address.ts'

export interface PacketSpec {
  readonly from: string
  readonly to: string
  readonly payload: Transport
  /** The protocol number in the header, when it should not be the payload's own. */
  readonly protocol?: number
  readonly ttl?: number
  /** IPv6 extension headers between header and payload: type and body (a multiple of 8 bytes, less the two that are added). */
  readonly extensions?: readonly { readonly type: number; readonly body: Buffer }[]
  /** IPv4 options, a multiple of 4 bytes. */
  readonly options?: Buffer
}

export type Transport =
  | { readonly kind: 'tcp'; readonly sport: number; readonly dport: number; readonly flags: string; readonly seq?: number; readonly ack?: number; /** A multiple of 4 bytes. */ readonly options?: Buffer; readonly data?: string }
  | { readonly kind: 'udp'; readonly sport: number; readonly dport: number; readonly data?: string }
  /** One chunk: 1 INIT, 2 INIT ACK, 10 COOKIE ECHO. */
  | { readonly kind: 'sctp'; readonly sport: number; readonly dport: number; readonly chunk: number; readonly tag?: number; /** After the fixed part of the chunk. */ readonly parameters?: Buffer }
  | { readonly kind: 'icmp'; readonly type: number; readonly code?: number; readonly rest?: number; readonly data?: Buffer }
  | { readonly kind: 'raw'; readonly protocol: number; readonly data: Buffer }

export const tcpFlags: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, P: 8, A: 16, U: 32, E: 64, W: 128 }
const numbers = { tcp: 6, udp: 17, sctp: 132 } as const

export function packet(spec: PacketSpec): Buffer {
  const from = address(spec.from)
  const to = address(spec.to)
  const number = protocolNumber(spec.payload, from.family)
  const body = transport(spec.payload, from, to)
  return from.family === 4 ? ipv4(spec, from, to, number, body) : ipv6(spec, from, to, number, body)
}

/** Splits an IPv4 or IPv6 packet in two at a multiple of 8 bytes of its payload. */
export function fragments(whole: Buffer, at: number, id = 4711): readonly Buffer[] {
  if ((whole[0] ?? 0) >> 4 === 4) {
    const piece = (offset: number, data: Buffer, more: boolean): Buffer => {
      const head = Buffer.from(whole.subarray(0, 20))
      head.writeUInt16BE(20 + data.length, 2)
      head.writeUInt16BE(id, 4)
      head.writeUInt16BE((more ? 0x2000 : 0) | (offset >> 3), 6)
      head.writeUInt16BE(0, 10)
      head.writeUInt16BE(checksum(head), 10)
      return Buffer.concat([head, data])
    }
    const body = whole.subarray(20)
    return [piece(0, body.subarray(0, at), true), piece(at, body.subarray(at), false)]
  }
  const body = whole.subarray(40)
  const piece = (offset: number, data: Buffer, more: boolean): Buffer => {
    const head = Buffer.from(whole.subarray(0, 40))
    const extension = Buffer.alloc(8)
    extension[0] = head[6] ?? 0
    extension.writeUInt16BE(offset | (more ? 1 : 0), 2)
    extension.writeUInt32BE(id, 4)
    head[6] = 44
    head.writeUInt16BE(8 + data.length, 4)
    return Buffer.concat([head, extension, data])
  }
  return [piece(0, body.subarray(0, at), true), piece(at, body.subarray(at), false)]
}

/** What arrived, in one line: `tcp 10.0.0.1:1 > 10.0.0.2:2 S`, `icmp 10.0.0.1 > 10.0.0.2 3/13`. */
export function describe(data: Buffer): string {
  const { from, to } = hosts(data)
  if ((data[0] ?? 0) >> 4 === 6) return line(data[6] ?? 0, from, to, data.subarray(40))
  return line(data[9] ?? 0, from, to, data.subarray(((data[0] ?? 0) & 15) * 4, data.readUInt16BE(2)))
}

/** The addresses in its header. */
export function hosts(data: Buffer): { readonly from: string; readonly to: string } {
  return (data[0] ?? 0) >> 4 === 4
    ? { from: text(4, data.subarray(12, 16)), to: text(4, data.subarray(16, 20)) }
    : { from: text(6, data.subarray(8, 24)), to: text(6, data.subarray(24, 40)) }
}

function line(protocol: number, from: string, to: string, body: Buffer): string {
  const name = Object.entries(numbers).find(([, n]) => n === protocol)?.[0]
  if (name !== undefined) {
    const flags = name === 'tcp' ? ` ${Object.entries(tcpFlags).filter(([, bit]) => ((body[13] ?? 0) & bit) !== 0).map(([flag]) => flag).join('')}` : ''
    return `${name} ${end(from, body.readUInt16BE(0))} > ${end(to, body.readUInt16BE(2))}${flags}`
  }
  if (protocol === 1 || protocol === 58) return `icmp ${from} > ${to} ${body[0] ?? 0}/${body[1] ?? 0}`
  return `protocol ${protocol} ${from} > ${to}`
}

function end(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function text(family: 4 | 6, bytes: Buffer): string {
  return formatAddress({ kind: 'address', family, bits: BigInt(`0x${bytes.toString('hex')}`) })
}

function address(written: string): Address {
  const parsed = parseAddress(written)
  if (parsed === undefined) throw new TypeError(`not an address: ${written}`)
  return parsed
}

function bytesOf({ family, bits }: Address): Buffer {
  return Buffer.from(bits.toString(16).padStart(family === 4 ? 8 : 32, '0'), 'hex')
}

function protocolNumber(payload: Transport, family: 4 | 6): number {
  if (payload.kind === 'icmp') return family === 4 ? 1 : 58
  return payload.kind === 'raw' ? payload.protocol : numbers[payload.kind]
}

function ipv4(spec: PacketSpec, from: Address, to: Address, number: number, body: Buffer): Buffer {
  const options = spec.options ?? Buffer.alloc(0)
  const head = Buffer.concat([Buffer.alloc(20), options])
  head[0] = 0x40 | (head.length / 4)
  head.writeUInt16BE(head.length + body.length, 2)
  head[8] = spec.ttl ?? 64
  head[9] = spec.protocol ?? number
  bytesOf(from).copy(head, 12)
  bytesOf(to).copy(head, 16)
  head.writeUInt16BE(checksum(head), 10)
  return Buffer.concat([head, body])
}

function ipv6(spec: PacketSpec, from: Address, to: Address, number: number, body: Buffer): Buffer {
  const extensions = spec.extensions ?? []
  const last = spec.protocol ?? number
  const parts = extensions.map(({ body: inner }, i) => {
    const next = extensions[i + 1]?.type ?? last
    return Buffer.concat([Buffer.from([next, (inner.length + 2) / 8 - 1]), inner])
  })
  const head = Buffer.alloc(40)
  head[0] = 0x60
  head.writeUInt16BE(parts.reduce((sum, part) => sum + part.length, body.length), 4)
  head[6] = extensions[0]?.type ?? last
  head[7] = spec.ttl ?? 64
  bytesOf(from).copy(head, 8)
  bytesOf(to).copy(head, 24)
  return Buffer.concat([head, ...parts, body])
}

function transport(payload: Transport, from: Address, to: Address): Buffer {
  switch (payload.kind) {
    case 'raw': return payload.data
    case 'tcp': {
      const options = payload.options ?? Buffer.alloc(0)
      const body = Buffer.concat([Buffer.alloc(20), options, Buffer.from(payload.data ?? '')])
      body.writeUInt16BE(payload.sport, 0)
      body.writeUInt16BE(payload.dport, 2)
      body.writeUInt32BE(payload.seq ?? 1000, 4)
      body.writeUInt32BE(payload.ack ?? 0, 8)
      body[12] = (5 + options.length / 4) << 4
      body[13] = [...payload.flags].reduce((sum, flag) => sum | (tcpFlags[flag] ?? 0), 0)
      body.writeUInt16BE(65_000, 14)
      body.writeUInt16BE(pseudo(from, to, numbers.tcp, body), 16)
      return body
    }
    case 'udp': {
      const body = Buffer.concat([Buffer.alloc(8), Buffer.from(payload.data ?? 'x')])
      body.writeUInt16BE(payload.sport, 0)
      body.writeUInt16BE(payload.dport, 2)
      body.writeUInt16BE(body.length, 4)
      body.writeUInt16BE(pseudo(from, to, numbers.udp, body) || 0xffff, 6)
      return body
    }
    case 'sctp': {
      const chunk = Buffer.alloc(20)
      chunk[0] = payload.chunk
      const parameters = payload.parameters ?? Buffer.alloc(0)
      chunk.writeUInt16BE(20 + parameters.length, 2)
      chunk.writeUInt32BE(1, 4)
      chunk.writeUInt32BE(65_536, 8)
      chunk.writeUInt32BE(0x0001_0001, 12)
      chunk.writeUInt32BE(1, 16)
      const body = Buffer.concat([Buffer.alloc(12), chunk, parameters])
      body.writeUInt16BE(payload.sport, 0)
      body.writeUInt16BE(payload.dport, 2)
      body.writeUInt32BE(payload.tag ?? 0, 4)
      body.writeUInt32LE(crc32c(body), 8)
      return body
    }
    case 'icmp': {
      const body = Buffer.concat([Buffer.alloc(8), payload.data ?? Buffer.alloc(0)])
      body[0] = payload.type
      body[1] = payload.code ?? 0
      body.writeUInt32BE(payload.rest ?? 0, 4)
      body.writeUInt16BE(from.family === 4 ? checksum(body) : pseudo(from, to, 58, body), 2)
      return body
    }
  }
}

function pseudo(from: Address, to: Address, protocol: number, body: Buffer): number {
  const tail = Buffer.alloc(8)
  tail.writeUInt32BE(body.length, 0)
  tail.writeUInt32BE(protocol, 4)
  return checksum(Buffer.concat([bytesOf(from), bytesOf(to), tail, body]))
}

/** RFC 1071. */
function checksum(data: Buffer): number {
  let sum = 0
  for (let i = 0; i < data.length; i += 2) sum += ((data[i] ?? 0) << 8) | (data[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** RFC 9260, appendix A. */
function crc32c(data: Buffer): number {
  let crc = 0xffff_ffff
  for (const byte of data) {
    crc ^= byte
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0)
  }
  return ~crc >>> 0
}
