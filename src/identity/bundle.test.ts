import assert from 'node:assert/strict'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { bundleLimits, bundlePem, decodeBundle, encodeBundle } from './bundle.ts'
import { openBundleStore } from './bundle-store.ts'
import { certificatesOfPem } from './pem.ts'
import { authorityExtensions, makeCertificate, scratch, start, svidExtensions, testAuthority } from './testing.ts'
import type { TrustBundle } from './bundle.ts'
import type { Made } from './testing.ts'
import type { TestContext } from 'node:test'

const td = 'tre.example.org'

function document(t: TestContext): { readonly bundle: TrustBundle; readonly text: string; readonly raw: { keys: Record<string, unknown>[]; spiffe_sequence: number } } {
  const bundle = testAuthority(t, td).authority.bundle()
  const text = encodeBundle(bundle)
  return { bundle, text, raw: JSON.parse(text) as never }
}

function reasonOf(value: unknown): string {
  const decoded = decodeBundle(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), td)
  return decoded.kind === 'refused' ? decoded.reason : `${decoded.authorities.length} authorities`
}

test('a bundle is a JWK set as the SPIFFE standard has it', (t) => {
  const { bundle, text, raw } = document(t)
  const [key] = raw.keys
  assert.equal(raw.keys.length, 1)
  assert.deepEqual(Object.keys(key ?? {}).sort(), ['crv', 'kty', 'use', 'x', 'x5c', 'y'])
  assert.deepEqual([key?.['use'], key?.['kty'], key?.['crv'], (key?.['x5c'] as string[]).length], ['x509-svid', 'EC', 'P-256', 1])
  assert.deepEqual(Object.keys(raw).sort(), ['keys', 'spiffe_refresh_hint', 'spiffe_sequence'])
  assert.deepEqual(decodeBundle(Buffer.from(text), td), bundle)
  assert.equal(certificatesOfPem(bundlePem(bundle))?.length, 1)
})

test('numbers of 64 bits are kept to the last digit', (t) => {
  const { bundle } = document(t)
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (sequence) => {
    const decoded = decodeBundle(Buffer.from(encodeBundle({ ...bundle, sequence })), td)
    assert.ok(decoded.kind === 'trust-bundle')
    assert.equal(decoded.sequence, sequence)
  }), { numRuns: 50 })
})

test('keys that are about something else are passed over, as the standard asks', (t) => {
  const { raw } = document(t)
  const [key] = raw.keys
  const more = [{ use: 'jwt-svid', kty: 'EC' }, { use: 'x509-svid', kty: 'PQ' }, { ...key, x5c: [] }, { use: 'sig' }, {}]
  assert.equal(reasonOf({ ...raw, keys: [...raw.keys, ...more], other: { a: [1] } }), '1 authorities')
  assert.equal(reasonOf({ keys: [] }), '0 authorities')
  assert.equal(reasonOf({ keys: [key, key] }), '1 authorities')
  assert.equal(reasonOf({ keys: [{ ...key, x5c: [...key?.['x5c'] as string[], 'anything'] }] }), '1 authorities')
})

test('a bundle with anything odd in it is refused as a whole', (t) => {
  const { raw } = document(t)
  const [key] = raw.keys
  const folder = scratch(t)
  const jwk = ({ der }: Made): object => ({ ...key, x5c: [der.toString('base64')] })
  const leaf = makeCertificate(folder, 'leaf', { extensions: svidExtensions(`spiffe://${td}/a`) })
  const foreign = makeCertificate(folder, 'foreign', { subject: '/CN=x', extensions: [...authorityExtensions, 'subjectAltName=URI:spiffe://partner.example.org'] })
  const cases: readonly (readonly [unknown, RegExp])[] = [
    ['', /not a JSON/], ['{', /not a JSON/], ['null', /not a set/], ['[]', /not a set/], ['{}', /not a set/], [{ keys: {} }, /not a set/], [{ keys: [1] }, /no object/],
    ['{"keys": []} x', /not a JSON/], ['\uFEFF{"keys": [], "a": \u0000}', /not a JSON/],
    [{ keys: [{ ...key, x5c: 'x' }] }, /no list/], [{ keys: [{ ...key, x5c: ['!'] }] }, /not base64/], [{ keys: [{ ...key, x5c: [1] }] }, /not base64/], [{ keys: [{ ...key, x5c: ['AAAA'] }] }, /cannot be read/],
    [{ keys: [{ ...key, x: key?.['y'] }] }, /not its certificate's/],
    [{ keys: [jwk(leaf)] }, /not an authority's/], [{ keys: [jwk(foreign)] }, /not its certificate's/],
    [{ keys: [], spiffe_sequence: -1 }, /counts/], [{ keys: [], spiffe_sequence: 1.5 }, /counts/], [{ keys: [], spiffe_sequence: '1' }, /counts/], ['{"keys": [], "spiffe_sequence": 1e3}', /counts/],
    ['{"keys": [], "spiffe_sequence": 18446744073709551616}', /counts/], [{ keys: [], spiffe_refresh_hint: 'soon' }, /seconds/], [{ keys: [], spiffe_refresh_hint: 2 ** 40 }, /seconds/],
    [{ keys: Array.from({ length: bundleLimits.keys + 1 }, () => ({})) }, /more than 256 keys/],
    [`{"keys": [], "a": "${'x'.repeat(bundleLimits.bytes)}"}`, /larger than/], ['['.repeat(500_000), /not a JSON/], [`{"keys": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`, /not a JSON|no object/],
  ]
  for (const [value, expected] of cases) assert.match(reasonOf(value), expected, JSON.stringify(value).slice(0, 80))
  assert.equal(decodeBundle(Buffer.from([0x7b, 0xff, 0x7d]), td).kind, 'refused')
  assert.equal(decodeBundle(Buffer.from('{"keys":[]}'), 'not/one').kind, 'refused')
})

test('an authority that says it is of another trust domain is refused', (t) => {
  const theirs = testAuthority(t, 'partner.example.org').authority.bundle()
  const decoded = decodeBundle(Buffer.from(encodeBundle(theirs)), td)
  assert.ok(decoded.kind === 'refused')
  assert.match(decoded.reason, /another trust domain/)
})

test('whatever the text is, decoding it ends with an answer', (t) => {
  const { text } = document(t)
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(text.length - 1), fc.string({ maxLength: 4 }), fc.nat(20)), { maxLength: 5 }), (edits) => {
    let changed = text
    for (const [at, piece, cut] of edits) changed = changed.slice(0, at) + piece + changed.slice(at + cut)
    assert.ok(['trust-bundle', 'refused'].includes(decodeBundle(Buffer.from(changed), td).kind))
  }), { numRuns: 500 })
  fc.assert(fc.property(fc.json(), (json) => {
    assert.ok(['trust-bundle', 'refused'].includes(decodeBundle(Buffer.from(json), td).kind))
  }), { numRuns: 500 })
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    assert.ok(['trust-bundle', 'refused'].includes(decodeBundle(bytes, td).kind))
  }), { numRuns: 300 })
})

test('an older bundle never replaces a newer one, also after a restart', (t) => {
  const folder = scratch(t)
  const { bundle } = document(t)
  const other = testAuthority(t, td).authority.bundle()
  const numbered = (sequence: bigint | undefined, from = bundle): TrustBundle => ({ ...from, sequence })
  let store = openBundleStore(folder)
  assert.equal(store.accept(numbered(undefined), start), 'changed')
  assert.equal(store.accept(numbered(7n), start), 'changed')
  assert.equal(store.accept(numbered(7n), start), 'unchanged')
  store = openBundleStore(folder)
  for (const old of [numbered(6n), numbered(undefined), numbered(6n, other), numbered(7n, other)]) assert.throws(() => store.accept(old, start), { code: 'bundle-replayed' })
  assert.equal(store.get(td)?.bundle.sequence, 7n)
  assert.equal(store.accept(numbered(8n, other), start), 'changed')
  assert.deepEqual(openBundleStore(folder).all().get(td), numbered(8n, other))
  store.replace(numbered(1n), start)
  assert.equal(openBundleStore(folder).get(td)?.bundle.sequence, 1n)
  for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600)
  store.remove(td)
  assert.equal(openBundleStore(folder).all().size, 0)
})

test('what another process puts into the store is taken up', (t) => {
  const folder = scratch(t)
  const { bundle } = document(t)
  const store = openBundleStore(folder)
  openBundleStore(folder).replace(bundle, start)
  assert.equal(store.get(td), undefined)
  assert.deepEqual(store.reload(), [td])
  assert.deepEqual(store.reload(), [])
  assert.deepEqual(store.get(td)?.bundle, bundle)
})

test('a damaged store is an error that names the file, not an empty one', (t) => {
  const folder = scratch(t)
  openBundleStore(folder).replace(document(t).bundle, start)
  const file = join(folder, `${td}.json`)
  const text = readFileSync(file, 'utf8')
  for (const damaged of ['', text.slice(0, -40), text.replace('keys', 'kois')]) {
    writeFileSync(file, damaged)
    assert.throws(() => openBundleStore(folder), { code: 'identity-damaged', message: new RegExp(`${td}\\.json`) })
  }
})

test('names of trust domains too long for a file are kept apart all the same', (t) => {
  const folder = scratch(t)
  const store = openBundleStore(folder)
  const names = [`${'a'.repeat(250)}.b`, `${'a'.repeat(250)}.c`, '..', '.']
  for (const trustDomain of names) store.replace({ kind: 'trust-bundle', trustDomain, authorities: [], sequence: 1n, refreshHint: undefined }, start)
  assert.deepEqual([...openBundleStore(folder).all().keys()].sort(), [...names].sort())
})
