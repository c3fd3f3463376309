import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'node:test'
import { canonicalJson } from './canonical-json.ts'
import { manualClock } from './clock.ts'
import { escapeText, formatDiagnostic, quote, sortDiagnostics } from './diagnostic.ts'
import { didYouMean, suggest } from './suggest.ts'
import type { Diagnostic } from './diagnostic.ts'

test('a slip, a swap, a case or a part left off is recognised; another word is not', () => {
  const words = ['api-service', 'postgres-db', 'web']
  assert.equal(suggest('api-servcie', words), 'api-service')
  assert.equal(suggest('Web', words), 'web')
  assert.equal(suggest('postgres', words), 'postgres-db')
  assert.equal(suggest('notebook', words), undefined)
  assert.equal(suggest('x', words), undefined)
  assert.equal(suggest('', words), undefined)
  assert.equal(didYouMean('wbe', words), 'did you mean `web`?')
})

test('of two that are as near the first in the alphabet is suggested', () => {
  assert.equal(suggest('cat', ['car', 'bat']), 'bat')
})

test('a suggestion takes no time on long words', () => {
  assert.equal(suggest('a'.repeat(100_000), ['b'.repeat(100_000)]), undefined)
})

test('quoted text is on one line, short, and drives no terminal', () => {
  assert.equal(quote('a\n\u001b[31mb`\u202e'), '`a\\n\\u{1b}[31mb\\`\\u{202e}`')
  assert.ok(quote('x'.repeat(1000)).length < 130)
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/[\p{Cc}\p{Cf}\p{Cs}]/u.test(escapeText(text))))
})

test('diagnostics are in the order of their places, each once', () => {
  const at = (line: number): Diagnostic => ({ code: 'wrong-type', severity: 'error', message: 'm', at: { file: 'a', line, column: 1 } })
  assert.deepEqual(sortDiagnostics([at(2), at(1), at(2)]).map((d) => d.at.line), [1, 2])
  assert.equal(formatDiagnostic({ ...at(3), help: 'h' }), 'a:3:1: error: m [wrong-type]\n  help: h')
})

test('one value has one JSON text, whatever the order of its keys', () => {
  assert.equal(canonicalJson({ b: 1n, a: [new Map([['y', 1], ['x', undefined]]), new Set([2])] }), '{"a":[{"y":1},[2]],"b":"1"}')
  assert.equal(canonicalJson(JSON.parse('{"__proto__": 1, "a": 2}')), '{"__proto__":1,"a":2}')
  fc.assert(fc.property(fc.jsonValue(), (value) => assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)))))
})

test('a manual clock stands still until it is moved', () => {
  const clock = manualClock(5)
  clock.advance(10)
  assert.deepEqual([clock.now(), clock.now()], [15, 15])
})
