/** Follows the later packets of the connections that one symbolic first packet opens. */
import { subtractPorts, unionPorts } from '../../../net/ports.ts'
import { pass } from './hooks.ts'
import { resolveMisses } from './lookup.ts'
import { familiesOf } from './machine.ts'
import { slotValues, toPorts } from './traffic.ts'
import { restrict, slot, valuesOf, variable } from './packet.ts'
import { everything } from './values.ts'
import type { ConnectionKind } from './connection.ts'
import type { Machine } from './machine.ts'
import type { Packet } from './packet.ts'
import type { Values } from './values.ts'

type Restriction = readonly (readonly [number, Values])[]

/** `later` and `back` are all packets of connections that reach the forward hook, in their two directions. */
export function followConnection(machine: Machine, first: Packet, later: readonly Packet[], back: readonly Packet[]): { continues: boolean; replies: boolean } {
  return {
    continues: allPass(machine, first.destinationTranslated ? 'established-translated' : 'established', later, laterPacket(first), first),
    replies: allPass(machine, 'reply', back, replyPacket(first), first),
  }
}

function laterPacket(first: Packet): Restriction {
  const unchanged = [
    'family', 'protocol', 'inGroup', 'outGroup', 'inName', 'outName', 'source4', 'source6', 'destination4', 'destination6', 'sourcePort',
    'destinationPort', 'icmpType4', 'icmpType6',
  ] as const
  return told(first, [
    ...unchanged.map((name) => [variable[name], valuesOf(first, variable[name])] as const),
    [variable.connectionMark, slotValues(first, slot.ctMark)],
    [variable.translated4, slotValues(first, slot.destination4)],
    [variable.translated6, slotValues(first, slot.destination6)],
    [variable.translatedPort, slotValues(first, slot.destinationPort)],
  ])
}

function replyPacket(first: Packet): Restriction {
  const swapped = [['inGroup', 'outGroup'], ['outGroup', 'inGroup'], ['inName', 'outName'], ['outName', 'inName']] as const
  const opened = [
    ['originalSource4', 'source4'], ['originalSource6', 'source6'], ['originalSourcePort', 'sourcePort'], ['originalDestination4', 'destination4'],
    ['originalDestination6', 'destination6'], ['originalDestinationPort', 'destinationPort'], ['family', 'family'], ['protocol', 'protocol'],
  ] as const
  // The answer to a translated source comes to the translator's address.
  const to = first.sourceTranslated ? [] : ([['destination4', 'source4'], ['destination6', 'source6']] as const)
  return told(first, [
    ...[...swapped, ...opened, ...to].map(([name, from]) => [variable[name], valuesOf(first, variable[from])] as const),
    [variable.source4, slotValues(first, slot.destination4)],
    [variable.source6, slotValues(first, slot.destination6)],
    [variable.sourcePort, slotValues(first, slot.destinationPort)],
    [variable.connectionMark, slotValues(first, slot.ctMark)],
  ])
}

/** Leaves out what restricts nothing: a field that may hold anything. */
function told(packet: Packet, all: Restriction): Restriction {
  return all.filter(([number, set]) => set !== everything(packet.variables.widths[number] ?? 128))
}

/** Judged by family and by the ports of the path, whichever field of the packet they are in. */
function allPass(machine: Machine, kind: ConnectionKind, arrived: readonly Packet[], like: Restriction, first: Packet): boolean {
  const inside: Packet[] = []
  for (const packet of arrived) {
    let part: Packet | undefined = packet
    for (const [number, set] of like) {
      if (part === undefined) break
      part = restrict(part, number, set)
    }
    if (part !== undefined) inside.push(part)
  }
  const passed = pass(machine, kind, inside).flatMap((packet) => (packet.since > first.since ? [] : resolveMisses(packet, 64).packets))
  const portSlot = kind === 'reply' ? slot.sourcePort : slot.destinationPort
  const wanted = toPorts(slotValues(first, slot.destinationPort))
  return familiesOf(first).every((family) => {
    const through = passed.filter((packet) => familiesOf(packet).includes(family))
    const ports = unionPorts(...through.map((packet) => toPorts(slotValues(packet, portSlot))))
    return through.length > 0 && subtractPorts(wanted, ports).length === 0
  })
}
