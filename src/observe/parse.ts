/**
 * One line of ulogd's JSON to a typed record. Packets are written by workloads, so every text in a line is untrusted:
 * what is kept has passed a check of its form, and nothing here throws.
 */
import { isMappedAddress, parseAddress } from '../net/address.ts'

export interface RawDenied {
  readonly kind: 'denied'
  readonly time: RawTime
  /** The word after `bh:` in the log prefix: `policy`, `spoof` and the like. `unknown` where there is none. */
  readonly reason: string
  readonly source: string
  readonly destination: string
  /** The IANA number. */
  readonly protocol: number
  readonly sourcePort: number | undefined
  readonly destinationPort: number | undefined
  readonly icmpType: number | undefined
  readonly icmpCode: number | undefined
  /** A TCP packet that does not open a connection: the middle of one, or a reply. */
  readonly midstream: boolean
  /** Empty before routing, for what comes from this host, and when the interface has gone. */
  readonly interfaceIn: string
  readonly interfaceOut: string
  /** Counted by the kernel for each log group; a gap is a loss. */
  readonly sequence: number | undefined
}

export interface RawAllowed {
  readonly kind: 'allowed'
  readonly time: RawTime
  readonly event: 'new' | 'end'
  /** The tuple of the initiator, before translation. */
  readonly source: string
  readonly destination: string
  /** Who answers, and to whom: after translation. */
  readonly replySource: string
  readonly protocol: number
  readonly sourcePort: number | undefined
  readonly destinationPort: number | undefined
  readonly icmpType: number | undefined
  readonly mark: number
  /** Both directions together; 0 where the kernel does not count. */
  readonly packets: number
  readonly bytes: number
}

export interface RawTime {
  /** Seconds since the epoch. */
  readonly seconds: number
  readonly micros: number
}

type Fields = Readonly<Record<string, unknown>>

/** A refused packet, or `undefined` for anything that is not one. */
export function parseDenied(line: string): RawDenied | undefined {
  const fields = parseObject(line)
  if (fields === undefined) return undefined
  const time = readTime(fields, 'oob.time')
  const source = readAddress(fields['src_ip'])
  const destination = readAddress(fields['dest_ip'])
  const protocol = readInteger(fields['ip.protocol'], 255)
  if (time === undefined || source === undefined || destination === undefined || protocol === undefined) return undefined
  const syn = fields['tcp.syn'] === 1 && fields['tcp.ack'] !== 1
  return {
    kind: 'denied',
    time,
    reason: readReason(fields['oob.prefix']),
    source,
    destination,
    protocol,
    sourcePort: readPort(fields, 'src_port', 'sctp.sport'),
    destinationPort: readPort(fields, 'dest_port', 'sctp.dport'),
    icmpType: readInteger(fields['icmp.type'] ?? fields['icmpv6.type'], 255),
    icmpCode: readInteger(fields['icmp.code'] ?? fields['icmpv6.code'], 255),
    midstream: protocol === 6 && fields['tcp.syn'] !== undefined && !syn,
    interfaceIn: readInterface(fields['oob.in']),
    interfaceOut: readInterface(fields['oob.out']),
    sequence: readInteger(fields['oob.seq.local'], 0xffff_ffff),
  }
}

/** A connection that began or ended, or `undefined` for anything that is not one. */
export function parseAllowed(line: string): RawAllowed | undefined {
  const fields = parseObject(line)
  if (fields === undefined) return undefined
  const event = fields['ct.event'] === 1 ? 'new' : fields['ct.event'] === 4 ? 'end' : undefined
  if (event === undefined) return undefined
  const time = readTime(fields, event === 'new' ? 'flow.start' : 'flow.end')
  const source = readAddress(fields['src_ip'])
  const destination = readAddress(fields['dest_ip'])
  const protocol = readInteger(fields['orig.ip.protocol'], 255)
  if (time === undefined || source === undefined || destination === undefined || protocol === undefined) return undefined
  return {
    kind: 'allowed',
    time,
    event,
    source,
    destination,
    replySource: readAddress(fields['reply.ip.saddr.str']) ?? destination,
    protocol,
    sourcePort: readPort(fields, 'orig.l4.sport'),
    destinationPort: readPort(fields, 'orig.l4.dport'),
    icmpType: readInteger(fields['icmp.type'], 255),
    mark: readInteger(fields['ct.mark'], 0xffff_ffff) ?? 0,
    packets: readCount(fields['orig.raw.pktcount']) + readCount(fields['reply.raw.pktcount']),
    bytes: readCount(fields['orig.raw.pktlen']) + readCount(fields['reply.raw.pktlen']),
  }
}

function parseObject(line: string): Fields | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
  } catch {
    return undefined
  }
}

function readInteger(value: unknown, most: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most ? value : undefined
}

function readCount(value: unknown): number {
  return readInteger(value, Number.MAX_SAFE_INTEGER) ?? 0
}

function readPort(fields: Fields, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const port = readInteger(fields[name], 65_535)
    if (port !== undefined) return port
  }
  return undefined
}

function readTime(fields: Fields, name: string): RawTime | undefined {
  // Far beyond any date that a text of fixed width can hold.
  const seconds = readInteger(fields[`${name}.sec`], 0xffff_ffff)
  const micros = readInteger(fields[`${name}.usec`], 999_999)
  return seconds === undefined || micros === undefined ? undefined : { seconds, micros }
}

/** The text as it came when it is an address in any form a packet can carry, IPv4-mapped IPv6 too. */
function readAddress(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > 45 || !/^[0-9a-f:.]+$/.test(value)) return undefined
  return parseAddress(value) !== undefined || isMappedAddress(value) ? value : undefined
}

/** The kernel accepts almost any byte in an interface name; ours are plain, so another one is shown as `?`. */
function readInterface(value: unknown): string {
  if (typeof value !== 'string' || value === '') return ''
  return /^[A-Za-z0-9][A-Za-z0-9._@-]{0,14}$/.test(value) ? value : '?'
}

function readReason(value: unknown): string {
  const match = typeof value === 'string' ? /^bh:([a-z][a-z0-9-]{0,30})/.exec(value) : null
  return match?.[1] ?? 'unknown'
}
