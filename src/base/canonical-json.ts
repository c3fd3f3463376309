/** One text for one value: keys sorted, so that output can be compared and hashed. */
import { compareText } from './location.ts'

/**
 * Plain data as JSON. Maps become objects, Sets become arrays, bigints become decimal text; `undefined` members are
 * left out. `indent` 0 gives one line.
 */
export function canonicalJson(value: unknown, indent = 0): string {
  return JSON.stringify(canonical(value), undefined, indent) ?? 'null'
}

function canonical(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(canonical)
  if (value instanceof Set) return [...value].map(canonical)
  if (value instanceof Date) return value.toISOString()
  const entries: [string, unknown][] = value instanceof Map ? [...value].map(([k, v]) => [String(k), v]) : Object.entries(value)
  entries.sort(([a], [b]) => compareText(a, b))
  // A null prototype, so that a key such as `__proto__` is a key.
  const out = Object.create(null) as Record<string, unknown>
  for (const [k, v] of entries) out[k] = canonical(v)
  return out
}
