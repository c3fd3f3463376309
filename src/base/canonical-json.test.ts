import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson } from './canonical-json.ts'

test('one line holds what many lines hold, in the same order', () => {
  const plain = fc.anything({ withBigInt: true, withDate: true, withSet: true, withNullPrototype: true, withObjectString: true, withSparseArray: true })
  fc.assert(fc.property(plain, (value) => {
    assert.equal(canonicalJson(value), JSON.stringify(JSON.parse(canonicalJson(value, 2))))
  }), { numRuns: 1_000 })
})

test('keys are sorted, what is not there is left out, and numbers among keys come first', () => {
  assert.equal(canonicalJson({ b: [undefined, 1n], a: undefined, '443': 1, '80': new Map<string, unknown>([['y', 1], ['x', new Set([2])]]) }), '{"80":{"x":[2],"y":1},"443":1,"b":[null,"1"]}')
  assert.equal(canonicalJson({ z: { b: 1, a: 'é"' }, at: new Date(0) }), '{"at":"1970-01-01T00:00:00.000Z","z":{"a":"é\\"","b":1}}')
  assert.equal(canonicalJson(undefined), 'null')
})
