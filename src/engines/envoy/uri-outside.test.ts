import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { uriOutside } from './uri-outside.ts'

const start = 'spiffe://a-b.example/'
const outside = new RegExp(`^${uriOutside(start)}$`)

test('a URI is outside unless it begins so, and a name without a colon is neither', () => {
  const texts = [
    'spiffe://a-b.example/x', start, 'spiffe://a-b.example', 'spiffe://a-b.examplf/', 'spiffe://a-b.example.org/x', 'spiffe://other.example/', 'SPIFFE://a-b.example/x', 'spiffe:', 'spiff:x', 'spiffee:x', ':', 'https://a-b.example/', 'xspiffe://a-b.example/x',
    'a-b.example', 'spiffe', '', 'spiffe//a-b.example/',
  ]
  for (const text of texts) assert.equal(outside.test(text), text.includes(':') && !text.startsWith(start), text)
})

test('any text is judged as it would be letter by letter', () => {
  const near = fc.tuple(fc.nat(start.length), fc.string({ unit: fc.constantFrom(...'spife:/a-b.exmlz0~!') })).map(([length, more]) => start.slice(0, length) + more)
  fc.assert(fc.property(near, (text) => outside.test(text) === (text.includes(':') && !text.startsWith(start))))
})
