import assert from 'node:assert/strict'
import { test } from 'node:test'
import { documentSet, readDocumentSet } from './document-set.ts'

const set = documentSet('/set', [{ path: 'a.yaml', absolute: '/set/a.yaml', text: 'kind: Enclave' }])

test('a set is read as it was written', () => {
  assert.deepEqual(readDocumentSet(JSON.parse(JSON.stringify(set))), set)
})

test('a set whose files are not those of its hash is none: what is told of the hash would be untrue of the files', () => {
  for (const files of [[], [{ path: 'b.yaml', absolute: '/set/a.yaml', text: 'kind: Enclave' }], [{ path: 'a.yaml', absolute: '/set/a.yaml', text: 'kind: Stack' }]]) {
    assert.throws(() => readDocumentSet({ ...set, files }), /not a set of documents/)
  }
})
