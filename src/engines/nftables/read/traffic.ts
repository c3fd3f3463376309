/** What a symbolic packet carries: protocols and ports, what was asked for before translation, and which fields it must have set. */
import { noPorts, portSet } from '../../../net/ports.ts'
import { unionAddresses } from '../../../net/address-set.ts'
import { routable } from './connection.ts'
import { settled, slot, termValues, valuesOf, variable } from './packet.ts'
import { everything, holds, isNothing, isWithin, one, overlaps, subtract, union } from './values.ts'
import type { AddressRange, AddressSet } from '../../../net/address-set.ts'
import type { Family } from '../../../net/address.ts'
import type { PortSet } from '../../../net/ports.ts'
import type { Packet } from './packet.ts'
import type { ReadPath, ReadProtocol } from './result.ts'
import type { Values } from './values.ts'

/** Where the initiator's side of a connection shows in one of its packets. */
export interface View {
  /** `reply` and its errors: the packet goes from the destination of the path to its source. */
  readonly reversed: boolean
  /** The source addresses say nothing about the interface. */
  readonly anySource: boolean
  /** The packet quotes another one: its own ports and protocol are not the connection's. */
  readonly quoting: boolean
  readonly undeclared: boolean
  /** Who answers for others may be the sender whatever the source address. */
  readonly othersNames: boolean
}

const namedProtocols = union([1n, 6n, 17n, 58n, 132n].map(one))

interface Traffic {
  readonly protocol: ReadProtocol
  readonly ports: PortSet
  readonly conditions: readonly string[]
}

export function trafficOf(packet: Packet, family: Family, view: View): readonly Traffic[] {
  const protocols = valuesOf(packet, variable.protocol)
  const ports = toPorts(slotValues(packet, view.reversed ? slot.sourcePort : slot.destinationPort))
  const out: Traffic[] = []
  const add = (protocol: ReadProtocol, numbers: Values, its: PortSet): void => {
    const header = family === 6 ? nextHeader(packet, numbers) : []
    if (header !== undefined) out.push({ protocol, ports: its, conditions: header })
  }
  for (const [protocol, number] of [['tcp', 6n], ['udp', 17n], ['sctp', 132n]] as const) {
    if (holds(protocols, number) && ports.length > 0) add(protocol, one(number), ports)
  }
  const icmp = family === 4 ? 1n : 58n
  // The other family's ICMP is no protocol of this one: conntrack calls it invalid.
  const rest = subtract(protocols, namedProtocols)
  if (holds(protocols, icmp)) {
    const types = valuesOf(packet, family === 4 ? variable.icmpType4 : variable.icmpType6)
    const echo = view.reversed ? (family === 4 ? 0n : 129n) : family === 4 ? 8n : 128n
    if (holds(types, echo)) add('icmp', one(icmp), noPorts)
    if (!isNothing(subtract(types, one(echo)))) add('icmp-other', one(icmp), noPorts)
  }
  if (!isNothing(rest)) add('other', rest, noPorts)
  return out
}

/** An error belongs to the connection that it quotes: that one's protocol and ports count. */
export function quotedTraffic(packet: Packet, family: Family): readonly Traffic[] {
  const protocols = slotValues(packet, slot.originalProtocol)
  const ports = toPorts(slotValues(packet, slot.originalDestinationPort))
  const named = [['tcp', 6n, ports], ['udp', 17n, ports], ['sctp', 132n, ports], ['icmp', family === 4 ? 1n : 58n, noPorts]] as const
  const out: Traffic[] = named.flatMap(([protocol, number, its]) => (holds(protocols, number) ? [{ protocol, ports: its, conditions: [] }] : []))
  if (!isWithin(protocols, namedProtocols)) out.push({ protocol: 'other', ports: noPorts, conditions: [] })
  return out
}

/** What the quoted connection was opened to; `undefined` when that may be anything. */
export function quotedAddresses(packet: Packet, family: Family): AddressSet | undefined {
  const set = slotValues(packet, family === 6 ? slot.originalDestination6 : slot.originalDestination4)
  return isWithin(routable[family], set) ? undefined : toAddressSet(set, family)
}

/** Headers that stand between the IPv6 header and the transport's. */
const extensionHeaders = union([0n, 43n, 44n, 51n, 60n, 135n, 139n, 140n].map(one))

/** The first header after the IPv6 header is the transport's own, or an extension; `undefined` when it can be neither. */
function nextHeader(packet: Packet, protocols: Values): readonly string[] | undefined {
  const first = packet.values[variable.nextHeader]
  if (first === undefined || isWithin(protocols, first)) return []
  const name = packet.variables.names[variable.nextHeader] ?? ''
  return overlaps(first, union([protocols, extensionHeaders])) ? [name] : undefined
}

export function publishedOf(packet: Packet, family: Family, view: View): ReadPath['published'] {
  if (view.quoting || !(packet.destinationTranslated || view.reversed)) return undefined
  const six = family === 6
  const address = slotValues(packet, six ? slot.originalDestination6 : slot.originalDestination4)
  const free = isWithin(routable[family], address)
  if (!packet.destinationTranslated && free) return undefined
  const port = slotValues(packet, slot.originalDestinationPort)
  return { addresses: free ? undefined : toAddressSet(address, family), ports: toPorts(port) }
}

const told = new Set<number>([
  variable.family, variable.protocol, variable.inGroup, variable.outGroup, variable.inName, variable.outName, variable.source4, variable.destination4,
  variable.source6, variable.destination6, variable.destinationPort, variable.icmpType4, variable.icmpType6, variable.connectionMark, variable.translated4,
  variable.translated6, variable.translatedPort, variable.originalSource4, variable.originalSource6, variable.originalDestination4, variable.originalDestination6,
  variable.originalDestinationPort, variable.originalProtocol, variable.nextHeader,
])

export function conditionsOf(packet: Packet, view: View): readonly string[] {
  const out: string[] = []
  packet.values.forEach((set, number) => {
    if (set === undefined || told.has(number) || (view.reversed && number === variable.sourcePort)) return
    if (isUnusual(set, packet.variables.widths[number] ?? 128)) out.push(packet.variables.names[number] ?? String(number))
  })
  return out.sort()
}

/** True when any field matters that a path does not tell of. */
export function isConditional(packet: Packet, view: View): boolean {
  return packet.values.some((set, number) => set !== undefined && !told.has(number) && !(view.reversed && number === variable.sourcePort))
}

/** Most packets have none of these values: what leaves out a few values of a field is no condition on ordinary packets. */
function isUnusual(set: Values, width: number): boolean {
  let size = 0n
  for (let i = 0; i < set.length; i += 2) size += (set[i + 1] ?? 0n) - (set[i] ?? 0n) + 1n
  return size * 2n < 1n << BigInt(width)
}

export function toAddressSet(values: Values, family: Family): AddressSet {
  const ranges: AddressRange[] = []
  for (let i = 0; i < values.length; i += 2) ranges.push({ family, first: values[i] ?? 0n, last: values[i + 1] ?? 0n })
  return unionAddresses(ranges)
}

export function slotValues(packet: Packet, number: number): Values {
  const term = settled(packet, packet.slots[number])
  return term === undefined ? everything(128) : termValues(packet, term)
}

export function toPorts(values: Values): PortSet {
  const ranges: { from: number; to: number }[] = []
  for (let i = 0; i < values.length; i += 2) {
    ranges.push({ from: Math.max(1, Number(values[i] ?? 0n)), to: Math.min(65_535, Number(values[i + 1] ?? 0n)) })
  }
  return portSet(ranges)
}
