/**
 * Numbers that outlive a ruleset: interface groups of identities, ids of paths, ids of address classes. A number, once
 * given, always means the same thing: conntrack entries, records and interfaces refer to it long after a policy has gone.
 */
import { canonicalJson } from '../../base/canonical-json.ts'
import { Fault } from '../../base/fault.ts'
import { compareText } from '../../base/location.ts'
import { phases } from '../../model/platform.ts'
import { firstIdentityGroup, identity } from './inventory.ts'
import { maxClassId, maxPathId } from './marks.ts'
import type { Platform } from '../../model/platform.ts'
import type { Identity } from './inventory.ts'

/** `next` numbers only grow, so that nothing inherits the number of something forgotten. */
export interface IdTable {
  readonly kind: 'ids'
  readonly groups: ReadonlyMap<Identity, number>
  /** Keyed by the documents that open the path: `pathKey`. */
  readonly paths: ReadonlyMap<string, number>
  /** Keyed by the Externals that hold the addresses. */
  readonly classes: ReadonlyMap<string, number>
  readonly nextGroup: number
  readonly nextPath: number
  readonly nextClass: number
}

export const noIds: IdTable = Object.freeze({
  kind: 'ids', groups: new Map(), paths: new Map(), classes: new Map(), nextGroup: firstIdentityGroup, nextPath: 1, nextClass: 1,
})

/** Linux keeps an interface group in 32 bits; the sign bit is left alone because some tools print it as signed. */
const maxGroup = 0x7fff_ffff

/** One key for one set of documents, whatever order they come in. */
export function pathKey(documents: Iterable<string>): string {
  return [...new Set(documents)].sort(compareText).join('\n')
}

/** The documents that a path id stands for, or none when it was never given. */
export function documentsOf(table: IdTable, path: number): readonly string[] {
  for (const [key, id] of table.paths) if (id === path) return key.split('\n')
  return []
}

/** Gives an interface group to every workload in every phase, and keeps those that were given. */
export function assignGroups(table: IdTable, platform: Platform): IdTable {
  const identities = [...platform.workloads.keys()].sort(compareText).flatMap((id) => phases.map((phase) => identity(id, phase)))
  const { map, next } = assign(table.groups, table.nextGroup, identities, maxGroup, 'interface groups')
  return map === table.groups ? table : Object.freeze({ ...table, groups: map, nextGroup: next })
}

/** `keys` as `pathKey` gives them. */
export function assignPaths(table: IdTable, keys: Iterable<string>): IdTable {
  const { map, next } = assign(table.paths, table.nextPath, [...new Set(keys)].sort(compareText), maxPathId, 'path ids')
  return map === table.paths ? table : Object.freeze({ ...table, paths: map, nextPath: next })
}

export function assignClasses(table: IdTable, keys: Iterable<string>): IdTable {
  const { map, next } = assign(table.classes, table.nextClass, [...new Set(keys)].sort(compareText), maxClassId, 'address classes')
  return map === table.classes ? table : Object.freeze({ ...table, classes: map, nextClass: next })
}

export function formatIds(table: IdTable): string {
  return canonicalJson(table)
}

/** Reads what `formatIds` wrote. A table that is damaged is a Fault: a number with two meanings would open a closed path. */
export function parseIds(text: string): IdTable {
  const value = parseObject(text)
  const groups = numbers(value, 'groups', firstIdentityGroup, maxGroup) as ReadonlyMap<Identity, number>
  const paths = numbers(value, 'paths', 1, maxPathId)
  const classes = numbers(value, 'classes', 1, maxClassId)
  return Object.freeze({
    kind: 'ids', groups, paths, classes,
    nextGroup: following(value, 'nextGroup', groups), nextPath: following(value, 'nextPath', paths), nextClass: following(value, 'nextClass', classes),
  })
}

function assign<K extends string>(
  known: ReadonlyMap<K, number>, next: number, keys: readonly K[], max: number, what: string,
): { readonly map: ReadonlyMap<K, number>; readonly next: number } {
  const missing = keys.filter((key) => !known.has(key))
  if (missing.length === 0) return { map: known, next }
  if (next + missing.length - 1 > max) throw new Fault('internal', `all ${what} have been given out`)
  const map = new Map(known)
  for (const key of missing) map.set(key, next++)
  return { map, next }
}

const wayOut = { help: 'run `bulkhead down`, then `bulkhead up`' }

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>
  } catch (error) {
    throw new Fault('state-unreadable', 'the table of ids is not valid JSON', { ...wayOut, cause: error })
  }
  throw new Fault('state-unreadable', 'the table of ids is not a JSON object', wayOut)
}

function numbers(value: Readonly<Record<string, unknown>>, field: string, min: number, max: number): ReadonlyMap<string, number> {
  const entries = Object.entries((value[field] ?? {}) as Record<string, unknown>)
  const seen = new Set<unknown>()
  for (const [key, id] of entries) {
    if (!Number.isInteger(id) || (id as number) < min || (id as number) > max) throw new Fault('state-unreadable', `the id of \`${key}\` is not a number in range`, wayOut)
    if (seen.has(id)) throw new Fault('state-unreadable', `the id of \`${key}\` is given twice`, wayOut)
    seen.add(id)
  }
  return new Map(entries as [string, number][])
}

function following(value: Readonly<Record<string, unknown>>, field: string, given: ReadonlyMap<string, number>): number {
  const next = value[field]
  if (!Number.isInteger(next)) throw new Fault('state-unreadable', `the table of ids has no \`${field}\``, wayOut)
  for (const id of given.values()) if (id >= (next as number)) throw new Fault('state-unreadable', `\`${field}\` would give an id a second time`, wayOut)
  return next as number
}
