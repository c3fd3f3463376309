import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFile } from '../model/syntax.ts'
import { readDocuments } from './documents.ts'

const file = (text: string) => ({ path: 'a.yaml', absolute: '/a.yaml', text })

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
