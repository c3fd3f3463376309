/** Sets and maps as rules use them: their elements in the data types of the expressions that look them up, and the lookup itself. */
import { constantValues } from './datatype.ts'
import { coversAll, findElements, indexElements } from './elements.ts'
import { describe, field, number } from './operand.ts'
import { exclude, restrict, restrictAll, settled, termValues, valuesOf, variable, withValues } from './packet.ts'
import { everything, one, single, union } from './values.ts'
import { parseVerdict } from './verdict.ts'
import type { Datatype } from './datatype.ts'
import type { Element, ElementData, ElementIndex } from './elements.ts'
import type { Operand } from './operand.ts'
import type { Packet, Term } from './packet.ts'
import type { Values } from './values.ts'

/** What the data of a map is: nothing for a set. */
export type DataShape = 'none' | 'verdict' | readonly Datatype[]

export function buildIndex(
  name: string, elements: unknown, key: readonly Datatype[], data: DataShape, dynamic: boolean, unreadable: (what: unknown) => void,
): ElementIndex {
  const list: Element[] = []
  let otherwise: Element | undefined
  for (const json of Array.isArray(elements) ? (elements as readonly unknown[]) : []) {
    const pair: readonly unknown[] = data === 'none' ? [json] : Array.isArray(json) ? json : []
    const wrapped = field(pair[0], 'elem')
    const value = wrapped === undefined ? pair[0] : field(wrapped, 'val')
    const expires = number(wrapped, 'expires') ?? number(wrapped, 'timeout')
    const given = parseData(pair[1], data)
    if (value === '*' && given !== null) {
      otherwise = { key: key.map((datatype) => everything(datatype.width)), data: given, expires }
      continue
    }
    const components = field(value, 'concat')
    const parts: readonly unknown[] = Array.isArray(components) ? components : [value]
    const sets = parts.map((part, i) => (key[i] === undefined ? undefined : constantValues(part, key[i])))
    const malformed = given === null || parts.length !== key.length || sets.some((set) => set === undefined || set.length === 0)
    if (malformed) unreadable(`an element of ${name}: ${describe(json)}`)
    else list.push({ key: sets as readonly Values[], data: given, expires })
  }
  return indexElements(name, key.length, list, otherwise, dynamic)
}

/** `null` when the data is not understood. */
function parseData(json: unknown, shape: DataShape): ElementData | undefined | null {
  if (shape === 'none') return undefined
  if (shape === 'verdict') {
    const verdict = parseVerdict(json)
    return verdict === undefined ? null : { kind: 'verdict', verdict }
  }
  const components = field(json, 'concat')
  const parts: readonly unknown[] = Array.isArray(components) ? components : [json]
  if (parts.length > shape.length) return null
  const values = parts.map((part, i) => (shape[i] === undefined ? undefined : constantValues(part, shape[i])))
  return values.some((set) => set === undefined || set.length === 0) ? null : { kind: 'values', values: values as readonly Values[] }
}

export interface Hit {
  readonly packet: Packet
  readonly element: Element
}

export interface Found {
  readonly hits: readonly Hit[]
  readonly missed: readonly Packet[]
  /** No component has a value for these; their rule ends here. */
  readonly broken: readonly Packet[]
}

/** Looks a packet's components up: one smaller packet for each element that it may find, now or once others are gone. */
export function lookUp(start: Packet, operands: readonly Operand[], index: ElementIndex): Found {
  const { packet, terms, broken } = prepare(start, operands)
  if (packet === undefined) return { hits: [], missed: [], broken }
  // Elements may come and go while packets flow: both answers are possible for every packet.
  if (index.dynamic) {
    const isSet = index.elements.every((element) => element.data === undefined)
    const hits = isSet ? [{ packet, element: anyElement(packet, terms) }] : searchOnce(packet, terms, index).hits.map(shortened)
    return { hits, missed: [packet], broken }
  }
  return { ...search(packet, terms, index), broken }
}

function anyElement(packet: Packet, terms: readonly (number | bigint)[]): Element {
  return { key: terms.map((term) => termValues(packet, term)), data: undefined, expires: undefined }
}

function search(packet: Packet, terms: readonly (number | bigint)[], index: ElementIndex): Omit<Found, 'broken'> {
  const { hits, missed } = searchOnce(packet, terms, index)
  const found: Hit[] = hits.map(shortened)
  const left: Packet[] = missed === undefined ? [] : [missed]
  for (const hit of hits) {
    const later = afterElement(hit)
    if (later === undefined) continue
    const then = search(later, terms, index)
    found.push(...then.hits)
    left.push(...then.missed)
  }
  return { hits: found, missed: left }
}

/** Among the elements that are there from the packet's own time on. */
function searchOnce(packet: Packet, terms: readonly (number | bigint)[], index: ElementIndex): { readonly hits: readonly Hit[]; readonly missed: Packet | undefined } {
  const sets = terms.map((term) => termValues(packet, term))
  const [term] = terms
  let hits: Hit[] = []
  let missed: Packet | undefined = packet
  if (index.byData !== undefined && term !== undefined) {
    for (const { key, element } of index.byData) {
      const hit = outlasts(element, packet) ? restrict(packet, term, key) : undefined
      if (hit === undefined) continue
      hits.push({ packet: hit, element })
      if (missed !== undefined) missed = exclude(missed, term, key)
    }
  } else {
    for (const element of findElements(index, sets)) {
      const hit = outlasts(element, packet) ? restrictAll(packet, terms, element.key) : undefined
      if (hit === undefined) continue
      hits.push({ packet: hit, element })
      if (missed !== undefined && coversAll(element, sets)) missed = undefined
    }
    const [name, address] = terms
    if (terms.length === 2 && isInterface(name) && typeof address === 'number') hits = foldReplicas(hits, name, address)
    if (hits.length > 0 && missed !== undefined) missed = { ...missed, misses: { index, terms, before: missed.misses } }
  }
  if (index.otherwise !== undefined && missed !== undefined && outlasts(index.otherwise, packet)) {
    hits.push({ packet: missed, element: index.otherwise })
    missed = undefined
  }
  return { hits, missed }
}

/** Whether packets that come no earlier than `since` may still find the element. */
function outlasts({ expires }: Element, { since }: Packet): boolean {
  return expires === undefined || since === 0 || expires > since
}

/** The same packets once the element that they found is gone. */
function afterElement({ packet, element: { expires } }: Hit): Packet | undefined {
  if (expires === undefined) return undefined
  const since = Math.max(expires, 1)
  return packet.expires !== undefined && packet.expires <= since ? undefined : { ...packet, since }
}

function isInterface(term: number | bigint | undefined): term is number {
  return term === variable.inName || term === variable.outName
}

/** What differs between interfaces of one group in nothing but their names and addresses is followed as one. */
function foldReplicas(hits: readonly Hit[], name: number, address: number): Hit[] {
  const group = name === variable.inName ? variable.inGroup : variable.outGroup
  const groups = new Map<string, Hit[]>()
  hits.forEach((hit, i) => {
    const { data, expires } = hit.element
    const number = single(hit.packet.values[group])
    const key = data !== undefined || number === undefined ? `alone ${i}` : `${number} ${expires ?? ''}`
    const list = groups.get(key)
    if (list === undefined) groups.set(key, [hit])
    else list.push(hit)
  })
  return [...groups.values()].flatMap((list) => {
    const first = list[0]
    if (first === undefined || list.length === 1) return list
    const names = union(list.map(({ packet }) => valuesOf(packet, name)))
    const addresses = union(list.map(({ packet }) => valuesOf(packet, address)))
    return [{ packet: withValues(withValues(first.packet, name, names), address, addresses), element: first.element }]
  })
}

export interface Prepared {
  readonly packet: Packet | undefined
  readonly terms: readonly (number | bigint)[]
  readonly broken: readonly Packet[]
}

/** Splits off the packets for which some operand has no value. */
export function prepare(start: Packet, operands: readonly Operand[]): Prepared {
  const broken: Packet[] = []
  const terms: (number | bigint)[] = []
  let packet: Packet | undefined = start
  for (const operand of operands) {
    for (const need of operand.needs) {
      if (packet === undefined) break
      const without = exclude(packet, need.number, need.set)
      if (without !== undefined) broken.push(without)
      packet = restrict(packet, need.number, need.set)
    }
    if (packet === undefined) break
    const term: Term = settled(packet, operand.read(packet))
    if (term === undefined) return { packet: undefined, terms: [], broken: [...broken, packet] }
    terms.push(term)
  }
  return { packet, terms, broken }
}

function shortened({ packet, element }: Hit): Hit {
  const { expires } = element
  return expires === undefined || (packet.expires !== undefined && packet.expires <= expires) ? { packet, element } : { packet: { ...packet, expires }, element }
}

/** The packets of this one that no earlier lookup would have found; inexact (too many) only beyond `limit` pieces. */
export function resolveMisses(packet: Packet, limit: number): { readonly packets: readonly Packet[]; readonly exact: boolean } {
  let packets: Packet[] = [{ ...packet, misses: undefined }]
  let exact = true
  for (let miss = packet.misses; miss !== undefined; miss = miss.before) {
    const { index, terms } = miss
    const next: Packet[] = []
    for (const piece of packets) {
      const found = findElements(index, terms.map((term) => termValues(piece, term)), limit).filter((element) => outlasts(element, piece))
      if (found.length + next.length + packets.length > limit) {
        exact = false
        next.push(piece)
        continue
      }
      let rest: Packet[] = [piece]
      for (const element of found) rest = rest.flatMap((part) => withoutElement(part, terms, element))
      next.push(...rest)
    }
    packets = next
  }
  return { packets, exact }
}

function withoutElement(packet: Packet, terms: readonly (number | bigint)[], element: Element): Packet[] {
  const out: Packet[] = []
  let inside: Packet | undefined = packet
  for (let i = 0; i < terms.length && inside !== undefined; i++) {
    const term = terms[i] ?? 0n
    const key = element.key[i] ?? one(0n)
    const outside = exclude(inside, term, key)
    if (outside !== undefined) out.push(outside)
    inside = restrict(inside, term, key)
  }
  return out
}
