/** One text for one value: keys sorted, so that output can be compared and hashed. */
import { compareText } from './location.ts'

/**
 * Plain data as JSON. Maps become objects, Sets become arrays, bigints become decimal text; `undefined` members are
 * left out. `indent` 0 gives one line.
 */
export function canonicalJson(value: unknown, indent = 0): string {
  return (indent === 0 ? compact(value) : JSON.stringify(canonical(value), undefined, indent)) ?? 'null'
}

/** What is large is written without a second copy of it in memory; what is unusual goes the long way. */
function compact(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(canonical(value))
  if (Array.isArray(value)) {
    const parts: string[] = []
    for (const each of value) parts.push(compact(each) ?? 'null')
    return `[${parts.join(',')}]`
  }
  const keys = Object.keys(value).sort()
  // An object has its numbers in front, in the order of numbers, however it was made; so they sort first here too.
  if (Object.getPrototypeOf(value) !== Object.prototype || keys.some((key) => key === 'toJSON' || startsWithDigit(key))) return JSON.stringify(canonical(value))
  const parts: string[] = []
  for (const key of keys) {
    const text = compact((value as Readonly<Record<string, unknown>>)[key])
    if (text !== undefined) parts.push(`${JSON.stringify(key)}:${text}`)
  }
  return `{${parts.join(',')}}`
}

function startsWithDigit(key: string): boolean {
  const code = key.charCodeAt(0)
  return code >= 48 && code <= 57
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
