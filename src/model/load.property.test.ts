import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'node:test'
import { hasErrors } from '../base/diagnostic.ts'
import { loadPlatform } from './load.ts'
import { isKindName, kindNames, kinds } from './schema/kinds.ts'
import { load, scene } from './testing/set.ts'
import { measured } from '../base/testing.ts'

/** What has to hold of any input whatever: an answer in time, and a platform exactly when there is no error. */
function judge(input: string | Readonly<Record<string, string>>): void {
  const { value: { platform, diagnostics }, ms } = measured(() => load(input))
  assert.ok(ms < 2_000, `${ms} ms`)
  assert.equal(platform === undefined, hasErrors(diagnostics))
  for (const d of diagnostics) {
    assert.ok(d.at.line >= 1 && d.at.column >= 1)
    // Whatever the text was, a message stays on its line and drives no terminal.
    assert.doesNotMatch(d.message + (d.help ?? ''), /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
  }
}

const pieces = ['---\n', '- ', ': ', '? ', '{', '}', '[', ']', ', ', '\n', '  ', '\t', '"', "'", '|\n', '>\n', '#', '&a ', '*a', '!!str ', '<<', '%YAML 1.1\n', '...\n', '\\', '\0', '\u202e', '\ud800', '\ufeff', '\r\n', '~', '0x1', '1e999', '.inf',
  'apiVersion: bulkhead.dev/v1\n', 'kind: ', 'metadata: {name: a, enclave: b}\n', 'spec: ', 'policy: ', 'source', 'destination', 'port', 'protocol', 'name', 'enclave', '__proto__', 'constructor', 'toString', '*', 'a', 'b', 'group:a', 'external:a', ...kindNames]

test('any text is answered, and nothing throws', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), judge), { numRuns: 500 })
  fc.assert(fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 60 }), (parts) => judge(parts.join(''))), { numRuns: 1500 })
  fc.assert(fc.property(fc.json(), (text) => judge({ 'a.json': text })), { numRuns: 300 })
})

test('valid documents with something cut out, doubled or put in are answered, and nothing throws', () => {
  const examples = `${scene}${kindNames.map((name) => `---\n${kinds[name].example}\n`).join('')}`
  const edit = fc.record({ at: fc.nat(examples.length), cut: fc.nat(30), put: fc.constantFrom('', ...pieces) })
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      judge(edits.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), examples))
    }),
    { numRuns: 300 },
  )
})

test('documents of the right shape with any values are answered, and nothing throws', () => {
  const word = fc.constantFrom('a', 'b', 'a/b', 'a/*', '*', 'group:a', 'external:a', 'peer:a/b/c', 'spiffe://bulkhead.internal/enclave/a/workload/b', 'tcp', 'icmp', 'any', '1-2', '10.0.0.0/8', '::/0', 'allow', '/x', '2031-01-01', '__proto__', '')
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 3 }, word, fc.integer(), fc.boolean(), fc.constant(null), fc.array(tie('tree'), { maxLength: 3 }), fc.dictionary(fc.constantFrom(...fieldNames()), tie('tree'), { maxKeys: 6 })),
  }))
  const made = fc.record({
    apiVersion: fc.constant('bulkhead.dev/v1'),
    kind: fc.constantFrom(...kindNames, 'Other'),
    metadata: fc.record({ name: fc.constantFrom('a', 'b'), enclave: fc.constantFrom('a', 'b') }, { requiredKeys: ['name'] }),
    spec: tree,
  })
  fc.assert(fc.property(fc.array(made, { maxLength: 8 }), (docs) => judge(docs.map((d) => `---\n${JSON.stringify(d)}\n`).join(''))), { numRuns: 500 })
})

test('the progress of reading never goes back, and ends at the whole', () => {
  const files = [{ path: 'a.yaml', absolute: '/a.yaml', text: scene }, { path: 'b.yaml', absolute: '/b.yaml', text: 'kind: Nothing\n' }]
  for (const some of [files, []]) {
    const shares: number[] = []
    loadPlatform(some, { now: 0, progress: (share) => shares.push(share) })
    assert.deepEqual(shares, shares.toSorted((a, b) => a - b))
    assert.ok(shares.every((share) => share >= 0 && share <= 1))
    assert.equal(shares.at(-1), 1)
  }
})

test('the example of every kind is what its schema accepts', () => {
  for (const name of kindNames) {
    assert.ok(isKindName(name))
    const shape = load(kinds[name].example).diagnostics.filter((d) => !['unknown-reference', 'telemetry-without-risk'].includes(d.code))
    assert.deepEqual(shape, [], name)
  }
})

function fieldNames(): readonly string[] {
  return [...new Set(Object.values(kinds).flatMap(({ spec }) => Object.keys(spec.shape)))]
}
