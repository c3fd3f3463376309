/**
 * Folds packets that differ in nothing but where they come from, so that many replicas and many senders are followed as
 * one. What is lost, which address is whose, comes back when paths are named: a group's packets have its addresses.
 */
import { valuesOf, variable } from './packet.ts'
import { everything, holds, one, sameValues, single, union } from './values.ts'
import type { Packet } from './packet.ts'
import type { ReadContext } from './result.ts'
import type { Values } from './values.ts'

/** Gives equal large sets one object, so that comparing them costs nothing. */
export interface SharedSets {
  readonly share: (set: Values) => Values
}

export function sharedSets(): SharedSets {
  const known = new Map<string, Values>()
  return {
    share: (set) => {
      const key = set.join()
      const same = known.get(key)
      if (same === undefined) known.set(key, set)
      return same ?? set
    },
  }
}

const sourceVariables = [variable.family, variable.inName, variable.inGroup, variable.source4, variable.source6]

/** `unattached` stands for the packets of groups without an interface where no declared interface shows what becomes of them. */
export function merge(
  groups: ReadonlyMap<number, readonly Packet[]>, context: ReadContext, unattached: Packet | undefined, shared: SharedSets,
): Packet[] {
  const outside: Packet[] = []
  const inside: Packet[] = []
  for (const [group, packets] of groups) (group === context.uplinkGroup ? outside : inside).push(...fold(unsplit(packets), false, shared))
  const merged = fold(inside, true, shared)
  if (unattached === undefined) return [...outside, ...merged]
  const present = new Set(context.interfaces.map((each) => each.group))
  const absent = context.groups.filter((group) => !present.has(group) && group !== context.uplinkGroup).map((group) => one(BigInt(group)))
  if (absent.length === 0) return [...outside, ...merged]
  const models = fold([...(inside.length > 0 ? merged : [unattached])].map(anySource), true, shared)
  return [...outside, ...merged, ...models.map((packet) => withGroup(packet, union(absent)))]
}

/** Folds again what rules in between have split or made alike. */
export function refold(packets: readonly Packet[], context: ReadContext, shared: SharedSets): Packet[] {
  const uplink = BigInt(context.uplinkGroup)
  const fromOutside = packets.filter((packet) => single(packet.values[variable.inGroup]) === uplink)
  const others = packets.filter((packet) => single(packet.values[variable.inGroup]) !== uplink)
  return [...fold(unsplit(fromOutside), false, shared), ...fold(unsplit(others), true, shared)]
}

function anySource(packet: Packet): Packet {
  const values = packet.values.slice()
  for (const number of [variable.inName, variable.source4, variable.source6]) values[number] = undefined
  return { ...packet, values }
}

function withGroup(packet: Packet, set: Values): Packet {
  const values = packet.values.slice()
  values[variable.inGroup] = set
  return { ...packet, values }
}

function fold(packets: readonly Packet[], onlySameFamilies: boolean, shared: SharedSets): Packet[] {
  const alike = new Map<string, Packet[]>()
  for (const packet of packets) {
    const key = likeness(packet, onlySameFamilies)
    const list = alike.get(key)
    if (list === undefined) alike.set(key, [packet])
    else list.push(packet)
  }
  return [...alike.values()].flatMap((list) => {
    const first = list[0]
    if (first === undefined || list.length === 1) return list
    // Lookups that missed are compared by identity: packets that met different ones are not alike.
    if (list.some((packet) => packet.misses !== first.misses)) return list
    const values = first.values.slice()
    for (const number of sourceVariables) {
      const family = number === variable.source4 ? 2n : number === variable.source6 ? 10n : undefined
      const relevant = family === undefined ? list : list.filter((packet) => hasFamily(packet, family))
      const free = relevant.length === 0 || relevant.some((packet) => packet.values[number] === undefined)
      values[number] = free ? undefined : shared.share(union(relevant.map((packet) => packet.values[number] ?? [])))
    }
    return [{ ...first, values }]
  })
}

/** Undoes the splits of rules that singled out a few messages and then let all go on alike. */
function unsplit(packets: readonly Packet[]): readonly Packet[] {
  return [variable.icmpType4, variable.icmpType6, variable.protocol].reduce<readonly Packet[]>((list, number) => {
    const alike = new Map<string, Packet>()
    for (const packet of list) {
      const key = `${headOf(packet)} ${packet.values.map((set, i) => (set === undefined || i === number ? '' : set.join('-'))).join(' ')}`
      const other = alike.get(key)
      if (other === undefined || other.misses !== packet.misses) alike.set(other === undefined ? key : `${key} ${alike.size}`, packet)
      else alike.set(key, withUnion(other, packet, number))
    }
    return [...alike.values()]
  }, packets)
}

function withUnion(a: Packet, b: Packet, number: number): Packet {
  const set = union([valuesOf(a, number), valuesOf(b, number)])
  const values = a.values.slice()
  values[number] = sameValues(set, everything(a.variables.widths[number] ?? 128)) ? undefined : set
  return { ...a, values }
}

function headOf(packet: Packet): string {
  return [packet.slots.join(), packet.expires, packet.since, packet.destinationTranslated, packet.sourceTranslated, packet.untracked].join(' ')
}

function hasFamily(packet: Packet, family: bigint): boolean {
  return holds(valuesOf(packet, variable.family), family)
}

function likeness(packet: Packet, onlySameFamilies: boolean): string {
  const parts: string[] = [headOf(packet)]
  packet.values.forEach((set, number) => {
    if (set !== undefined && (!sourceVariables.includes(number) || (onlySameFamilies && number === variable.family))) parts.push(`${number}:${set.join('-')}`)
  })
  return parts.join(' ')
}
