/** Symbolic packets as paths: whose they are, where they go, and on which ports. */
import { interfaceValue } from './datatype.ts'
import { routable } from './connection.ts'
import { addressValues } from './hooks.ts'
import { resolveMisses } from './lookup.ts'
import { familiesOf } from './machine.ts'
import { slot, variable } from './packet.ts'
import { conditionsOf, publishedOf, quotedAddresses, quotedTraffic, slotValues, toAddressSet, trafficOf } from './traffic.ts'
import { holds, intersect, isWithin, one, overlaps, single, subtract, union } from './values.ts'
import type { AddressSet } from '../../../net/address-set.ts'
import type { Family } from '../../../net/address.ts'
import type { Packet } from './packet.ts'
import type { GroupName, ReadContext, ReadPath } from './result.ts'
import type { View } from './traffic.ts'
import type { Values } from './values.ts'

export const forwardView: View = { reversed: false, anySource: false, quoting: false, undeclared: false, othersNames: false }

/** What the naming needs to know of the host, once for a reading. */
export interface Host {
  readonly context: ReadContext
  readonly byGroup: ReadonlyMap<number, GroupFacts>
  readonly knownGroups: Values
  /** What the last packet of a group and family was found to be. */
  readonly lastEnds: Map<string, LastEnds>
}

interface LastEnds {
  readonly names: Values | undefined
  readonly address: Values | undefined
  readonly ends: readonly GroupName[]
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
      const space = context.space === undefined ? undefined : addressValues(context.space, family)
      if (mine.length === 0) return space === undefined ? undefined : subtract(space, addressValues(inside, family))
      return union(mine.map((each) => addressValues(each.addresses ?? [], family)))
    }
    const names = mine.length === 0 ? undefined : union(mine.map((each) => one(interfaceValue(each.name))))
    byGroup.set(group, { names, addresses4: of(4), addresses6: of(6) })
  }
  const knownGroups = union([...byGroup.keys()].map((group) => one(BigInt(group))))
  return { context, byGroup, knownGroups, lastEnds: new Map() }
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
    b !== undefined && a.source.group === b.source.group && a.destination.group === b.destination.group && a.protocol === b.protocol &&
    a.published === undefined && b.published === undefined &&
    [a.source, a.destination, b.source, b.destination].every((end) => end.addresses === undefined) && a.conditions.join() === b.conditions.join()
  )
}

function familyPieces(packet: Packet, family: Family, view: View, host: Host, exact: boolean): Piece[] {
  const six = family === 6
  const sourceAddress = slotValues(packet, six ? slot.source6 : slot.source4)
  const destinationAddress = slotValues(packet, six ? slot.destination6 : slot.destination4)
  const sending: End = { group: variable.inGroup, name: variable.inName, address: view.anySource ? undefined : sourceAddress, led: view.othersNames }
  // Where it goes was settled by its mark.
  const receiving: End = { group: variable.outGroup, name: variable.outName, address: destinationAddress, led: true }
  const senders = view.undeclared ? (['unknown'] as const) : groupsOf(packet, sending, family, host)
  const receivers = groupsOf(packet, receiving, family, host)
  if (senders.length === 0 || receivers.length === 0) return []
  const traffic = view.quoting ? quotedTraffic(packet, family) : trafficOf(packet, family, view)
  if (traffic.length === 0) return []
  const mark = single(slotValues(packet, slot.ctMark))
  const conditions = conditionsOf(packet, view)
  const published = publishedOf(packet, family, view)
  const out: Piece[] = []
  for (const sender of senders) {
    for (const receiver of receivers) {
      const from = { group: sender, addresses: view.anySource ? undefined : narrowed(sender, sourceAddress, family, host, view.othersNames) }
      const to = { group: receiver, addresses: narrowed(receiver, destinationAddress, family, host, true) }
      const quoted = view.quoting ? { addresses: quotedAddresses(packet, family) } : {}
      for (const { protocol, ports, conditions: own } of traffic) {
        out.push({
          source: view.reversed ? to : from, destination: { ...(view.reversed ? from : to), ...quoted }, families: [family], protocol, ports, published,
          mark: mark === undefined ? undefined : Number(mark), expires: packet.expires, since: packet.since, rule: packet.rule ?? 'no rule',
          conditions: [...conditions, ...own],
          approximate: !exact, packet,
        })
      }
    }
  }
  return out
}

/** What is known of one end of a packet. */
interface End {
  /** The variables that hold its interface's group and name. */
  readonly group: number
  readonly name: number
  /** Left out where any will do. */
  readonly address: Values | undefined
  /** It may be the one to which others' addresses are led. */
  readonly led: boolean
}

/** The groups that an end of the packet may be: those its group, its name and its addresses all leave possible. */
function groupsOf(packet: Packet, end: End, family: Family, host: Host): readonly GroupName[] {
  const { group, name, address, led } = end
  const only = single(packet.values[group])
  const names = packet.values[name]
  if (only === undefined) return possibleGroups(packet, end, family, host)
  // Thousands of packets of one group share the rest.
  const key = `${only} ${family} ${led}`
  const last = host.lastEnds.get(key)
  if (last !== undefined && last.names === names && last.address === address) return last.ends
  const found = possibleGroups(packet, end, family, host)
  host.lastEnds.set(key, { names, address, ends: found })
  return found
}

function possibleGroups(packet: Packet, { group, name, address, led }: End, family: Family, host: Host): readonly GroupName[] {
  const groups = packet.values[group]
  const names = packet.values[name]
  const free = address === undefined || isWithin(routable[family], address)
  if (groups === undefined && names === undefined && free) return ['any']
  const only = single(groups)
  const all = only === undefined ? [...host.byGroup.keys()] : host.byGroup.has(Number(only)) ? [Number(only)] : []
  const candidates = all.filter((each) => groups === undefined || holds(groups, BigInt(each)))
  const out: GroupName[] = candidates.filter((each) => {
    const facts = host.byGroup.get(each)
    const own = family === 4 ? facts?.addresses4 : facts?.addresses6
    const nameFits = names === undefined || facts?.names === undefined || overlaps(facts.names, names)
    return nameFits && (address === undefined || own === undefined || (led && each === host.context.led?.group) || overlaps(own, address))
  })
  // A group without a meaning has no declared interface and no address that would belong to it.
  if (groups !== undefined && !isWithin(groups, host.knownGroups)) out.push('other')
  return out
}

/** The addresses that the end has as that group; `undefined` for all that the group has. */
function narrowed(group: GroupName, address: Values, family: Family, host: Host, led: boolean): AddressSet | undefined {
  const facts = typeof group !== 'number' || (led && group === host.context.led?.group) ? undefined : host.byGroup.get(group)
  const all = (family === 4 ? facts?.addresses4 : facts?.addresses6) ?? routable[family]
  return isWithin(all, address) ? undefined : toAddressSet(intersect(all, address), family)
}
