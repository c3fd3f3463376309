/** Damaged copies of real inputs: what a reader meets when a file was cut, a line was torn, or somebody means harm. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { measured } from '../../src/base/testing.ts'

const hostile = [
  '', '\0', '\n', '"', '\\', '{', '}', '[', ']', ',', ':', '-', '#', '&a ', '*a', '<<: ', '\u202e', '\ud800', '\ufeff', '1e999', '-1', '0', 'NaN', 'null', 'true',
  '99999999999999999999', '__proto__', 'constructor', '../../etc/passwd', '255.255.255.255', '::ffff:10.0.0.1', '0.0.0.0/0', '65536', '%s%n', '$(id)', '\u001b[31m', 'a'.repeat(300), '['.repeat(200), '9'.repeat(400),
]

/** One of the texts with a few places cut out, doubled, or overwritten. */
export function mutant(texts: readonly string[]): fc.Arbitrary<string> {
  const edit = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(40), put: fc.oneof(fc.constantFrom(...hostile), fc.string({ maxLength: 8 })), double: fc.boolean(), end: fc.nat(20) })
  return fc.tuple(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 6 })).map(([text, edits]) =>
    edits.reduce((now, { at, cut, put, double, end }) => {
      const from = Math.floor(at * now.length)
      if (end === 0) return now.slice(0, from)
      return now.slice(0, from) + (double ? now.slice(from, from + cut) : '') + put + now.slice(double ? from : from + cut)
    }, text))
}

/** The same for values that were JSON once: any of their parts may be of another kind, missing, or huge. */
export function mutantValue(values: readonly unknown[]): fc.Arbitrary<unknown> {
  const other = fc.oneof(fc.constantFrom<unknown>(null, true, -1, 0, 2 ** 53, 1.5, '', 'x', [], {}, [[]], '__proto__', '10.0.0.1'), fc.jsonValue({ maxDepth: 2 }))
  const change = fc.tuple(fc.nat(), other, fc.nat(3))
  return fc.tuple(fc.constantFrom(...values), fc.array(change, { minLength: 1, maxLength: 4 })).map(([value, changes]) => changes.reduce((now, [at, put, how]) => changed(now, at, put, how), value))
}

/** Replaces, removes or wraps the part with that number, counted depth first. */
function changed(value: unknown, at: number, put: unknown, how: number): unknown {
  const parts = count(value)
  let left = at % parts
  const visit = (part: unknown): unknown => {
    if (left-- === 0) return how === 0 ? [part, part] : how === 1 ? undefined : put
    if (Array.isArray(part)) return part.map(visit)
    if (typeof part !== 'object' || part === null) return part
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, visit(inner)]))
  }
  return JSON.parse(JSON.stringify(visit(value) ?? null)) as unknown
}

function count(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return 1 + Object.values(value).reduce((sum: number, part) => sum + count(part), 0)
}

/** Runs a property so often; each answer within some processor time, and all of them within some memory. */
export function fuzz<T>(what: fc.Arbitrary<T>, runs: number, read: (input: T) => void): void {
  const before = process.memoryUsage().rss
  const timed = (input: T): void => {
    const { ms } = measured(() => read(input))
    assert.ok(ms < 5_000, `it took ${ms} ms`)
  }
  fc.assert(fc.property(what, timed), { numRuns: runs })
  const grown = (process.memoryUsage().rss - before) / 1024 / 1024
  assert.ok(grown < 400, `it took ${grown.toFixed(0)} MiB`)
}
