/** nftables' data types: how wide a value is and what its symbolic names mean. Names as `nft` prints them. */
import { parseAddress } from '../../../net/address.ts'
import { everything, nothing, one, span, union } from './values.ts'
import type { Values } from './values.ts'

export interface Datatype {
  readonly name: string
  /** Bits. */
  readonly width: number
  /** A bitmask: a list of names means all of their bits together. */
  readonly flags: boolean
  readonly names: ReadonlyMap<string, bigint>
  /** Texts that are not in `names`; several values for a pattern such as `eth*`. */
  readonly parse: ((text: string) => Values | undefined) | undefined
}

function type(
  name: string, width: number, names: Record<string, number> = {}, options: Partial<Pick<Datatype, 'flags' | 'parse'>> = {},
): Datatype {
  const known = new Map(Object.entries(names).map(([text, value]) => [text, BigInt(value)]))
  return { name, width, flags: options.flags ?? false, names: known, parse: options.parse }
}

const ipProtocols = {
  ip: 0, icmp: 1, igmp: 2, tcp: 6, udp: 17, dccp: 33, gre: 47, esp: 50, ah: 51, 'ipv6-icmp': 58, icmpv6: 58, comp: 108, sctp: 132, udplite: 136,
}
const icmp4 = {
  'echo-reply': 0, 'destination-unreachable': 3, 'source-quench': 4, redirect: 5, 'echo-request': 8, 'router-advertisement': 9,
  'router-solicitation': 10, 'time-exceeded': 11, 'parameter-problem': 12, 'timestamp-request': 13, 'timestamp-reply': 14,
  'info-request': 15, 'info-reply': 16, 'address-mask-request': 17, 'address-mask-reply': 18,
}
const icmp6 = {
  'destination-unreachable': 1, 'packet-too-big': 2, 'time-exceeded': 3, 'parameter-problem': 4, 'echo-request': 128, 'echo-reply': 129,
  'mld-listener-query': 130, 'mld-listener-report': 131, 'mld-listener-done': 132, 'mld-listener-reduction': 132, 'nd-router-solicit': 133,
  'nd-router-advert': 134, 'nd-neighbor-solicit': 135, 'nd-neighbor-advert': 136, 'nd-redirect': 137, 'router-renumbering': 138,
  'ind-neighbor-solicit': 141, 'ind-neighbor-advert': 142, 'mld2-listener-report': 143,
}

export const types = {
  integer: type('integer', 128),
  boolean: type('boolean', 1, { false: 0, true: 1, missing: 0, exists: 1 }),
  mark: type('mark', 32),
  group: type('group', 32, { default: 0 }),
  interface: type('interface', 128, {}, { parse: parseInterface }),
  ipv4: type('ipv4', 32, {}, { parse: (text) => parseIp(text, 4) }),
  ipv6: type('ipv6', 128, {}, { parse: (text) => parseIp(text, 6) }),
  port: type('port', 16),
  protocol: type('protocol', 8, ipProtocols),
  family: type('family', 8, { ipv4: 2, ip: 2, ipv6: 10, ip6: 10 }),
  icmp4: type('icmp type', 8, icmp4),
  icmp6: type('icmpv6 type', 8, icmp6),
  state: type('ct state', 32, { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 }, { flags: true }),
  direction: type('ct direction', 8, { original: 0, reply: 1 }),
  status: type(
    'ct status', 32,
    {
      expected: 1, 'seen-reply': 2, assured: 4, confirmed: 8, snat: 16, dnat: 32, 'seq-adjust': 64, 'snat-done': 128, 'dnat-done': 256,
      dying: 512, 'fixed-timeout': 1024, template: 2048, helper: 8192,
    },
    { flags: true },
  ),
  tcpFlags: type('tcp flags', 8, { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 }, { flags: true }),
} as const

/** An interface's name as the kernel compares it: 16 bytes, zero-padded, the first byte highest. */
export function interfaceValue(name: string): bigint {
  let value = 0n
  for (let i = 0; i < 16; i++) value = (value << 8n) | BigInt(i < name.length ? name.charCodeAt(i) & 0xff : 0)
  return value
}

function parseInterface(text: string): Values | undefined {
  if (text.length === 0 || text.length > 16) return undefined
  if (text.endsWith('\\*')) return one(interfaceValue(`${text.slice(0, -2)}*`))
  if (!text.endsWith('*')) return one(interfaceValue(text))
  const first = interfaceValue(text.slice(0, -1))
  return span(first, first + (1n << BigInt(8 * (17 - text.length))) - 1n)
}

function parseIp(text: string, family: 4 | 6): Values | undefined {
  const mapped = family === 6 ? /^::ffff:([0-9.]+)$/i.exec(text)?.[1] : undefined
  if (mapped !== undefined) {
    const inner = parseAddress(mapped)
    return inner === undefined ? undefined : one((0xffffn << 32n) | inner.bits)
  }
  const address = parseAddress(text)
  return address?.family === family ? one(address.bits) : undefined
}

/** The values that a constant on the right of a match, or a key of a set, stands for; `undefined` when it is not understood. */
export function constantValues(json: unknown, datatype: Datatype): Values | undefined {
  const plain = constant(json, datatype)
  if (plain !== undefined) return plain
  if (Array.isArray(json)) {
    if (!datatype.flags) return undefined
    let bits = 0n
    for (const item of json) {
      const value = constant(item, datatype)
      if (value?.length !== 2 || value[0] !== value[1]) return undefined
      bits |= value[0] ?? 0n
    }
    return one(bits)
  }
  if (typeof json !== 'object' || json === null) return undefined
  if ('range' in json && Array.isArray(json.range) && json.range.length === 2) {
    const first = constant(json.range[0], datatype)
    const last = constant(json.range[1], datatype)
    return first === undefined || last === undefined ? undefined : span(first[0] ?? 0n, last.at(-1) ?? 0n)
  }
  if ('prefix' in json) return prefixValues(json.prefix, datatype)
  if ('set' in json && Array.isArray(json.set)) {
    const all = json.set.map((item) => constantValues(item, datatype))
    return all.some((item) => item === undefined) ? undefined : union(all.map((item) => item ?? nothing))
  }
  return undefined
}

function constant(json: unknown, datatype: Datatype): Values | undefined {
  if (typeof json === 'boolean') return one(json ? 1n : 0n)
  if (typeof json === 'number') return Number.isSafeInteger(json) && json >= 0 ? fit(BigInt(json), datatype) : undefined
  if (typeof json !== 'string') return undefined
  if (json === '*') return datatype.parse === parseInterface ? everything(datatype.width) : undefined
  const named = datatype.names.get(json)
  if (named !== undefined) return one(named)
  const parsed = datatype.parse?.(json)
  if (parsed !== undefined) return parsed
  return /^(0x[0-9a-f]{1,32}|[0-9]{1,39})$/i.test(json) && datatype.parse === undefined ? fit(BigInt(json), datatype) : undefined
}

function fit(value: bigint, datatype: Datatype): Values | undefined {
  return value >> BigInt(datatype.width) === 0n ? one(value) : undefined
}

function prefixValues(json: unknown, datatype: Datatype): Values | undefined {
  if (typeof json !== 'object' || json === null || !('addr' in json) || !('len' in json)) return undefined
  const base = constant(json.addr, datatype)?.[0]
  if (base === undefined || typeof json.len !== 'number' || !Number.isInteger(json.len)) return undefined
  if (json.len < 0 || json.len > datatype.width) return undefined
  const host = BigInt(datatype.width - json.len)
  const first = (base >> host) << host
  return span(first, first + (1n << host) - 1n)
}
