/** The kernel's lookups done in the program: is a connection of the conntrack table still permitted? */
import { formatAddress } from '../../net/address.ts'
import { outboundGroup, uplinkGroup } from './inventory.ts'
import type { AddressRange } from '../../net/address-set.ts'
import type { Address, Family } from '../../net/address.ts'
import type { Protocol } from '../../net/protocol.ts'
import type { Atoms, LeadAtom, Match, PublishAtom } from './atoms.ts'

/** One direction of a conntrack entry; ports are 0 where the protocol has none. */
export interface ConnectionEnds {
  readonly source: Address
  readonly destination: Address
  readonly sourcePort: number
  readonly destinationPort: number
}

export interface ConnectionTuple {
  readonly protocol: Protocol
  /** Interface group of the initiator; `uplinkGroup` for anything outside. */
  readonly iifgroup: number
  /** Interface group of whoever has the responder's address; what is led goes to the outbound gateway whatever this says. */
  readonly oifgroup: number
  readonly original: ConnectionEnds
  readonly reply: ConnectionEnds
}

/** Whether the address is admitted to the identity of that group. */
export type IsAdmitted = (group: number, address: Address) => boolean

const everybody: IsAdmitted = () => true

/**
 * The path id that permits the connection, or `undefined`. Atoms that expire after they were lowered still count: lower
 * again first. The first call for some atoms costs n log n in their number, the others about the same as a lookup.
 */
export function permits(atoms: Atoms, tuple: ConnectionTuple, isAdmitted: IsAdmitted = everybody): { readonly id: number } | undefined {
  let index = indexes.get(atoms)
  if (index === undefined) indexes.set(atoms, (index = indexOf(atoms)))
  const id = find(index, tuple, isAdmitted)
  return id === undefined ? undefined : { id }
}

interface Allowed {
  readonly match: Match
  readonly path: number
}

interface Index {
  readonly direct: ReadonlyMap<string, readonly Allowed[]>
  readonly egress: ReadonlyMap<string, readonly Allowed[]>
  readonly publish: ReadonlyMap<string, PublishAtom>
  /** By source, and by source and address. */
  readonly lead: ReadonlyMap<string, readonly Pick<LeadAtom, 'match'>[]>
  readonly classes: ReadonlyMap<Family, readonly { readonly range: AddressRange; readonly id: number }[]>
}

/** Atoms are frozen, so what was worked out for them stays true. */
const indexes = new WeakMap<Atoms, Index>()

function indexOf(atoms: Atoms): Index {
  const direct = new Map<string, Allowed[]>()
  const egress = new Map<string, Allowed[]>()
  for (const atom of atoms.direct) push(direct, `${atom.source} ${atom.destination} ${atom.protocol}`, atom)
  for (const atom of atoms.egress) push(egress, `${atom.source} ${atom.class} ${atom.protocol}`, atom)
  const publish = new Map(atoms.publish.map((a) => [publishKey(a.class, a.protocol, a.address, a.port), a]))
  const ranges = atoms.classes.flatMap(({ id, addresses }) => addresses.map((range) => ({ range, id })))
  ranges.sort((a, b) => (a.range.first < b.range.first ? -1 : a.range.first > b.range.first ? 1 : 0))
  const classes = new Map(([4, 6] as const).map((family) => [family, ranges.filter(({ range }) => range.family === family)]))
  const lead = new Map<string, Pick<LeadAtom, 'match'>[]>()
  for (const atom of atoms.lead) push(lead, leadKey(atom.source, atom.address), atom)
  return { direct, egress, publish, lead, classes }
}

function find(index: Index, { protocol, iifgroup, oifgroup, original, reply }: ConnectionTuple, isAdmitted: IsAdmitted): number | undefined {
  if (iifgroup === uplinkGroup) {
    const id = classOf(index, original.source)
    const atom = id === undefined ? undefined : index.publish.get(publishKey(id, protocol, original.destination, original.destinationPort))
    if (atom === undefined || atom.destination !== oifgroup) return undefined
    return sameAddress(atom.privateAddress, reply.source) && atom.privatePort === reply.sourcePort ? atom.path : undefined
  }
  const led = (address: Address | undefined): number | undefined => {
    if (protocol !== 'tcp' || index.lead.size === 0) return undefined
    const found = index.lead.get(leadKey(iifgroup, address))?.some(({ match }) => holds(match, original.destinationPort)) === true
    return found ? allowed(index.direct.get(`${iifgroup} ${outboundGroup} ${protocol}`), original.destinationPort) : undefined
  }
  const inside = led(original.destination)
  if (inside !== undefined) return inside
  if (oifgroup !== uplinkGroup) return allowed(index.direct.get(`${iifgroup} ${oifgroup} ${protocol}`), original.destinationPort)
  const id = classOf(index, original.destination)
  const straight = id === undefined ? undefined : allowed(index.egress.get(`${iifgroup} ${id} ${protocol}`), original.destinationPort)
  return straight ?? (isAdmitted(iifgroup, original.destination) ? led(undefined) : undefined)
}

function allowed(candidates: readonly Allowed[] | undefined, port: number): number | undefined {
  return candidates?.find(({ match }) => holds(match, port))?.path
}

function holds(match: Match, port: number): boolean {
  switch (match.kind) {
    case 'port': return match.port === port
    case 'range': return match.from <= port && port <= match.to
    case 'protocol': return port >= 1
    case 'echo': return true
  }
}

function leadKey(source: number, address: Address | undefined): string {
  return address === undefined ? String(source) : `${source} ${formatAddress(address)}`
}

/** Ranges are disjoint and sorted: the last that begins at or before the address holds it, or none does. */
function classOf(index: Index, address: Address): number | undefined {
  const ranges = index.classes.get(address.family) ?? []
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ranges[middle]?.range.first ?? 0n) <= address.bits) low = middle + 1
    else high = middle
  }
  const found = ranges[low - 1]
  return found !== undefined && address.bits <= found.range.last ? found.id : undefined
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

function publishKey(id: number, protocol: Protocol, address: Address, port: number): string {
  return `${id} ${protocol} ${formatAddress(address)} ${port}`
}

function sameAddress(a: Address, b: Address): boolean {
  return a.family === b.family && a.bits === b.bits
}
