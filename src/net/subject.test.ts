import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { coversSubject, meetSubjects, subjectProblem, widestSubjects } from './subject.ts'

test('a subject is parts between dots, with wildcards after the first part', () => {
  for (const sound of ['orders', 'orders.*', 'orders.>', 'a.*.c.*.>', 'Orders_1.new-2']) assert.equal(subjectProblem(sound), undefined, sound)
  for (const bad of ['', '.', 'a.', '.a', 'a..b', '>', '*', '*.a', 'a.>.b', 'a.b>', 'a.*b', '$SYS.x', '_INBOX.a.b', 'a b', 'a\nb', 'ä', `a.${'b'.repeat(300)}`]) {
    assert.notEqual(subjectProblem(bad), undefined, JSON.stringify(bad))
  }
})

const part = fc.constantFrom('a', 'b')
const literal = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'))
const pattern = fc.tuple(fc.array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 3 }), fc.boolean()).map(([parts, rest]) => [...parts, ...(rest ? ['>'] : [])].join('.'))

/** What a pattern means, as a regular expression. */
function means(text: string): RegExp {
  return new RegExp(`^${text.split('.').map((t) => (t === '*' ? '[^.]+' : t === '>' ? '[^.]+(?:\\.[^.]+)*' : t)).join('\\.')}$`)
}

test('a pattern covers exactly the subjects that it stands for', () => {
  fc.assert(fc.property(pattern, literal, (p, s) => assert.equal(coversSubject(p, s), means(p).test(s))))
})

test('what two patterns have in common is what is in both', () => {
  fc.assert(fc.property(pattern, pattern, literal, (p, q, s) => {
    const both = meetSubjects(p, q)
    assert.equal(both !== undefined && means(both).test(s), means(p).test(s) && means(q).test(s))
  }))
})

test('a pattern that covers another makes it needless, and never one that it does not cover', () => {
  assert.deepEqual(widestSubjects(['a.b', 'a.>', 'c', 'a.*', 'c', 'b.*.c', 'b.x.c']), ['a.>', 'b.*.c', 'c'])
  fc.assert(fc.property(fc.array(pattern, { maxLength: 5 }), literal, (all, s) => {
    assert.equal(widestSubjects(all).some((p) => means(p).test(s)), all.some((p) => means(p).test(s)))
  }))
})
