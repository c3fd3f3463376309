/** The quick reader against the complete one: it may decline, but never read something else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { parseFile } from '../model/syntax.ts'
import { readDocuments } from './documents.ts'
import { quickYaml } from './quick-yaml.ts'

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

const words = fc.oneof(
  fc.constantFrom('', 'a', 'app', 'null', 'true', 'Yes', 'no', '~', '-', '--', '-a', '- a', 'a: b', 'a:b', 'a #b', 'a#b', '#a', '"a"', "'a'", 'it\'s', '{a}', '[a]', '0', '007', '1', '-1', '1.5', '1e3', '0x1', '0o7', '.5', '+1', '1_000', '8080/tcp', '10.0.0.0/8', '::1', '&a', '*a', '!a', '|', '>', '@a', '`a', '%a', 'a b  c', 'ä', '<<', 'key:', '?', '? a', ':'),
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
      const [quick, slow] = [readDocuments(source), parseFile(source)]
      assert.deepEqual([quick.documents.map((d) => d.value), quick.diagnostics], [slow.documents.map((d) => d.value), slow.diagnostics])
      if (quickYaml(text.replaceAll('\t', ' '), true) !== undefined) read++
    }),
    { numRuns: 400 },
  )
  assert.ok(read > 50, String(read))
})

test('a stream is cut into its documents, and every place is that of the file', () => {
  const text = '# head\n---\na: 1\nb: {c: d}\n--- # two\n\nkind: |\n  block\nlast: x\n---\n---\n- x\n-  y: 2\n   z: 3\n'
  const [quick, slow] = [readDocuments(file(text)), parseFile(file(text))]
  assert.deepEqual(quick.documents.map(({ value }) => value), slow.documents.map(({ value }) => value))
  const paths = [[], ['a'], ['b', 'c'], ['last'], [1, 'z'], ['none']]
  assert.deepEqual(
    quick.documents.map((d) => [d.at, ...paths.map((path) => d.locate(path)), ...paths.map((path) => d.locateKey(path))]),
    slow.documents.map((d) => [d.at, ...paths.map((path) => d.locate(path)), ...paths.map((path) => d.locateKey(path))]),
  )
})

test('problems of one document stand where they are, and the others are read', () => {
  const text = 'a: 1\n---\nb: [1\n---\nc: 0.5\n---\nd: 2\nd: 3\n'
  const { documents, diagnostics } = readDocuments(file(text))
  assert.deepEqual(documents.map(({ value }) => Object.keys(value as object)), [['a'], ['c'], ['d']])
  assert.deepEqual(diagnostics.every(({ at }) => at.line === 3 || at.line === 4), true, JSON.stringify(diagnostics))
  assert.deepEqual(documents.flatMap(({ problems }) => problems.map(({ code, at }) => `${at.line}:${at.column} ${code}`)), ['5:4 wrong-type', '8:1 duplicate-key'])
})

test('a text of many thousand documents is read in a moment', () => {
  const text = Array.from({ length: 20_000 }, (_, i) => `kind: Pod\nmetadata:\n  name: p${i}\nspec:\n  containers:\n  - name: c\n    ports:\n    - containerPort: 80\n`).join('---\n')
  const began = performance.now()
  assert.equal(readDocuments(file(text)).documents.length, 20_000)
  assert.ok(performance.now() - began < 10_000)
})
