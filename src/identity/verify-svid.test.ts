import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readCertificate } from './certificate.ts'
import { toPem } from './pem.ts'
import { verifySvid } from './verify-svid.ts'
import { authorityExtensions, chainOf, hour, makeCertificate, minute, scratch, svidExtensions, testAuthority } from './testing.ts'
import { measured } from '../base/testing.ts'
import type { TrustBundle } from './bundle.ts'
import type { Made } from './testing.ts'

const td = 'tre.example.org'
const id = `spiffe://${td}/enclave/research/workload/db`

function bundles(...all: readonly TrustBundle[]): ReadonlyMap<string, TrustBundle> {
  return new Map(all.map((bundle) => [bundle.trustDomain, bundle]))
}

function bundleOf(trustDomain: string, ...roots: readonly Made[]): TrustBundle {
  const authorities = roots.map(({ der }) => readCertificate(der)).filter((read) => read.kind === 'certificate')
  assert.equal(authorities.length, roots.length)
  return { kind: 'trust-bundle', trustDomain, authorities, sequence: undefined, refreshHint: undefined }
}

function reason(chain: readonly Uint8Array[], by: ReadonlyMap<string, TrustBundle>, now: number): string {
  const verdict = verifySvid(chain, by, now)
  return verdict.kind === 'accepted' ? `accepted ${verdict.id.text}` : verdict.reason
}

test('an SVID is accepted with the bundle of its trust domain, within its time, and by nobody else', (t) => {
  const ours = testAuthority(t)
  const theirs = testAuthority(t, 'partner.example.org')
  const svid = ours.authority.issue(id)
  const chain = chainOf(svid)
  const all = bundles(ours.authority.bundle(), theirs.authority.bundle())
  const now = ours.now()
  assert.equal(reason(chain, all, now), `accepted ${id}`)
  assert.equal(reason(chain, bundles(theirs.authority.bundle()), now), 'wrong-trust-domain')
  assert.equal(reason(chain, new Map(), now), 'wrong-trust-domain')
  assert.equal(reason(chain, all, svid.notAfter), `accepted ${id}`)
  assert.equal(reason(chain, all, svid.notAfter + 1), 'expired')
  assert.equal(reason(chain, all, svid.notBefore - 1), 'not-yet-valid')
  assert.equal(reason(chain, all, Number.NaN), 'not-yet-valid')
  assert.equal(reason([], all, now), 'no-certificate')
  assert.equal(reason(Array.from({ length: 9 }, () => chain[0] ?? Buffer.alloc(0)), all, now), 'chain-too-long')
  // A bundle under the name of another platform vouches for nobody, whatever key it is found by.
  assert.equal(reason(chain, new Map([[td, { ...theirs.authority.bundle(), trustDomain: td }]]), now), 'foreign-authority')
  assert.equal(reason(chain, new Map([[td, { ...ours.authority.bundle(), trustDomain: 'partner.example.org' }]]), now), 'wrong-trust-domain')
})

test('a chain without its intermediate, or in another order, leads where it leads', (t) => {
  const { authority, now } = testAuthority(t)
  const [leaf = Buffer.alloc(0), intermediate = Buffer.alloc(0)] = chainOf(authority.issue(id))
  const by = bundles(authority.bundle())
  const root = authority.bundle().authorities[0]?.der ?? Buffer.alloc(0)
  assert.equal(reason([leaf], by, now()), 'foreign-authority')
  assert.equal(reason([leaf, root, intermediate, intermediate], by, now()), `accepted ${id}`)
  assert.equal(reason([intermediate, leaf], by, now()), 'is-authority')
  assert.equal(reason([root], by, now()), 'is-authority')
})

test('what openssl makes is judged by what it says', (t) => {
  const folder = scratch(t)
  const now = Date.now() + minute
  const root = makeCertificate(folder, 'root', { subject: '/CN=root', extensions: [...authorityExtensions, `subjectAltName=URI:spiffe://${td}`] })
  const other = makeCertificate(folder, 'other', { subject: '/CN=root', extensions: authorityExtensions })
  const by = bundles(bundleOf(td, root))
  let made = 0
  const leaf = (extensions: readonly string[], more: { subject?: string; by?: Made } = {}): readonly Buffer[] => [makeCertificate(folder, `leaf${made++}`, { by: root, extensions, ...more }).der]
  const named = (uri: string): readonly string[] => svidExtensions(uri)
  const replaced = (from: string, to: readonly string[]): readonly string[] => [...named(id).filter((e) => !e.startsWith(from)), ...to]
  const cases: readonly (readonly [string, readonly Uint8Array[], string])[] = [
    ['as it should be', leaf(named(id)), `accepted ${id}`],
    ['also a name of a host', leaf(replaced('subjectAltName', [`subjectAltName=critical,DNS:db.example.org,URI:${id}`])), `accepted ${id}`],
    ['an rsa key', [makeCertificate(folder, 'rsa', { by: root, extensions: named(id), key: ['rsa:2048'] }).der], `accepted ${id}`],
    ['no names', leaf(svidExtensions()), 'no-uri'],
    ['two identities', leaf(svidExtensions(id, `spiffe://${td}/other`)), 'two-uris'],
    ['no SPIFFE ID', leaf(named('https://tre.example.org/a')), 'malformed-spiffe-id'],
    ['an ID that ends with a slash', leaf(named(`${id}/`)), 'malformed-spiffe-id'],
    ['an ID with dots', leaf(named(`spiffe://${td}/a/../b`)), 'malformed-spiffe-id'],
    ['the trust domain itself', leaf(named(`spiffe://${td}`)), 'no-path'],
    ['another trust domain', leaf(named('spiffe://partner.example.org/a')), 'wrong-trust-domain'],
    ['names not critical, no subject', leaf(replaced('subjectAltName', [`subjectAltName=URI:${id}`])), 'name-not-critical'],
    ['names not critical, a subject', leaf(replaced('subjectAltName', [`subjectAltName=URI:${id}`]), { subject: '/CN=x' }), `accepted ${id}`],
    ['the CA flag', leaf(replaced('basicConstraints', ['basicConstraints=critical,CA:TRUE'])), 'is-authority'],
    ['the right to sign', leaf(replaced('keyUsage', ['keyUsage=critical,digitalSignature,keyCertSign'])), 'is-authority'],
    ['the right to revoke', leaf(replaced('keyUsage', ['keyUsage=critical,digitalSignature,cRLSign'])), 'is-authority'],
    ['no key usage', leaf(replaced('keyUsage', [])), 'wrong-usage'],
    ['key usage not critical', leaf(replaced('keyUsage', ['keyUsage=digitalSignature'])), 'wrong-usage'],
    ['only for servers', leaf(replaced('extendedKeyUsage', ['extendedKeyUsage=serverAuth'])), 'wrong-usage'],
    ['for anything', leaf(replaced('extendedKeyUsage', [])), `accepted ${id}`],
    ['a critical extension of its own', leaf([...named(id), '1.2.3.4=critical,DER:05:00']), 'not-understood'],
    ['an extension of its own', leaf([...named(id), '1.2.3.4=DER:05:00']), `accepted ${id}`],
    ['signed by itself', [makeCertificate(folder, 'self', { extensions: named(id) }).der], 'self-signed'],
    ['another authority with the same name', leaf(named(id), { by: other }), 'foreign-authority'],
    ['no certificate', [Buffer.from('x')], 'malformed'],
  ]
  for (const [what, chain, expected] of cases) assert.equal(reason(chain, by, now), expected, what)
})

test('an authority may do what its own certificate says, and no more', (t) => {
  const folder = scratch(t)
  const now = Date.now() + minute
  const root = makeCertificate(folder, 'root', { subject: '/CN=root', extensions: ['basicConstraints=critical,CA:TRUE,pathlen:1', 'keyUsage=critical,keyCertSign'] })
  const by = bundles(bundleOf(td, root))
  const below = (name: string, above: Made, extensions: readonly string[]): Made => makeCertificate(folder, name, { subject: `/CN=${name}`, by: above, extensions })
  const under = (...above: readonly [Made, ...Made[]]): string => {
    const leaf = makeCertificate(folder, 'leaf', { by: above[0], extensions: svidExtensions(id) })
    return reason([leaf.der, ...above.map((made) => made.der)], by, now)
  }
  const first = below('first', root, authorityExtensions)
  assert.equal(under(first), `accepted ${id}`)
  assert.equal(under(below('second', first, authorityExtensions), first), 'path-too-deep')
  assert.equal(under(below('plain', root, svidExtensions(`spiffe://${td}/a`))), 'wrong-authority')
  assert.equal(under(below('no-usage', root, ['basicConstraints=critical,CA:TRUE'])), 'wrong-authority')
  assert.equal(under(below('no-flag', root, ['keyUsage=critical,keyCertSign'])), 'wrong-authority')
  assert.equal(under(below('with-path', root, [...authorityExtensions, `subjectAltName=URI:spiffe://${td}/a`])), 'wrong-authority')
  assert.equal(under(below('of-another', root, [...authorityExtensions, 'subjectAltName=URI:spiffe://partner.example.org'])), 'foreign-authority')
  assert.equal(under(below('constrained', root, [...authorityExtensions, 'nameConstraints=critical,permitted;URI:.example.org'])), 'not-understood')
  assert.equal(reason([makeCertificate(folder, 'leaf', { by: first, extensions: svidExtensions(id) }).der, first.der], by, now + 31 * 24 * hour), 'expired')
})

test('an SVID whose root has ended is refused, though its own time has not', (t) => {
  const folder = scratch(t)
  const root = makeCertificate(folder, 'root', { subject: '/CN=root', extensions: authorityExtensions })
  const read = readCertificate(root.der)
  assert.ok(read.kind === 'certificate')
  const chain = [makeCertificate(folder, 'leaf', { by: root, extensions: svidExtensions(id) }).der]
  const ended = { ...bundleOf(td, root), authorities: [{ ...read, notAfter: Date.now() - 1000 }] }
  assert.equal(reason(chain, bundles(ended), Date.now() + minute), 'authority-expired')
})

test('no change of a byte makes an accepted chain say something else', (t) => {
  const { authority, now } = testAuthority(t)
  const chain = chainOf(authority.issue(id))
  const by = bundles(authority.bundle())
  fc.assert(fc.property(fc.nat(chain.length - 1), fc.nat(2000), fc.integer({ min: 1, max: 255 }), (which, at, flip) => {
    const changed = chain.map((der, i) => {
      if (i !== which) return der
      const copy = Buffer.from(der)
      copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ flip
      return copy
    })
    assert.notEqual(verifySvid(changed, by, now()).kind, 'accepted', toPem('CERTIFICATE', changed[which] ?? Buffer.alloc(0)))
  }), { numRuns: 500 })
})

test('many authorities with one name and one key cost a bounded number of signatures', (t) => {
  const folder = scratch(t)
  const root = makeCertificate(folder, 'root', { subject: '/CN=loop', extensions: authorityExtensions })
  const loop = Array.from({ length: 7 }, () => root.der)
  const leaf = makeCertificate(folder, 'leaf', { by: root, extensions: svidExtensions(id) })
  const { authority } = testAuthority(t)
  const { value, ms } = measured(() => reason([leaf.der, ...loop], bundles(authority.bundle()), Date.now() + minute))
  assert.equal(value, 'foreign-authority')
  assert.ok(ms < 1000, `${ms} ms`)
})
