import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readLine } from './lines.ts'
import { noZones } from './zones.ts'
import { parseServer } from './upstream.ts'

test('a state is taken whole or not at all', () => {
  const state = { kind: 'state', serial: 7, zones: noZones, upstream: ['192.0.2.53', '[2001:db8::53]:5353'] }
  assert.deepEqual(readLine(JSON.stringify(state)), {
    kind: 'state', serial: 7, zones: noZones, upstream: [{ address: '192.0.2.53', port: 53 }, { address: '2001:db8::53', port: 5353 }],
  })
  for (const wrong of [{ ...state, upstream: ['dns.example'] }, { ...state, zones: {} }, { ...state, more: 1 }, { ...state, serial: 'x' }]) {
    assert.equal(readLine(JSON.stringify(wrong)).kind, 'rejected')
  }
})

test('admissions are granted in no other words than theirs', () => {
  assert.deepEqual(readLine('{"kind":"admitted","id":3}'), { kind: 'admitted', id: 3, admitted: true })
  assert.deepEqual(readLine('{"kind":"not-admitted","id":3,"reason":"full"}'), { kind: 'admitted', id: 3, admitted: false })
  assert.deepEqual(readLine('{"kind":"flush"}'), { kind: 'flush' })
  for (const text of ['{"kind":"admitted"}', '{"kind":"admitted","id":"3"}', '{"kind":"yes","id":3}', '[]', 'null', '']) assert.equal(readLine(text).kind, 'rejected', text)
})

test('any line is understood or rejected', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void readLine(text)), { numRuns: 500 })
})

test('servers upstream are addresses with or without a port, never names', () => {
  assert.deepEqual(['192.0.2.1', '192.0.2.1:5353', '2001:db8::1', '[2001:db8::1]', '[2001:db8::1]:5353'].map(parseServer), [
    { address: '192.0.2.1', port: 53 }, { address: '192.0.2.1', port: 5353 }, { address: '2001:db8::1', port: 53 }, { address: '2001:db8::1', port: 53 }, { address: '2001:db8::1', port: 5353 },
  ])
  assert.deepEqual(['dns.example', '', '192.0.2.1:0', '192.0.2.1:70000', '999.1.1.1', '2001:db8::1::2', '192.0.2.1;x'].map(parseServer), Array.from({ length: 7 }))
})
