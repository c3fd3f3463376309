/** The way of a forwarded packet through the kernel's hooks: prerouting, then forward and postrouting. */
import { afterTranslation, arriving, connectionOf, track } from './connection.ts'
import { report, seenBy } from './machine.ts'
import { runBaseChain } from './run.ts'
import { interfaceValue } from './datatype.ts'
import { merge, refold } from './merge.ts'
import { exclude, restrict, settled, slot, variable, variableFor, withValues } from './packet.ts'
import { everything, nothing, one, subtract, union } from './values.ts'
import type { AddressSet } from '../../../net/address-set.ts'
import type { Family } from '../../../net/address.ts'
import type { ConnectionKind, Entered, Sender } from './connection.ts'
import type { Machine } from './machine.ts'
import type { Packet } from './packet.ts'
import type { ReadContext } from './result.ts'
import type { BaseChain } from './ruleset.ts'
import type { Values } from './values.ts'

const conntrackPriority = -200
const translationPriority = -100

/** Rules before conntrack are gone through once for each sender. */
export function enter(machine: Machine, sender: Sender, context: ReadContext): Entered {
  const known = machine.entered.get(sender)
  if (known !== undefined) return known
  const start = arriving(machine.variables)
  const entered = sender === 'undeclared' ? { packets: untilConntrack(machine, stranger(start, context)), blocked: [] } : enterDeclared(machine, start, sender, context)
  machine.entered.set(sender, entered)
  return entered
}

function enterDeclared(machine: Machine, start: Packet, sender: Sender, context: ReadContext): Entered {
  const groups = new Map<number, Packet[]>()
  const blocked: { interface: string; family: Family }[] = []
  for (const { name, group, addresses, answersForOthers } of context.interfaces) {
    const anybody = sender === 'answering' && answersForOthers === true
    const origin = anybody ? start : addresses === undefined ? outside(start, context) : senderWith(start, addresses, sender === 'forged')
    if (origin === undefined || (sender === 'forged' && addresses === undefined)) continue
    const own = withValues(withValues(origin, variable.inName, one(interfaceValue(name))), variable.inGroup, one(BigInt(group)))
    const through = untilConntrack(machine, own)
    for (const family of [4, 6] as const) {
      const wanted = one(family === 4 ? 2n : 10n)
      if (restrict(own, variable.family, wanted) === undefined || through.some((packet) => restrict(packet, variable.family, wanted) !== undefined)) continue
      blocked.push({ interface: name, family })
    }
    groups.set(group, [...(groups.get(group) ?? []), ...through])
  }
  return { packets: merge(groups, context, sender === 'declared' || sender === 'answering' ? start : undefined, machine.shared), blocked }
}

/** The packets of one connection state that are routed, as the forward hook meets them; only those of groups that `from` names. */
export function arrive(
  machine: Machine, kind: ConnectionKind, sender: Sender, context: ReadContext, from?: readonly number[],
): readonly Packet[] {
  const connection = connectionOf(kind)
  const senders = from === undefined ? undefined : union(from.map((group) => one(BigInt(group))))
  let packets = enter(machine, sender, context).packets.flatMap((packet) => {
    let part = senders === undefined ? packet : restrict(packet, variable.inGroup, senders)
    for (const [number, set] of connection.values) part = part === undefined ? undefined : restrict(part, number, set)
    return part === undefined ? [] : [track(part, connection)]
  })
  let translated = false
  const advance = (priority: number): void => {
    if (translated || priority <= translationPriority) return
    packets = packets.map((packet) => afterTranslation(packet, connection))
    translated = true
  }
  for (const chain of chainsAt(machine, 'prerouting').filter(({ priority }) => priority >= conntrackPriority)) {
    advance(chain.priority)
    packets = throughChain(machine, chain, packets, kind, false)
  }
  advance(Infinity)
  const routed = packets.flatMap((packet) => (packet.local ? [] : routedPart(machine, packet, context)))
  return refold(routed.flatMap((packet) => directed(machine, packet, context)), context, machine.shared)
}

/** The packets that also pass the forward and postrouting hooks. */
export function pass(machine: Machine, connection: ConnectionKind, packets: readonly Packet[]): Packet[] {
  const forwarded = runHook(machine, 'forward', packets, connection)
  return runHook(machine, 'postrouting', forwarded, connection)
}

function untilConntrack(machine: Machine, start: Packet): Packet[] {
  let packets = [start]
  const before = chainsAt(machine, 'prerouting').filter(({ priority }) => priority < conntrackPriority)
  for (const chain of before) packets = throughChain(machine, chain, packets, 'new', false)
  return packets
}

/** Only what carries the mark that routing asks for goes on. */
function routedPart(machine: Machine, packet: Packet, { routed }: ReadContext): Packet[] {
  const marked = routed === undefined ? packet : byMark(machine, packet, routed).marked
  return marked === undefined ? [] : [marked]
}

/** What is led goes to that group alone; what is not goes there only by that group's own addresses. */
function directed(machine: Machine, packet: Packet, { led, interfaces }: ReadContext): Packet[] {
  if (led === undefined) return [packet]
  const { marked, unmarked } = byMark(machine, packet, led)
  const there = one(BigInt(led.group))
  const out: (Packet | undefined)[] = [marked === undefined ? undefined : restrict(marked, variable.outGroup, there)]
  if (unmarked !== undefined) {
    out.push(exclude(unmarked, variable.outGroup, there))
    const own = interfaces.filter((each) => each.group === led.group).flatMap((each) => each.addresses ?? [])
    for (const [family, number, destination] of [[4, 2n, slot.destination4], [6, 10n, slot.destination6]] as const) {
      const term = settled(unmarked, unmarked.slots[destination])
      const part = restrict(unmarked, variable.family, one(number))
      const asked = part === undefined || term === undefined ? undefined : restrict(part, term, addressValues(own, family))
      if (asked !== undefined) out.push(restrict(asked, variable.outGroup, there))
    }
  }
  return out.filter((part) => part !== undefined)
}

/** A mark that is not known may be both. */
function byMark(machine: Machine, packet: Packet, { mask, value }: { readonly mask: number; readonly value: number }): { readonly marked?: Packet | undefined; readonly unmarked?: Packet | undefined } {
  const mark = settled(packet, packet.slots[slot.mark])
  if (typeof mark === 'bigint') return (mark & BigInt(mask)) === BigInt(value) ? { marked: packet } : { unmarked: packet }
  const masked = variableFor(machine.variables, `(${machine.variables.names[mark ?? -1] ?? ''} & ${mask})`, 32)
  return { marked: restrict(packet, masked, one(BigInt(value))), unmarked: exclude(packet, masked, one(BigInt(value))) }
}

function runHook(machine: Machine, hook: string, start: readonly Packet[], kind: ConnectionKind): Packet[] {
  let packets = [...start]
  for (const chain of chainsAt(machine, hook)) packets = throughChain(machine, chain, packets, kind, true)
  return packets
}

function throughChain(machine: Machine, chain: BaseChain, packets: readonly Packet[], kind: ConnectionKind, routed: boolean): Packet[] {
  const out: Packet[] = []
  const inside: Packet[] = []
  for (const packet of packets) {
    // A nat chain judges the first packet of a connection, and only until some rule has translated it.
    const done = chain.hook === 'prerouting' ? packet.destinationTranslated || packet.local : packet.sourceTranslated
    if (chain.type === 'nat' && (kind !== 'new' || packet.untracked || done)) {
      out.push(packet)
      continue
    }
    const { seen, unseen } = seenBy(chain.family, packet)
    if (seen !== undefined) inside.push(seen)
    if (unseen !== undefined) out.push(unseen)
  }
  return [...out, ...runBaseChain(machine, chain, inside, routed)]
}

export function chainsAt(machine: Machine, hook: string): readonly BaseChain[] {
  return machine.ruleset.baseChains.filter((chain) => chain.hook === hook && ['ip', 'ip6', 'inet'].includes(chain.family))
}

/** Chains beside the path that `arrive` and `pass` follow can still change, copy or divert its packets. */
export function reportSideChains(machine: Machine): void {
  for (const chain of machine.ruleset.baseChains) {
    const beside = chain.hook === 'ingress' || chain.hook === 'egress'
    if (beside && chain.rules.length > 0) report(machine, `${chain.family} ${chain.table} ${chain.name}`, `rules on the ${chain.hook} hook`)
  }
}

/** A packet of an interface that nobody declared. */
function stranger(start: Packet, context: ReadContext): Packet {
  const names = union(context.interfaces.map((each) => one(interfaceValue(each.name))))
  return context.interfaces.length === 0 ? start : withValues(start, variable.inName, subtract(everything(128), names))
}

/** Every source that no other declared interface has. */
function outside(start: Packet, context: ReadContext): Packet | undefined {
  const taken = context.interfaces.flatMap((each) => each.addresses ?? [])
  const free4 = exclude(start, variable.source4, addressValues(taken, 4))
  return free4 === undefined ? undefined : exclude(free4, variable.source6, addressValues(taken, 6))
}

function senderWith(start: Packet, addresses: AddressSet, forged: boolean): Packet | undefined {
  const own4 = addressValues(addresses, 4)
  const own6 = addressValues(addresses, 6)
  if (forged) {
    const not4 = withValues(start, variable.source4, subtract(everything(32), own4))
    // Link-local sources are legitimate on a link and never routed.
    return withValues(not4, variable.source6, subtract(subtract(everything(128), own6), [0xfe80n << 112n, (0xfec0n << 112n) - 1n]))
  }
  const families = union([own4.length > 0 ? one(2n) : nothing, own6.length > 0 ? one(10n) : nothing])
  let packet = restrict(start, variable.family, families)
  if (packet !== undefined && own4.length > 0) packet = withValues(packet, variable.source4, own4)
  if (packet !== undefined && own6.length > 0) packet = withValues(packet, variable.source6, own6)
  return packet
}

export function addressValues(set: AddressSet, family: Family): Values {
  return union(set.filter((range) => range.family === family).map((range) => [range.first, range.last]))
}
