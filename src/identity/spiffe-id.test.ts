import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { workloadSpiffeId } from '../model/workload-id.ts'
import { bundleEndpointSpiffeId, isTrustDomain, parseSpiffeId, requireSpiffeId } from './spiffe-id.ts'

test('a SPIFFE ID has a trust domain and a path', () => {
  assert.deepEqual(parseSpiffeId('spiffe://tre.example.org/enclave/research/workload/db'), {
    kind: 'spiffe-id', text: 'spiffe://tre.example.org/enclave/research/workload/db', trustDomain: 'tre.example.org', path: '/enclave/research/workload/db',
  })
  assert.equal(parseSpiffeId('spiffe://tre.example.org')?.path, '')
})

test('what two programs could read in two ways is no SPIFFE ID', () => {
  const wrong = [
    '', 'spiffe://', 'spiffe:///a', 'SPIFFE://a/b', 'spiffe:/a/b', 'https://a/b', 'spiffe://A/b', 'spiffe://a:1/b', 'spiffe://u@a/b', 'spiffe://a/', 'spiffe://a/b/', 'spiffe://a//b',
    'spiffe://a/./b', 'spiffe://a/../b', 'spiffe://a/%62', 'spiffe://a/b?c', 'spiffe://a/b#c', 'spiffe://a/b c', ' spiffe://a/b', 'spiffe://a/b\n', 'spiffe://a/b\0', 'spiffe://ä/b', 'spiffe://[::1]/b',
    `spiffe://${'a'.repeat(256)}/b`, `spiffe://a/${'b'.repeat(2048)}`, 'spiffe://a/*',
  ]
  for (const text of wrong) assert.equal(parseSpiffeId(text), undefined, text)
})

test('a text is a SPIFFE ID exactly when its parts are what the standard allows', () => {
  const piece = fc.oneof(fc.constantFrom('.', '..', '', 'a', 'A-b_c.d', '%41', 'é', 'x y'), fc.string({ maxLength: 6 }))
  fc.assert(fc.property(piece, fc.array(piece, { maxLength: 4 }), (domain, parts) => {
    const text = ['spiffe:/', '', domain, ...parts].join('/').replace('spiffe://', 'spiffe:/')
    const good = /^[a-z0-9._-]+$/.test(domain) && parts.every((p) => /^[A-Za-z0-9._-]+$/.test(p) && p !== '.' && p !== '..')
    assert.equal(parseSpiffeId(text) !== undefined, good, text)
  }))
})

test('identities of the platform are SPIFFE IDs', () => {
  for (const text of [workloadSpiffeId('t.example', 'research/db'), bundleEndpointSpiffeId('t.example')]) assert.equal(requireSpiffeId(text).text, text)
  assert.equal(workloadSpiffeId('t.example', 'research/db'), 'spiffe://t.example/enclave/research/workload/db')
  assert.ok(!isTrustDomain('t.example/x'))
  assert.throws(() => requireSpiffeId('spiffe://t.example/..'), { code: 'spiffe-id-invalid' })
})
