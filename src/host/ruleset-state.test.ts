import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fingerprint } from './ruleset-state.ts'

const table = (over: Record<string, unknown>, elem: unknown[] = []): unknown => ({
  nftables: [
    { metainfo: { version: '1.0.6' } },
    { table: { family: 'inet', name: 'bulkhead', handle: 1 } },
    { map: { family: 'inet', table: 'bulkhead', name: 'pol', type: 'mark', handle: 2, elem } },
    { rule: { family: 'inet', table: 'bulkhead', chain: 'forward', handle: 3, expr: [{ counter: { packets: 5, bytes: 300 } }, { drop: null }], ...over } },
  ],
})

test('what moves by itself changes nothing: handles, counters, remaining time, the order of elements', () => {
  const a = fingerprint(table({}, [{ elem: { val: 1, expires: 9, counter: { packets: 1 } } }, { elem: { val: 2 } }]))
  const b = fingerprint(table({ handle: 77, expr: [{ counter: { packets: 9, bytes: 0 } }, { drop: null }] }, [{ elem: { val: 2 } }, { elem: { val: 1, expires: 3, counter: { packets: 4 } } }]))
  assert.equal(a, b)
})

test('another rule, another element and a missing table are seen', () => {
  const plain = fingerprint(table({}))
  assert.notEqual(fingerprint(table({ expr: [{ accept: null }] })), plain)
  assert.notEqual(fingerprint(table({}, [{ elem: { val: 3 } }])), plain)
  assert.equal(fingerprint({ nftables: [] }), undefined)
})

test('a table of our name in another family is not ours', () => {
  assert.equal(fingerprint({ nftables: [{ table: { family: 'ip', name: 'nat' } }, { table: { family: 'ip', name: 'bulkhead' } }] }), undefined)
})

test('what a rule has learnt into a set is no change', () => {
  const learning = (elem: unknown[]): unknown => ({
    nftables: [
      { set: { family: 'inet', table: 'bulkhead', name: 'connections', type: 'devgroup', size: 65_535, elem } },
      { rule: { family: 'inet', table: 'bulkhead', chain: 'permit', expr: [{ set: { op: 'add', elem: 1, set: '@connections', stmt: [{ 'ct count': { val: 9 } }] } }] } },
    ],
  })
  assert.equal(fingerprint(learning([])), fingerprint(learning([{ elem: { val: 16 } }])))
})
