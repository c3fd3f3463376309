/** Symbolic packets as paths: whose they are, where they go, and on which ports. */
import { interfaceValue } from './datatype.ts'
import { routable } from './connection.ts'
import { addressValues } from './hooks.ts'
import { resolveMisses } from './lookup.ts'
import { familiesOf } from './machine.ts'
import { settled, slot, termValues, valuesOf, variable } from './packet.ts'
import { everything, holds, intersect, isNothing, isWithin, one, overlaps, single, subtract, union } from './values.ts'
import { addressSet, unionAddresses } from '../../../net/address-set.ts'
import { noPorts, portSet } from '../../../net/ports.ts'
import type { AddressRange, AddressSet } from '../../../net/address-set.ts'
import type { Family } from '../../../net/address.ts'
import type { PortSet } from '../../../net/ports.ts'
import type { Packet } from './packet.ts'
import type { GroupName, ReadContext, ReadPath, ReadProtocol } from './result.ts'
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
}

export const forwardView: View = { reversed: false, anySource: false, quoting: false, undeclared: false }

/** What the naming needs to know of the host, once for a reading. */
export interface Host {
  readonly context: ReadContext
  readonly byGroup: ReadonlyMap<number, GroupFacts>
  readonly knownGroups: Values
  /** What the last packet of a group and family was found to be. */
  readonly lastEnds: Map<string, { readonly names: Values | undefined; readonly address: Values | undefined; readonly ends: readonly GroupName[] }>
}

interface GroupFacts {
  readonly names: Values | undefined
  readonly addresses4: Values | undefined
  readonly addresses6: Values | undefined
}

export function hostOf(context: ReadContext): Host {
  const byGroup = new Map<number, GroupFacts>()
  const inside = context.interfaces.flatMap((each) => each.addresses ?? [])
  for (const group of new Set([...context.groups, ...context.interfaces.map((each) => each.group)])) {
    const mine = context.interfaces.filter((each) => each.group === group)
    const outside = mine.some((each) => each.addresses === undefined)
    const of = (family: Family): Values | undefined => {
      if (outside) return subtract(routable[family], addressValues(inside, family))
      if (mine.length === 0) return context.space === undefined ? undefined : subtract(addressValues(context.space, family), addressValues(inside, family))
      return union(mine.map((each) => addressValues(each.addresses ?? [], family)))
    }
    byGroup.set(group, { names: mine.length === 0 ? undefined : union(mine.map((each) => one(interfaceValue(each.name)))), addresses4: of(4), addresses6: of(6) })
  }
  return { context, byGroup, knownGroups: union([...byGroup.keys()].map((group) => one(BigInt(group)))), lastEnds: new Map() }
}

/** How many pieces a packet is cut into, at most, to leave out what earlier lookups found. */
const pieceLimit = 64

/** A path before paths are joined. Both families only where neither end has addresses to tell apart. */
export type Piece = Omit<ReadPath, 'continues' | 'replies'> & { readonly packet: Packet }

export function piecesOf(packet: Packet, view: View, host: Host): Piece[] {
  const { packets, exact } = resolveMisses(packet, pieceLimit)
  return packets.flatMap((part) => {
    const [first, second] = familiesOf(part).map((family) => familyPieces(part, family, view, host, exact))
    if (first === undefined || second === undefined) return first ?? []
    const alike = first.length === second.length && first.every((piece, i) => saysTheSame(piece, second[i]))
    return alike ? first.map((piece) => ({ ...piece, families: bothFamilies })) : [...first, ...second]
  })
}

const bothFamilies: readonly Family[] = Object.freeze([4, 6])

function saysTheSame(a: Piece, b: Piece | undefined): boolean {
  return (
    b !== undefined && a.source.group === b.source.group && a.destination.group === b.destination.group && a.protocol === b.protocol && a.published === undefined && b.published === undefined &&
    [a.source, a.destination, b.source, b.destination].every((end) => end.addresses === undefined) && a.conditions.join() === b.conditions.join()
  )
}

function familyPieces(packet: Packet, family: Family, view: View, host: Host, exact: boolean): Piece[] {
  const six = family === 6
  const sourceAddress = slotValues(packet, six ? slot.source6 : slot.source4)
  const destinationAddress = slotValues(packet, six ? slot.destination6 : slot.destination4)
  const senders = ends(packet, variable.inGroup, variable.inName, view.anySource ? undefined : sourceAddress, family, host, view.undeclared)
  const receivers = ends(packet, variable.outGroup, variable.outName, destinationAddress, family, host, false)
  if (senders.length === 0 || receivers.length === 0) return []
  const traffic = view.quoting ? quotedTraffic(packet, family) : trafficOf(packet, family, view)
  if (traffic.length === 0) return []
  const mark = single(slotValues(packet, slot.ctMark))
  const conditions = conditionsOf(packet, view)
  const published = publishedOf(packet, family, view)
  const out: Piece[] = []
  for (const sender of senders) {
    for (const receiver of receivers) {
      const from = { group: sender, addresses: view.anySource ? undefined : narrowed(sender, sourceAddress, family, host) }
      const to = { group: receiver, addresses: narrowed(receiver, destinationAddress, family, host) }
      const quoted = view.quoting ? { addresses: quotedAddresses(packet, family) } : {}
      for (const { protocol, ports, conditions: own } of traffic) {
        out.push({
          source: view.reversed ? to : from, destination: { ...(view.reversed ? from : to), ...quoted }, families: [family], protocol, ports, published,
          mark: mark === undefined ? undefined : Number(mark), expires: packet.expires, rule: packet.rule ?? 'no rule',
          conditions: [...conditions, ...own],
          approximate: !exact, packet,
        })
      }
    }
  }
  return out
}

/** The groups that an end of the packet may be: those its group, its name and its addresses all leave possible. */
function ends(packet: Packet, group: number, name: number, address: Values | undefined, family: Family, host: Host, undeclared: boolean): readonly GroupName[] {
  if (undeclared) return ['unknown']
  const only = single(packet.values[group])
  const names = packet.values[name]
  if (only === undefined) return possibleEnds(packet, group, name, address, family, host)
  // Thousands of packets of one group share the rest.
  const key = `${only} ${family}`
  const last = host.lastEnds.get(key)
  if (last !== undefined && last.names === names && last.address === address) return last.ends
  const found = possibleEnds(packet, group, name, address, family, host)
  host.lastEnds.set(key, { names, address, ends: found })
  return found
}

function possibleEnds(packet: Packet, group: number, name: number, address: Values | undefined, family: Family, host: Host): readonly GroupName[] {
  const groups = packet.values[group]
  const names = packet.values[name]
  const free = address === undefined || isWithin(routable[family], address)
  if (groups === undefined && names === undefined && free) return ['any']
  const only = single(groups)
  const candidates = only !== undefined ? (host.byGroup.has(Number(only)) ? [Number(only)] : []) : [...host.byGroup.keys()].filter((each) => groups === undefined || holds(groups, BigInt(each)))
  const out: GroupName[] = candidates.filter((each) => {
    const facts = host.byGroup.get(each)
    const own = family === 4 ? facts?.addresses4 : facts?.addresses6
    return (names === undefined || facts?.names === undefined || overlaps(facts.names, names)) && (address === undefined || own === undefined || overlaps(own, address))
  })
  // A group without a meaning has no declared interface and no address that would belong to it.
  if (groups !== undefined && !isWithin(groups, host.knownGroups)) out.push('other')
  return out
}

function narrowed(group: GroupName, address: Values, family: Family, host: Host): AddressSet | undefined {
  const facts = typeof group === 'number' ? host.byGroup.get(group) : undefined
  const all = (family === 4 ? facts?.addresses4 : facts?.addresses6) ?? routable[family]
  return isWithin(all, address) ? undefined : toAddressSet(intersect(all, address), family)
}

export function toAddressSet(values: Values, family: Family): AddressSet {
  const ranges: AddressRange[] = []
  for (let i = 0; i < values.length; i += 2) ranges.push({ family, first: values[i] ?? 0n, last: values[i + 1] ?? 0n })
  return unionAddresses(addressSet([]), ranges)
}

const namedProtocols = union([1n, 6n, 17n, 58n, 132n].map(one))

interface Traffic {
  readonly protocol: ReadProtocol
  readonly ports: PortSet
  readonly conditions: readonly string[]
}

function trafficOf(packet: Packet, family: Family, view: View): readonly Traffic[] {
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
function quotedTraffic(packet: Packet, family: Family): readonly Traffic[] {
  const protocols = slotValues(packet, slot.originalProtocol)
  const ports = toPorts(slotValues(packet, slot.originalDestinationPort))
  const named = [['tcp', 6n, ports], ['udp', 17n, ports], ['sctp', 132n, ports], ['icmp', family === 4 ? 1n : 58n, noPorts]] as const
  const out: Traffic[] = named.flatMap(([protocol, number, its]) => (holds(protocols, number) ? [{ protocol, ports: its, conditions: [] }] : []))
  if (!isWithin(protocols, namedProtocols)) out.push({ protocol: 'other', ports: noPorts, conditions: [] })
  return out
}

/** What the quoted connection was opened to; `undefined` when that may be anything. */
function quotedAddresses(packet: Packet, family: Family): AddressSet | undefined {
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

function publishedOf(packet: Packet, family: Family, view: View): ReadPath['published'] {
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

function conditionsOf(packet: Packet, view: View): readonly string[] {
  const out: string[] = []
  packet.values.forEach((set, number) => {
    if (set === undefined || told.has(number) || (view.reversed && number === variable.sourcePort)) return
    if (isUnusual(set, packet.variables.widths[number] ?? 128)) out.push(packet.variables.names[number] ?? String(number))
  })
  return out.sort()
}

/** Most packets have none of these values: what leaves out a few values of a field is no condition on ordinary packets. */
function isUnusual(set: Values, width: number): boolean {
  let size = 0n
  for (let i = 0; i < set.length; i += 2) size += (set[i + 1] ?? 0n) - (set[i] ?? 0n) + 1n
  return size * 2n < 1n << BigInt(width)
}

export function slotValues(packet: Packet, number: number): Values {
  const term = settled(packet, packet.slots[number])
  return term === undefined ? everything(128) : termValues(packet, term)
}

export function toPorts(values: Values): PortSet {
  const ranges: { from: number; to: number }[] = []
  for (let i = 0; i < values.length; i += 2) ranges.push({ from: Math.max(1, Number(values[i] ?? 0n)), to: Math.min(65_535, Number(values[i + 1] ?? 0n)) })
  return portSet(ranges)
}
