/** Two readings of nearly the same documents: what says the same becomes the same object, which is what `recompile` goes by. */
import type { Platform } from '../model/platform.ts'

/** Equal to `after`, made of `before`'s objects wherever they are equal. Both frozen, as the loader gives them. */
export function keepUnchanged(before: Platform, after: Platform): Platform {
  const out: Record<string, unknown> = { ...after }
  for (const [field, value] of Object.entries(after)) {
    const old: unknown = before[field as keyof Platform]
    out[field] = Array.isArray(value) && Array.isArray(old) ? keepItems(old, value) : equal(old, value) ? old : value
  }
  return Object.freeze(out as unknown as Platform)
}

/** Policies are told apart by kind, owner and name; a list without any difference is the old list. */
function keepItems(before: readonly unknown[], after: readonly unknown[]): readonly unknown[] {
  const key = (item: unknown): string => {
    const { kind, enclave, name } = item as { kind?: unknown; enclave?: unknown; name?: unknown }
    return `${String(kind)} ${String(enclave)} ${String(name)}`
  }
  const known = new Map(before.map((item) => [key(item), item]))
  const kept = after.map((item) => {
    const old = known.get(key(item))
    return equal(old, item) ? old : item
  })
  return kept.length === before.length && kept.every((item, i) => item === before[i]) ? before : Object.freeze(kept)
}

/** By content; Maps with their entries in the same order, as the loader sorts them. */
function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]))
  if (a instanceof Map) return b instanceof Map && a.size === b.size && equal([...(a as Map<unknown, unknown>)], [...(b as Map<unknown, unknown>)])
  if (b instanceof Map || Array.isArray(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal((a as Readonly<Record<string, unknown>>)[key], (b as Readonly<Record<string, unknown>>)[key]))
}
