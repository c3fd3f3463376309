/** Pieces joined to paths: ports of one kind in one set, and both families in one path where they say the same. */
import { unionAddresses } from '../../../net/address-set.ts'
import { formatPorts, subtractPorts, unionPorts } from '../../../net/ports.ts'
import { formatPrefix } from '../../../net/prefix.ts'
import { toPrefixes } from '../../../net/address-set.ts'
import { compareText } from '../../../base/location.ts'
import type { AddressSet } from '../../../net/address-set.ts'
import type { PortSet } from '../../../net/ports.ts'
import type { ReadPath } from './result.ts'

export type Answered = ReadPath

export function joinPieces(pieces: readonly Answered[]): readonly ReadPath[] {
  const byPorts = new Map<string, { piece: Answered; ports: PortSet[] }>()
  for (const piece of pieces) {
    const key = portKey(piece, piece.conditions)
    const same = byPorts.get(key)
    if (same === undefined) byPorts.set(key, { piece, ports: [piece.ports] })
    else same.ports.push(piece.ports)
  }
  const byFamily = new Map<string, ReadPath>()
  for (const { piece, ports } of byPorts.values()) {
    // What is open to all is open to those who set some field.
    const toAll = piece.conditions.length === 0 ? undefined : byPorts.get(portKey(piece, []))
    if (toAll !== undefined && subtractPorts(unionPorts(...ports), unionPorts(...toAll.ports)).length === 0) continue
    const all = ports.length === 1 ? piece.ports : unionPorts(...ports)
    const publishedPorts = piece.published === undefined ? '' : formatPorts(piece.published.ports)
    const bounds = [piece.source.addresses, piece.destination.addresses, piece.published?.addresses].map((set) => set === undefined)
    const base = [...identityOf(piece), formatPorts(all), publishedPorts, bounds].join('|')
    // A second piece of one family with other addresses is another path; a piece of the other family is the same one.
    let key = base
    for (let i = 1; byFamily.get(key)?.families.some((family) => piece.families.includes(family)) === true; i++) key = `${base}|${i}`
    const other = byFamily.get(key)
    byFamily.set(key, other === undefined ? pathOf(piece, all) : bothFamilies(other, piece))
  }
  const sorted = [...byFamily.values()].map((path) => ({ path, text: pathText(path) })).sort((a, b) => compareText(a.text, b.text))
  return Object.freeze(sorted.map(({ path }) => Object.freeze(path)))
}

function pathOf(piece: Answered, ports: PortSet): ReadPath {
  return {
    source: piece.source, destination: piece.destination, families: piece.families, protocol: piece.protocol, ports, published: piece.published,
    mark: piece.mark, expires: piece.expires, since: piece.since, rule: piece.rule, conditions: piece.conditions, continues: piece.continues, replies: piece.replies, approximate: piece.approximate,
  }
}

function bothFamilies(path: ReadPath, piece: Answered): ReadPath {
  const join = (a: AddressSet | undefined, b: AddressSet | undefined): AddressSet | undefined =>
    a === undefined || b === undefined ? undefined : unionAddresses(a, b)
  return {
    ...path,
    families: [4, 6],
    source: { group: path.source.group, addresses: join(path.source.addresses, piece.source.addresses) },
    destination: { group: path.destination.group, addresses: join(path.destination.addresses, piece.destination.addresses) },
    published: path.published === undefined ? undefined : { ...path.published, addresses: join(path.published.addresses, piece.published?.addresses) },
  }
}

function portKey(piece: Answered, conditions: readonly string[]): string {
  const addresses = [piece.source, piece.destination].map((end) => addressText(end.addresses))
  return [...identityOf({ ...piece, conditions }), piece.families.join(), ...addresses, publishedText(piece)].join('|')
}

function identityOf(piece: Answered): readonly unknown[] {
  const { source, destination, protocol, mark, expires, since, conditions, continues, replies, approximate } = piece
  return [source.group, destination.group, protocol, mark, expires, since, conditions, continues, replies, approximate]
}

function publishedText(piece: Answered): string {
  return piece.published === undefined ? '' : `${addressText(piece.published.addresses)} ${formatPorts(piece.published.ports)}`
}

function addressText(set: AddressSet | undefined): string {
  return set === undefined ? 'any' : set.map((range) => `${range.family}:${range.first}-${range.last}`).join(',')
}

/** One line, the same for the same path; numbers are padded so that it also sorts. */
function pathText(path: ReadPath): string {
  const group = (name: ReadPath['source']['group']): string => (typeof name === 'number' ? String(name).padStart(10, '0') : name)
  return [
    group(path.source.group), group(path.destination.group), path.protocol,
    path.ports.map((range) => `${String(range.from).padStart(5, '0')}-${range.to}`).join(','), path.families.join(),
    addressText(path.source.addresses), addressText(path.destination.addresses),
    path.published === undefined ? '' : addressText(path.published.addresses), path.rule,
    path.mark, path.expires, path.since, path.conditions.join(),
  ].join('|')
}

/** A path in words, for messages: `16 -> 17 tcp 5432`. */
export function describePath(path: ReadPath): string {
  const end = ({ group, addresses }: ReadPath['source']): string =>
    addresses === undefined ? String(group) : `${group} (${toPrefixes(addresses).slice(0, 4).map(formatPrefix).join(', ')})`
  return `${end(path.source)} -> ${end(path.destination)} ${path.protocol}${path.ports.length > 0 ? ` ${formatPorts(path.ports)}` : ''}`
}
