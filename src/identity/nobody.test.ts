import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { nobodysRoot } from './nobody.ts'

test('the root of nobody is a proper authority of the trust domain, and another one for each', () => {
  const root = new X509Certificate(nobodysRoot('lab.example'))
  assert.equal(root.ca, true)
  assert.equal(root.subjectAltName, 'URI:spiffe://lab.example')
  assert.ok(root.verify(root.publicKey))
  assert.equal(nobodysRoot('lab.example'), nobodysRoot('lab.example'))
  assert.notEqual(nobodysRoot('lab.example'), nobodysRoot('other.example'))
})
