import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { domainMatches, domainsOverlap, formatDomainPattern, parseDomain, parseDomainPattern } from './domain.ts'
import type { DomainPattern } from './domain.ts'

const names = fc.array(fc.constantFrom('a', 'b', 'xn--c'), { minLength: 2, maxLength: 4 }).map((labels) => labels.join('.'))
const patterns: fc.Arbitrary<DomainPattern> = fc.tuple(names, fc.boolean()).map(([name, below]) => ({ kind: 'domain', name, below }))

function pattern(text: string): DomainPattern {
  const parsed = parseDomainPattern(text)
  assert.ok(parsed, text)
  return parsed
}

test('a pattern that is printed and parsed again is the same pattern', () => {
  fc.assert(fc.property(patterns, (value) => assert.deepEqual(parseDomainPattern(formatDomainPattern(value)), value)))
})

test('whatever matches two patterns shows that they overlap', () => {
  fc.assert(
    fc.property(patterns, patterns, names, (a, b, name) => {
      assert.equal(domainsOverlap(a, b), domainsOverlap(b, a))
      if (domainMatches(a, name) && domainMatches(b, name)) assert.ok(domainsOverlap(a, b))
    }),
  )
})

test('two patterns that overlap have a common name', () => {
  fc.assert(
    fc.property(patterns, patterns, (a, b) => {
      if (!domainsOverlap(a, b)) return
      const candidates = [a.name, b.name, `z.${a.name}`, `z.${b.name}`]
      assert.ok(candidates.some((name) => domainMatches(a, name) && domainMatches(b, name)))
    }),
  )
})

test('a wildcard holds every depth below its name, but not the name and not a longer last label', () => {
  const value = pattern('*.pypi.org')
  assert.ok(domainMatches(value, 'files.pypi.org'))
  assert.ok(domainMatches(value, 'a.b.pypi.org'))
  assert.ok(!domainMatches(value, 'pypi.org'))
  assert.ok(!domainMatches(value, 'evilpypi.org'))
})

test('case and a trailing dot do not make another name', () => {
  assert.equal(parseDomain('PyPI.org.'), 'pypi.org')
  assert.deepEqual(pattern('*.PyPI.Org.'), pattern('*.pypi.org'))
})

const refused = ['*', '*.org', 'localhost', 'a.*.org', '*a.org', '', '.', '.pypi.org', 'pypi..org', '-a.org', 'a-.org', '10.0.0.1', 'a b.org', '*.*.org']

for (const text of refused) {
  test(`\`${text}\` is not a domain pattern`, () => {
    assert.equal(parseDomainPattern(text), undefined)
  })
}

test('a name longer than DNS allows is refused', () => {
  assert.equal(parseDomain(`${'a'.repeat(64)}.org`), undefined)
  assert.equal(parseDomain(`${'a.'.repeat(126)}org`), undefined)
})
