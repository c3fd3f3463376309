/** The questions that are asked of a ruleset: what a first packet opens, what later packets need, and what passes besides. */
import { addressesWithin } from '../../../net/address-set.ts'
import { subtractPorts } from '../../../net/ports.ts'
import { followConnection } from './follow.ts'
import { arrive, pass } from './hooks.ts'
import { joinPieces } from './join.ts'
import { forwardView, piecesOf } from './naming.ts'
import { variable } from './packet.ts'
import { isConditional } from './traffic.ts'
import type { AddressSet } from '../../../net/address-set.ts'
import type { PortSet } from '../../../net/ports.ts'
import type { ConnectionKind, Sender } from './connection.ts'
import type { Answered } from './join.ts'
import type { Machine } from './machine.ts'
import type { Host, Piece } from './naming.ts'
import type { View } from './traffic.ts'
import type { Packet } from './packet.ts'
import type { GroupName, Leak, LeakKind, ReadPath } from './result.ts'

const replyView: View = { ...forwardView, reversed: true, othersNames: true }

/** All that passes in one connection state, whichever connection it is of. */
export interface Passing {
  readonly arrived: readonly Packet[]
  readonly pieces: readonly LaterPiece[]
}

export interface LaterPiece extends Known {
  /** Passes whatever its connection is marked with and was opened from. */
  readonly unconditional: boolean
}

function passing(machine: Machine, connection: ConnectionKind, sender: Sender, view: View, host: Host, from?: readonly number[]): Passing {
  const packets = arrive(machine, connection, sender, host.context, from)
  const pieces = pass(machine, connection, packets).flatMap((passed) =>
    // The packets themselves are let go: there may be hundreds of thousands.
    piecesOf(passed, view, host).map(({ packet, ...piece }): LaterPiece => ({ ...piece, unconditional: isUnconditional(piece, packet, view) })))
  return { arrived: packets, pieces }
}

export interface Later {
  readonly established: Passing
  /** Of connections whose destination was translated. */
  readonly translated: Passing
  readonly reply: Passing
}

/** Connections are translated for the outside, and for whoever a rule translates a first packet of. */
export function laterPackets(machine: Machine, opened: readonly Piece[], host: Host): Later {
  const senders = new Set([host.context.uplinkGroup])
  for (const { packet, source } of opened) {
    if (!packet.destinationTranslated) continue
    for (const group of source.group === 'any' ? host.context.groups : typeof source.group === 'number' ? [source.group] : []) senders.add(group)
  }
  return {
    established: passing(machine, 'established', 'declared', forwardView, host),
    translated: passing(machine, 'established-translated', 'declared', forwardView, host, [...senders]),
    reply: passing(machine, 'reply', answering(host), replyView, host),
  }
}

/** Most hosts have nobody who answers for others. */
function answering({ context }: Host): Sender {
  return context.interfaces.some((each) => each.answersForOthers === true) ? 'answering' : 'declared'
}

/** Whether the later packets of the connections that each piece opens pass as well. */
export function answer(machine: Machine, opened: readonly Piece[], later: Later): Answered[] {
  const onward = indexByPair(later.established.pieces.filter((piece) => piece.unconditional))
  const back = indexByPair(later.reply.pieces.filter((piece) => piece.unconditional))
  const followed = new Map<Packet, { continues: boolean; replies: boolean }>()
  return opened.map(({ packet, ...piece }) => {
    const plain = !packet.destinationTranslated && !packet.sourceTranslated && piece.published === undefined
    const continues = plain && covered(piece, onward, true)
    const replies = plain && covered(piece, back, true)
    if (continues && replies) return { ...piece, continues, replies }
    let answers = followed.get(packet)
    if (answers === undefined) {
      const onwards = packet.destinationTranslated ? later.translated : later.established
      answers = packet.untracked ? { continues: true, replies: true } : followConnection(machine, packet, onwards.arrived, later.reply.arrived)
      followed.set(packet, answers)
    }
    return { ...piece, ...answers }
  })
}

function isUnconditional(piece: Known, packet: Packet, view: View): boolean {
  return piece.published === undefined && packet.values[variable.connectionMark] === undefined && !piece.approximate && !isConditional(packet, view)
}

const besides: readonly (readonly [LeakKind, ConnectionKind, Sender, View])[] = [
  ['related', 'related-original', 'declared', { ...forwardView, quoting: true }],
  ['related', 'related-reply', 'declared', { ...replyView, quoting: true }],
  ['invalid', 'invalid', 'declared', forwardView],
  ['untracked', 'untracked', 'declared', forwardView],
  ['spoofed', 'new', 'forged', { ...forwardView, anySource: true }],
  ['unknown-interface', 'new', 'undeclared', { ...forwardView, anySource: true, undeclared: true }],
]

/** Everything that passes and that no path explains. */
export function leaksOf(machine: Machine, paths: readonly Answered[], later: Later, host: Host): readonly Leak[] {
  const known = indexByPair(paths, host.context.led?.group)
  const established = [...later.established.pieces, ...later.translated.pieces]
  const passes: (readonly [LeakKind, readonly LaterPiece[]])[] = [['established', established], ['reply', later.reply.pieces]]
  for (const [kind, connection, sender, view] of besides) passes.push([kind, sender === 'declared' ? passing(machine, connection, answering(host), { ...view, othersNames: true }, host).pieces : passing(machine, connection, sender, view, host).pieces])
  return Object.freeze(
    passes.flatMap(([kind, pieces]) => {
      const unexplained = pieces.filter((piece) => kind === 'spoofed' || kind === 'unknown-interface' || !explained(piece, kind, known))
      return joinPieces(unexplained.map((piece) => ({ ...piece, continues: false, replies: false }))).map((path): Leak => Object.freeze({ kind, path }))
    }),
  )
}

type Known = Omit<ReadPath, 'continues' | 'replies'>
interface PairIndex {
  readonly pairs: ReadonlyMap<string, readonly Known[]>
  /** Some of them is from or to any group. */
  readonly wide: boolean
  /** Whoever is there answers for whatever address was asked. */
  readonly led: number | undefined
}

function indexByPair(pieces: readonly Known[], led?: number): PairIndex {
  const index = new Map<string, Known[]>()
  for (const piece of pieces) {
    const key = pairKey(piece.source.group, piece.destination.group)
    const list = index.get(key)
    if (list === undefined) index.set(key, [piece])
    else list.push(piece)
  }
  return { led, pairs: index, wide: pieces.some((piece) => piece.source.group === 'any' || piece.destination.group === 'any') }
}

function pairKey(source: GroupName, destination: GroupName): string {
  return `${source} ${destination}`
}

/** The pieces between the same two ends, or between any. */
function between(piece: Known, known: PairIndex): readonly Known[] {
  const { source, destination } = piece
  const exact = known.pairs.get(pairKey(source.group, destination.group)) ?? []
  if (!known.wide) return exact
  const own = pairKey(source.group, destination.group)
  const wide = [pairKey('any', destination.group), pairKey(source.group, 'any'), pairKey('any', 'any')].filter((key) => key !== own)
  return [...exact, ...wide.flatMap((key) => known.pairs.get(key) ?? [])]
}

function explained(piece: Known, kind: LeakKind, known: PairIndex): boolean {
  if (kind === 'related') return piece.families.every((family) => belongs({ ...piece, families: [family] }, known))
  // There is nothing to answer before a path has opened.
  return kind === 'reply' ? covered({ ...piece, since: Infinity }, known, false) : covered(piece, known, true)
}

/** An error passes rightly when what it quotes is of a path between the same two ends: by its mark, or by what was asked for. */
function belongs(quoted: Known, known: PairIndex): boolean {
  let left: PortSet = quoted.ports
  // Data travels both ways on a path, so an error about either direction of it is no new channel.
  const turned = { ...quoted, source: quoted.destination, destination: quoted.source }
  for (const path of [...between(quoted, known), ...between(turned, known)]) {
    if (!quoted.families.every((family) => path.families.includes(family))) continue
    if (quoted.mark !== undefined && quoted.mark === path.mark) return true
    const asked = path.published ?? { addresses: path.destination.addresses, ports: path.ports }
    const anybodys = known.led !== undefined && path.destination.group === known.led
    if (path.protocol !== quoted.protocol || !(anybodys || within(quoted.destination.addresses, asked.addresses))) continue
    left = subtractPorts(left, asked.ports)
    if (left.length === 0) return true
  }
  return false
}

/** True when pieces between the same two ends have its families, its protocol, its ports and its addresses. */
function covered(piece: Known, known: PairIndex, sourceToo: boolean): boolean {
  if (coveredAtOnce(piece, known, sourceToo)) return true
  return piece.families.length > 1 && piece.families.every((family) => coveredAtOnce({ ...piece, families: [family] }, known, sourceToo))
}

function coveredAtOnce(piece: Known, known: PairIndex, sourceToo: boolean): boolean {
  let left: PortSet = piece.ports
  for (const path of between(piece, known)) {
    if (!piece.families.every((family) => path.families.includes(family)) || path.protocol !== piece.protocol) continue
    if (path.since > piece.since || !path.conditions.every((each) => piece.conditions.includes(each))) continue
    if (sourceToo && (piece.published !== undefined || path.published !== undefined) && !publishedAs(piece, path)) continue
    // A reply's own far address is not screened again: what its connection was opened from is known to conntrack.
    if (!sourceToo && publishedAs(piece, path)) return true
    const anybodys = !sourceToo && known.led !== undefined && path.destination.group === known.led
    if (!anybodys && !within(piece.destination.addresses, path.destination.addresses)) continue
    if (sourceToo && !within(piece.source.addresses, path.source.addresses)) continue
    left = subtractPorts(left, path.ports)
    if (left.length === 0) return true
  }
  return false
}

function publishedAs(piece: Known, path: Known): boolean {
  if (piece.published === undefined || path.published === undefined) return false
  return within(piece.published.addresses, path.published.addresses) && subtractPorts(piece.published.ports, path.published.ports).length === 0
}

function within(inner: AddressSet | undefined, outer: AddressSet | undefined): boolean {
  return outer === undefined || (inner !== undefined && addressesWithin(inner, outer))
}
