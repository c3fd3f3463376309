/**
 * Atoms and inventory as elements of the table's named sets and maps. `render` prints them all, `delta` their difference;
 * what a set means is written beside its declaration in `render`.
 */
import { toPrefixes } from '../../net/address-set.ts'
import { addressFromBits, familyWidth, formatAddress } from '../../net/address.ts'
import { formatPrefix } from '../../net/prefix.ts'
import { isExpired } from '../../model/platform.ts'
import { gatewaysOf } from './inventory.ts'
import { classMark, formatMark } from './marks.ts'
import { compareText } from '../../base/location.ts'
import type { AddressRange, AddressSet } from '../../net/address-set.ts'
import type { Address } from '../../net/address.ts'
import type { Atoms, DirectAtom, EgressAtom, LeadAtom } from './atoms.ts'
import type { Inventory } from './inventory.ts'

export const setNames = [
  'source4', 'source6', 'bogon4', 'bogon6', 'published4', 'published6', 'class4', 'class6',
  'port', 'protocol', 'range', 'echo', 'egress-port', 'egress-protocol', 'egress-range', 'egress-echo',
  'translate4', 'translate6', 'translated4', 'translated6', 'publish4', 'publish6',
] as const
/** Sets that are there only where something is led to the outbound gateway. */
export const leadSetNames = ['lead', 'lead-range', 'lead-inside4', 'lead-inside6', 'lead-inside-range4', 'lead-inside-range6'] as const
/** Sets that are there only where some identity is held inside its stack. */
export const heldSetNames = ['held', 'inside4', 'inside6'] as const
export type SetName = (typeof setNames)[number] | (typeof leadSetNames)[number] | (typeof heldSetNames)[number]

/** Sets with intervals of addresses: the kernel judges overlaps while they change, so they are only replaced whole. */
export const intervalSets: ReadonlySet<SetName> = new Set<SetName>(['bogon4', 'bogon6', 'class4', 'class6', 'inside4', 'inside6'])

export interface Element {
  readonly value: string | undefined
  /** Milliseconds since the epoch. */
  readonly expires: number | undefined
}

/** Key text to element, in the order in which they are printed. */
export type Elements = ReadonlyMap<SetName, ReadonlyMap<string, Element>>

function namesOf({ lead, held }: Atoms): readonly SetName[] {
  return [...setNames, ...(lead.length === 0 ? [] : leadSetNames), ...(held.length === 0 ? [] : heldSetNames)]
}

/** Elements that have expired at `now` are left out. */
export function elementsOf(atoms: Atoms, inventory: Inventory, now: number): Elements {
  const out = new Map<SetName, Map<string, Element>>(namesOf(atoms).map((name) => [name, new Map<string, Element>()]))
  const put = (set: SetName, key: string, value?: string, expires?: number): void => {
    const element = { value, expires }
    if (!isExpired(element, now)) out.get(set)?.set(key, element)
  }
  for (const atom of atoms.direct) put(...directElement(atom), formatMark(atom.path), atom.expires)
  for (const atom of atoms.egress) put(...egressElement(atom), formatMark(atom.path), atom.expires)
  for (const atom of atoms.publish) {
    const family = atom.address.family
    const from = `${formatAddress(atom.address)} . ${atom.protocol} . ${atom.port}`
    const to = `${formatAddress(atom.privateAddress)} . ${atom.privatePort}`
    const known = out.get(`translated${family}`)?.get(`${from} . ${to}`)
    put(`translate${family}`, `${formatMark(classMark(atom.class))} . ${from}`, to, atom.expires)
    put(`translated${family}`, `${from} . ${to}`, undefined, known === undefined ? atom.expires : latest(known.expires, atom.expires))
    put(`publish${family}`, `${formatMark(classMark(atom.class))} . ${from} . ${atom.destination}`, formatMark(atom.path), atom.expires)
  }
  for (const atom of atoms.lead) put(...leadElement(atom), undefined, atom.expires)
  for (const a of [...inventory.attachments, ...gatewaysOf(inventory)].sort((x, y) => compareText(x.interface, y.interface))) {
    put('source4', `"${a.interface}" . ${formatAddress(a.ipv4)}`)
    put('source6', `"${a.interface}" . ${formatAddress(a.ipv6)}`)
  }
  for (const { source } of atoms.held) put('held', String(source))
  for (const family of [4, 6] as const) {
    for (const { source, inside } of atoms.held) for (const range of ofFamily(inside, family)) put(`inside${family}`, `${source} . ${formatRange(range)}`)
    for (const range of ofFamily(atoms.bogons, family)) put(`bogon${family}`, formatRange(range))
    for (const range of ofFamily(atoms.published, family)) for (const address of addressesOf(range)) put(`published${family}`, formatAddress(address))
    const classes = atoms.classes.flatMap((c) => ofFamily(c.addresses, family).map((range) => ({ range, id: c.id })))
    classes.sort((a, b) => (a.range.first < b.range.first ? -1 : 1))
    for (const { range, id } of classes) put(`class${family}`, formatRange(range), formatMark(classMark(id)))
  }
  return out
}

function directElement({ source, destination, protocol, match }: DirectAtom): [SetName, string] {
  const ends = `${source} . ${destination}`
  switch (match.kind) {
    case 'port': return ['port', `${ends} . ${protocol} . ${match.port}`]
    case 'range': return ['range', `${ends} . ${protocol} . ${match.from}-${match.to}`]
    case 'protocol': return ['protocol', `${ends} . ${protocol}`]
    case 'echo': return ['echo', ends]
  }
}

function egressElement({ source, class: id, protocol, match }: EgressAtom): [SetName, string] {
  const key = `${source} . ${formatMark(classMark(id))}`
  switch (match.kind) {
    case 'port': return ['egress-port', `${key} . ${protocol} . ${match.port}`]
    case 'range': return ['egress-range', `${key} . ${protocol} . ${match.from}-${match.to}`]
    case 'protocol': return ['egress-protocol', `${key} . ${protocol}`]
    case 'echo': return ['egress-echo', key]
  }
}

function leadElement({ source, address, match }: LeadAtom): [SetName, string] {
  const to = address === undefined ? String(source) : `${source} . ${formatAddress(address)}`
  const range = match.kind === 'range' ? `${match.from}-${match.to}` : match.kind === 'protocol' ? '1-65535' : undefined
  if (range !== undefined) return [address === undefined ? 'lead-range' : `lead-inside-range${address.family}`, `${to} . ${range}`]
  return [address === undefined ? 'lead' : `lead-inside${address.family}`, `${to} . ${match.kind === 'port' ? match.port : ''}`]
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : Math.max(a, b)
}

function ofFamily(set: AddressSet, family: 4 | 6): AddressSet {
  return set.filter((range) => range.family === family)
}

/** Published addresses are single ones; neighbours have merged into a range. */
function* addressesOf(range: AddressRange): Generator<Address> {
  for (let bits = range.first; bits <= range.last; bits++) yield addressFromBits(range.family, bits)
}

/** A prefix where one fits, else both ends. */
function formatRange(range: AddressRange): string {
  const [prefix, ...more] = toPrefixes([range])
  if (prefix !== undefined && more.length === 0) return prefix.length === familyWidth(prefix.family) ? formatAddress(addressFromBits(range.family, range.first)) : formatPrefix(prefix)
  return `${formatAddress(addressFromBits(range.family, range.first))}-${formatAddress(addressFromBits(range.family, range.last))}`
}
