import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { sha256 } from './sha256.ts'

test('it is what the runtime says, for texts of every length and letter', () => {
  const real = (text: string): string => createHash('sha256').update(text).digest('hex')
  for (let length = 0; length < 200; length++) assert.equal(sha256('a'.repeat(length)), real('a'.repeat(length)))
  assert.equal(sha256('x'.repeat(100_003)), real('x'.repeat(100_003)))
  fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => assert.equal(sha256(text), real(text))), { numRuns: 300 })
  assert.equal(sha256('', 16), 'e3b0c44298fc1c14')
})
