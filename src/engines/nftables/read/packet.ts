/**
 * A symbolic packet: a set of packets of one connection state, told by what each field may hold. Fields are variables
 * that never change; headers and marks that rules may rewrite are slots that hold a variable or a known value.
 */
import { everything, intersect, isNothing, one, single, subtract } from './values.ts'
import type { ElementIndex } from './elements.ts'
import type { Values } from './values.ts'

/** The number of a variable, a known value, or nothing: an expression that has no value ends its rule unmatched. */
export type Term = number | bigint | undefined

const fixed = {
  family: 8, protocol: 8, inGroup: 32, outGroup: 32, inName: 128, outName: 128,
  source4: 32, destination4: 32, source6: 128, destination6: 128, sourcePort: 16, destinationPort: 16,
  icmpType4: 8, icmpType6: 8, connectionMark: 32, connectionStatus: 32,
  translated4: 32, translated6: 128, translatedPort: 16,
  originalSource4: 32, originalDestination4: 32, originalSource6: 128, originalDestination6: 128, originalSourcePort: 16,
  originalDestinationPort: 16, originalProtocol: 8, replySource4: 32, replyDestination4: 32, replySource6: 128, replyDestination6: 128, replySourcePort: 16,
  replyDestinationPort: 16, nextHeader: 8,
} as const
type FixedName = keyof typeof fixed
const fixedNames = Object.keys(fixed) as FixedName[]

/** Variables with a meaning that the reader knows, by number. */
export const variable = Object.freeze(Object.fromEntries(fixedNames.map((name, i) => [name, i]))) as Readonly<Record<FixedName, number>>

const slotNames = [
  'source4', 'destination4', 'source6', 'destination6', 'sourcePort', 'destinationPort', 'mark', 'ctMark', 'ctState', 'ctDirection', 'ctStatus',
  'originalSource4', 'originalDestination4', 'originalSource6', 'originalDestination6', 'originalSourcePort', 'originalDestinationPort',
  'originalFamily', 'originalProtocol',
] as const
export type SlotName = (typeof slotNames)[number]
export const slot = Object.freeze(Object.fromEntries(slotNames.map((name, i) => [name, i]))) as Readonly<Record<SlotName, number>>
export const slotCount = slotNames.length

/** The variables of one reading: the fixed ones, and one for each expression whose value nothing is known about. */
export interface Variables {
  readonly names: string[]
  readonly widths: number[]
  readonly numbers: Map<string, number>
  /** The group of each declared interface, by the value of its name. */
  readonly groups: ReadonlyMap<bigint, bigint>
}

export function makeVariables(groups: ReadonlyMap<bigint, bigint> = new Map()): Variables {
  const widths = fixedNames.map((name) => fixed[name])
  return { groups, names: [...fixedNames], widths, numbers: new Map(fixedNames.map((name, i) => [name, i])) }
}

export function variableFor(variables: Variables, name: string, width: number): number {
  const known = variables.numbers.get(name)
  if (known !== undefined) return known
  const number = variables.names.length
  variables.names.push(name)
  variables.widths.push(width)
  variables.numbers.set(name, number)
  return number
}

export interface Packet {
  readonly variables: Variables
  /** By variable; `undefined` leaves it free. Never an empty set: such a packet does not exist. */
  readonly values: readonly (Values | undefined)[]
  readonly slots: readonly Term[]
  /** Lookups that found nothing for any packet of this set. */
  readonly misses: Miss | undefined
  readonly destinationTranslated: boolean
  readonly sourceTranslated: boolean
  /** Leaves the forwarding path: delivered to the host itself. */
  readonly local: boolean
  readonly untracked: boolean
  /** Seconds after which some element that let it through is gone. */
  readonly expires: number | undefined
  /** Seconds until some element that stood in its way is gone; 0 when none does. */
  readonly since: number
  /** The rule that let it through the forward hook. */
  readonly rule: string | undefined
}

export interface Miss {
  readonly index: ElementIndex
  readonly terms: readonly (number | bigint)[]
  readonly before: Miss | undefined
}

export function valuesOf(packet: Packet, number: number): Values {
  return packet.values[number] ?? everything(packet.variables.widths[number] ?? 128)
}

/** What a term may hold; a known value is a set of one. */
export function termValues(packet: Packet, term: number | bigint): Values {
  return typeof term === 'bigint' ? one(term) : valuesOf(packet, term)
}

/** A variable that holds one value is that value. */
export function settled(packet: Packet, term: Term): Term {
  return typeof term === 'number' ? (single(packet.values[term]) ?? term) : term
}

/** The packets whose term is in `set`, or `undefined` when there are none. */
export function restrict(packet: Packet, term: number | bigint, set: Values): Packet | undefined {
  const before = termValues(packet, term)
  const after = intersect(before, set)
  if (isNothing(after)) return undefined
  if (typeof term === 'bigint' || after === before) return packet
  const smaller = withValues(packet, term, after)
  return term === variable.inName || term === variable.outName ? withGroupOfName(smaller, term) : smaller
}

/** `restrict` for several terms at once, which costs one copy instead of one each. */
export function restrictAll(packet: Packet, terms: readonly (number | bigint)[], sets: readonly Values[]): Packet | undefined {
  let values: (Values | undefined)[] | undefined
  for (let i = 0; i < terms.length; i++) {
    const term = terms[i] ?? 0n
    const before = typeof term === 'number' ? (values?.[term] ?? valuesOf(packet, term)) : one(term)
    const after = intersect(before, sets[i] ?? [])
    if (isNothing(after)) return undefined
    if (typeof term === 'number' && after !== before) (values ??= packet.values.slice())[term] = after
  }
  let smaller: Packet | undefined = values === undefined ? packet : { ...packet, values }
  for (const name of [variable.inName, variable.outName]) {
    if (smaller !== undefined && smaller.values[name] !== packet.values[name]) smaller = withGroupOfName(smaller, name)
  }
  return smaller
}

/** A packet of one declared interface is one of that interface's group. */
function withGroupOfName(packet: Packet, name: number): Packet | undefined {
  const only = single(packet.values[name])
  const group = only === undefined ? undefined : packet.variables.groups.get(only)
  return group === undefined ? packet : restrict(packet, name === variable.inName ? variable.inGroup : variable.outGroup, one(group))
}

/** The packets whose term is not in `set`, or `undefined` when there are none. */
export function exclude(packet: Packet, term: number | bigint, set: Values): Packet | undefined {
  const before = termValues(packet, term)
  const after = subtract(before, set)
  if (isNothing(after)) return undefined
  return typeof term === 'bigint' ? packet : withValues(packet, term, after)
}

export function withValues(packet: Packet, number: number, set: Values): Packet {
  const values = packet.values.slice()
  values[number] = set
  return { ...packet, values }
}

export function withSlot(packet: Packet, number: number, term: Term): Packet {
  const slots = packet.slots.slice()
  slots[number] = term
  return { ...packet, slots }
}
