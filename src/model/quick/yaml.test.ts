/** The quick reader against the complete one: it may decline, but never read something else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { parseFile } from '../syntax.ts'
import { quickFile } from './documents.ts'
import { quickYaml } from './yaml.ts'
import type { Path, RawDocument } from '../source.ts'

const file = (text: string) => ({ path: 'a.yaml', absolute: '/a.yaml', text })

/** What the complete reader makes of one document, when it has no complaint. */
function complete(text: string): unknown {
  const { documents, diagnostics } = parseFile(file(text))
  const [only, second] = documents
  if (only === undefined || second !== undefined || diagnostics.length > 0 || only.problems.length > 0) return undefined
  return only.value
}

function agrees(text: string): boolean {
  if (/(?![\t\n])\p{Cc}/u.test(text) || /^(---|\.\.\.|%)/m.test(text)) return false
  const quick = quickYaml(text)
  if (quick === undefined) return false
  assert.deepEqual(quick.value, complete(text), text)
  return true
}

/** Whether the quick reader takes a file; then values and every place are those of the complete reader, which has no complaint. */
function readAlike(source: ReturnType<typeof file>): boolean {
  const quick = quickFile(source)
  if (quick === undefined) return false
  const { documents, diagnostics } = parseFile(source)
  assert.deepEqual(diagnostics, [], source.text)
  const told = (list: readonly RawDocument[]): unknown =>
    list.map((d) => [d.value, d.at, d.problems, ...pathsOf(d.value).map((path) => [path, d.locate(path), d.locateKey(path)])])
  assert.deepEqual(told(quick), told(documents), source.text)
  return true
}

/** To everything in a value, and to some that is not there. */
function pathsOf(value: unknown): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [[], ['none'], [0]]
  return [[], ['none'], [99], ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner).map((path): Path => [Array.isArray(value) ? Number(key) : key, ...path]))]
}

const words = fc.oneof(
  fc.constantFrom('', 'a', 'app', 'null', 'true', 'Yes', 'no', '~', '-', '--', '-a', '- a', 'a: b', 'a:b', 'a #b', 'a#b', '#a', '"a"', "'a'", 'it\'s', '{a}', '[a]', '0', '007', '1', '-1', '1.5', '1e3', '0x1', '0o7', '.5', '+1', '1_000', '8080/tcp', '10.0.0.0/8', '::1', 'peer:lab/x/y', '1:2', '10.0.0.1:443', '-1:2', 'a::b', 'a:', '2001:db8::1', 'a:[b', '&a', '*a', '!a', '|', '>', '@a', '`a', '%a', 'a b  c', 'ä', '<<', 'key:', '?', '? a', ':'),
  fc.string({ maxLength: 6 }),
)
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, words, fc.integer(), fc.boolean(), fc.constant(null), fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.oneof(fc.constantFrom('a', 'b', 'c-d', 'e.f/g', 'x y', '1', 'true', '-'), words), tie('value'), { maxKeys: 3 })),
})).value
const mappings = fc.dictionary(fc.constantFrom('kind', 'spec', 'metadata', 'a.b/c'), json, { minKeys: 1, maxKeys: 4 })

test('what a printer of YAML writes is read as the complete reader reads it', () => {
  let read = 0
  fc.assert(
    fc.property(mappings, fc.constantFrom({}, { indentSeq: false }, { indent: 4 }, { collectionStyle: 'flow' as const }, { defaultStringType: 'QUOTE_SINGLE' as const }), (value, options) => {
      if (agrees(stringify(value, options))) read++
      if (agrees(`${JSON.stringify(value, undefined, 1)}\n`)) read++
    }),
    { numRuns: 600 },
  )
  assert.ok(read > 300, `${read} of 1200 were plain`)
})

test('damaged text is declined or read as the complete reader reads it', () => {
  const base = 'apiVersion: v1\nkind: Pod\nmetadata: { name: a, labels: {x: "y"} }\nspec:\n  containers:\n  - name: main\n    ports:\n      - containerPort: 80\n      - {containerPort: 81, name: b}\n  list: [a, b, [c]] # end\n  text: |\n    one\n     two\n\n    three\n  said: "a\\nb"\n  empty:\n  last: \'x\'\n'
  const pieces = ['\n', ' ', '  ', '- ', ':', ': ', '#', ' #', '"', "'", '{', '}', '[', ']', ',', 'a', '0', '-', '?', '|', '>', '&x ', '*x', '!t ', '\n  ', '\n- ', 'key: ', '~', '.', '%', '\t', '|\n', '|-\n   ', '\\n', '\\']
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: base.length }), fc.nat({ max: 12 }), fc.constantFrom('', ...pieces)), { minLength: 1, maxLength: 4 }), (cuts) => {
      let text = base
      for (const [at, length, piece] of cuts) text = text.slice(0, at % (text.length + 1)) + piece + text.slice((at % (text.length + 1)) + (piece === '' ? length : 0))
      agrees(text)
    }),
    { numRuns: 3000 },
  )
})

for (const text of [
  'a: 1\na: 2\n', 'a: &x 1\n', 'a: *x\n', 'a: !t b\n', 'a: |\n  b\n', 'a: b\n  c\n', '"a\\n": b\n', 'a: "b\\n"\n', "a: 'b''c'\n", 'a: 0x10\n', 'a: 1.5\n', '<<: {}\n', '__proto__: {}\n', '? a\n: b\n',
  'a: [b: c]\n', 'a: {b}\n', 'a: {b: c\nd: e}\n', '- - a\n', 'a:\n- b\n c: d\n', 'a: |\n  b\n   c\n\n  d\n\nb: c\n', 'a: |-\n  b\n\n', 'a: |\nb: c\n', 'a: |\n\n  b\n', 'a: |2\n  b\n', '- |\n b\n- |\n   c\n  d\n', 'a: |\n  b', 'a: |\n  # b\n # c\nd: e\n', 'a:\n  b: |\n  c: d\n',
  'a: "b\\tc\\u00e9\\\\\\/"\n', 'a: "\\u202e"\n', 'a: "\\x41"\n', 'a: b\tc\n', 'a:\tb\n', 'a: "b\tc"\n', 'a: [b\t]\n', '\ta: b\n', 'a: b\t\n', 'a: b \t# c\n', 'a: |\n  b\tc\n',
  'a: b: c\n', 'a: b:\n', 'true: a\n', '1: a\n', 'a: {1: b}\n', '- a\nb: c\n',
]) {
  test(`${JSON.stringify(text)} is left to the complete reader, or read alike`, () => {
    agrees(text)
  })
}

test('JSON is read as the complete reader reads it, however its lines break', () => {
  let read = 0
  fc.assert(
    fc.property(fc.dictionary(words, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 }), fc.constantFrom(undefined, 1, 4, '\t', ''), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent)
      const source = { path: 'a.json', absolute: '/a.json', text }
      if (readAlike(source)) read++
    }),
    { numRuns: 400 },
  )
  assert.ok(read > 50, String(read))
})

/** As people write them: comments and empty lines anywhere, values of nothing, lists in and out of line. */
const base = 'apiVersion: v1\n# a comment\nkind: Pod\nmetadata: { name: a, labels: {x: "y"} } # behind\nspec:\n\n  # above the first key\n  containers:\n  - name: main\n    # inside\n    ports:\n      - containerPort: 80\n      - {containerPort: 81, name: b:c, at: 10.0.0.1:443}\n  -\n    name: below\n  list: [a, b, [c]] # end\n  text: |\n    one\n     two\n\n    three\n  empty:\n  nothing: ~\n  items:\n  -\n  - null\n  "quoted": x\n  last: \'x\'\n'
const small = ['kind: A\n', '- a\n-  b: c\n   d: [1, {e: f}]\n', '{ a: b, c: [d] }\n', 'a: >\n  folded\n  text\nb: [x]\n', '- - a\n  - b:\n      c\n', '\n# only a comment\n\n', '', 'a:\n', '---x: y\n']
const markers = ['---\n', '--- # next\n', '---  \n', '---', '---#x\n', '---\tx\n', '--- a\n', '...\n', '--- \n']

test('streams are read with every value and place as the complete reader has them', () => {
  let read = 0
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(base, base, ...small), fc.oneof({ weight: 6, arbitrary: fc.constantFrom('---\n') }, { weight: 1, arbitrary: fc.constantFrom(...markers) })), { minLength: 1, maxLength: 5 }), fc.boolean(), (parts, first) => {
      if (readAlike(file((first ? '---\n' : '') + parts.flat().join('')))) read++
    }),
    { numRuns: 500 },
  )
  assert.ok(read > 100, String(read))
})

test('damaged streams are declined, or read with every value and place as the complete reader has them', () => {
  const pieces = ['\n', ' ', '  ', '- ', ':', ': ', '#', ' #', '"', '{', '}', '[', ',', 'a', '-', '|', '\n  ', '\n- ', '\n---\n', '\n--- #x\n', '\n---#x\n', '\n---a: b\n', '\n...\n', '\n%a\n', 'key: ', '~', '\t', '\r\n', '\\n', '\ufeff']
  let read = 0
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 3 * base.length }), fc.nat({ max: 12 }), fc.constantFrom('', ...pieces)), { minLength: 1, maxLength: 4 }), (cuts) => {
      let text = `${base}---\n${base}`
      for (const [at, length, piece] of cuts) text = text.slice(0, at % (text.length + 1)) + piece + text.slice((at % (text.length + 1)) + (piece === '' ? length : 0))
      if (readAlike(file(text))) read++
    }),
    { numRuns: 3000 },
  )
  assert.ok(read > 100, String(read))
})
