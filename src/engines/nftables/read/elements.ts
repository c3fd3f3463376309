/**
 * The elements of one set or map, indexed component by component, so that a lookup with known components costs as
 * many steps as there are components and a lookup with free ones no more than the elements it can find.
 */
import { at, holds, isWithin, overlaps, single, union } from './values.ts'
import type { Verdict } from './verdict.ts'
import type { Values } from './values.ts'

export interface Element {
  /** One set of values for each component of the key. */
  readonly key: readonly Values[]
  /** What a map gives; nothing for a set. */
  readonly data: ElementData | undefined
  /** Seconds left, for an element with a timeout. */
  readonly expires: number | undefined
}

export type ElementData =
  | { readonly kind: 'values'; readonly values: readonly Values[] }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }

interface Level {
  readonly exact: Map<bigint, Level | Element[]>
  /** Sorted by first value once built. */
  readonly ranges: { readonly set: Values; readonly next: Level | Element[] }[]
  /** For each range, the highest last value up to and including it. */
  reach: bigint[]
}

export interface ElementIndex {
  readonly name: string
  readonly arity: number
  readonly elements: readonly Element[]
  /** The element `*`, which is found when no other is. */
  readonly otherwise: Element | undefined
  readonly root: Level
  /** One component only: what keys give each data, so that equal data needs one step. */
  readonly byData: readonly { readonly key: Values; readonly element: Element }[] | undefined
  /** Packets add to it, so what it holds now says nothing about later. */
  readonly dynamic: boolean
}

export function indexElements(
  name: string, arity: number, elements: readonly Element[], otherwise: Element | undefined, dynamic: boolean,
): ElementIndex {
  const root = emptyLevel()
  for (const element of elements) insert(root, element)
  finish(root)
  return { name, arity, elements, otherwise, root, byData: arity === 1 ? groupByData(elements) : undefined, dynamic }
}

/** The elements that some key with these components may find. */
export function findElements(index: ElementIndex, components: readonly Values[], limit = Infinity): Element[] {
  const found: Element[] = []
  collect(index.root, components, 0, found, limit)
  return found
}

function emptyLevel(): Level {
  return { exact: new Map(), ranges: [], reach: [] }
}

function insert(root: Level, element: Element): void {
  let level = root
  element.key.forEach((set, depth) => {
    const last = depth === element.key.length - 1
    const value = single(set)
    let next: Level | Element[] | undefined
    if (value !== undefined) {
      next = level.exact.get(value)
      if (next === undefined) level.exact.set(value, (next = last ? [] : emptyLevel()))
    } else {
      const twin = level.ranges.at(-1)
      if (twin !== undefined && twin.set.length === 2 && set.length === 2 && twin.set[0] === set[0] && twin.set[1] === set[1]) next = twin.next
      else level.ranges.push({ set, next: (next = last ? [] : emptyLevel()) })
    }
    if (Array.isArray(next)) next.push(element)
    else level = next
  })
}

function finish(level: Level): void {
  level.ranges.sort((a, b) => (at(a.set, 0) < at(b.set, 0) ? -1 : at(a.set, 0) > at(b.set, 0) ? 1 : 0))
  let reach = -1n
  level.reach = level.ranges.map(({ set }) => {
    const last = set.at(-1) ?? -1n
    return (reach = last > reach ? last : reach)
  })
  for (const next of level.exact.values()) if (!Array.isArray(next)) finish(next)
  for (const { next } of level.ranges) if (!Array.isArray(next)) finish(next)
}

function collect(level: Level, components: readonly Values[], depth: number, found: Element[], limit: number): void {
  const wanted = components[depth]
  if (wanted === undefined) return
  const visit = (next: Level | Element[]): void => {
    if (found.length > limit) return
    if (Array.isArray(next)) found.push(...next)
    else collect(next, components, depth + 1, found, limit)
  }
  for (const value of valuesToTry(level, wanted)) {
    const next = level.exact.get(value)
    if (next !== undefined) visit(next)
  }
  const highest = wanted.at(-1) ?? -1n
  let i = lastBefore(level, highest)
  for (; i >= 0 && at(level.reach, i) >= at(wanted, 0); i--) {
    const range = level.ranges[i]
    if (range !== undefined && overlaps(range.set, wanted)) visit(range.next)
  }
}

function valuesToTry(level: Level, wanted: Values): Iterable<bigint> {
  const only = single(wanted)
  if (only !== undefined) return [only]
  let size = 0n
  const most = BigInt(level.exact.size)
  for (let i = 0; i < wanted.length && size <= most; i += 2) size += at(wanted, i + 1) - at(wanted, i) + 1n
  if (size > most) return [...level.exact.keys()].filter((value) => holds(wanted, value))
  const out: bigint[] = []
  for (let i = 0; i < wanted.length; i += 2) for (let value = at(wanted, i); value <= at(wanted, i + 1); value++) out.push(value)
  return out
}

/** The last range that begins at or before `value`; -1 when none does. */
function lastBefore(level: Level, value: bigint): number {
  let low = 0
  let high = level.ranges.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    if (at(level.ranges[middle]?.set ?? [], 0) <= value) low = middle + 1
    else high = middle - 1
  }
  return high
}

function groupByData(elements: readonly Element[]): { key: Values; element: Element }[] {
  const groups = new Map<string, { keys: Values[]; element: Element }>()
  for (const element of elements) {
    const name = `${dataText(element.data)} ${element.expires ?? ''}`
    const group = groups.get(name)
    if (group === undefined) groups.set(name, { keys: [element.key[0] ?? []], element })
    else group.keys.push(element.key[0] ?? [])
  }
  return [...groups.values()].map(({ keys, element }) => ({ key: union(keys), element }))
}

function dataText(data: ElementData | undefined): string {
  if (data === undefined) return ''
  if (data.kind === 'values') return data.values.map((set) => set.join('-')).join('.')
  return 'chain' in data.verdict ? `${data.verdict.kind} ${data.verdict.chain}` : data.verdict.kind
}

/** True when the element is found by every key with these components. */
export function coversAll(element: Element, components: readonly Values[]): boolean {
  return components.every((wanted, i) => {
    const key = element.key[i]
    if (key === undefined) return false
    return isWithin(wanted, key)
  })
}
