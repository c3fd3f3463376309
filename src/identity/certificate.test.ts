import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { readCertificate, signedBy } from './certificate.ts'
import { NotDer, bitString, decode, instant, objectIdentifier, readFlags, readInstant, readObjectIdentifier, readUnsigned, sequence, unsigned } from './der.ts'
import { certificatesOfPem, strictBase64, toPem } from './pem.ts'
import { authorityExtensions, chainOf, makeCertificate, scratch, svidExtensions, testAuthority } from './testing.ts'
import type { Certificate } from './certificate.ts'

function certificateOf(der: Uint8Array): Certificate {
  const read = readCertificate(der)
  assert.equal(read.kind, 'certificate', read.kind === 'malformed' ? read.reason : '')
  return read as Certificate
}

test('what is written in DER is read back the same', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
    const expected = Buffer.from(bytes).toString('hex').replace(/^(00)+(?=..)/, '')
    assert.equal(readUnsigned(decode(unsigned(bytes))).toString('hex'), expected)
  }))
  fc.assert(fc.property(fc.integer({ min: 0, max: Date.parse('9999-12-31T23:59:59Z') / 1000 }), (seconds) => {
    assert.equal(readInstant(decode(instant(seconds * 1000))), seconds * 1000)
  }))
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 31 }), { maxLength: 8 }), (arcs) => {
    const dotted = ['1', '3', ...arcs].join('.')
    assert.equal(readObjectIdentifier(decode(objectIdentifier(dotted))), dotted)
  }))
  assert.deepEqual([...readFlags(decode(bitString(Buffer.from([0b1000_0100]), 2)))], [0, 5])
})

test('bytes that are not the one form of their value are refused', () => {
  const wrong = ['', '30', '3080', '308100', '3000' + '00', '0200', '020100' + '00', '02020001', '0202007f', '0201ff', '300302010', '1f8101', '308500000000010', '30820001']
  for (const hex of wrong) {
    assert.throws(() => readUnsigned(decode(Buffer.from(hex, 'hex'))), NotDer, hex)
  }
  for (const flags of ['0300', '03020800', '03020183', '03020180', '0303008000']) {
    assert.throws(() => readFlags(decode(Buffer.from(flags, 'hex'))), NotDer, flags)
  }
  for (const time of ['990230000000Z', '991301000000Z', '9901010000Z', '990101000000+0000', '99010100000Z']) {
    assert.throws(() => readInstant({ tag: 0x17, body: Buffer.from(time), whole: Buffer.alloc(0) }), NotDer, time)
  }
})

test('an SVID that we issue is read by Node as it was meant', (t) => {
  const { authority, now } = testAuthority(t)
  const [leaf, intermediate] = chainOf(authority.issue('spiffe://tre.example.org/a')).map((der) => new X509Certificate(der))
  assert.ok(leaf !== undefined && intermediate !== undefined)
  assert.equal(leaf.subjectAltName, 'URI:spiffe://tre.example.org/a')
  assert.equal(leaf.subject ?? '', '')
  assert.equal(leaf.ca, false)
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  assert.equal(leaf.validToDate.getTime(), now() + 3600_000)
  assert.ok(leaf.validFromDate.getTime() < now())
  assert.equal(intermediate.ca, true)
  assert.ok(leaf.checkIssued(intermediate) && leaf.verify(intermediate.publicKey))
})

test('certificates that openssl makes are read as Node reads them', (t) => {
  const folder = scratch(t)
  const root = makeCertificate(folder, 'root', { subject: '/O=Elsewhere/CN=root', extensions: authorityExtensions, key: ['rsa:2048'] })
  const leaf = makeCertificate(folder, 'leaf', { by: root, extensions: svidExtensions('spiffe://a.example/b') })
  for (const { der } of [root, leaf]) {
    const ours = certificateOf(der)
    const nodes = new X509Certificate(der)
    assert.equal(ours.serial, nodes.serialNumber.toLowerCase())
    assert.equal(ours.notAfter, nodes.validToDate.getTime())
    assert.equal(ours.ca, nodes.ca)
    assert.ok(ours.publicKey.equals(nodes.publicKey.export({ type: 'spki', format: 'der' })))
  }
  const [r, l] = [certificateOf(root.der), certificateOf(leaf.der)]
  assert.equal(l.issuer, r.subject)
  assert.ok(signedBy(l, r.publicKey) && signedBy(r, r.publicKey) && !signedBy(l, l.publicKey) && !signedBy(r, l.publicKey))
  assert.deepEqual(l.uris, ['spiffe://a.example/b'])
})

test('whatever the bytes are, reading a certificate ends with an answer', (t) => {
  const { authority } = testAuthority(t)
  const [good = Buffer.alloc(0)] = chainOf(authority.issue('spiffe://tre.example.org/a'))
  const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255), cut: fc.option(fc.nat(good.length)), twice: fc.boolean() })
  fc.assert(fc.property(fc.array(change, { maxLength: 4 }), (changes) => {
    let bytes = Buffer.from(good)
    for (const { at, byte, cut, twice } of changes) {
      if (at < bytes.length) bytes[at] = byte
      if (cut !== null) bytes = bytes.subarray(0, cut)
      if (twice) bytes = Buffer.concat([bytes, bytes])
    }
    const read = readCertificate(bytes)
    // Whatever is taken for a certificate is taken whole: no byte of it is out of sight.
    if (read.kind === 'certificate') assert.ok(read.der.equals(bytes))
    if (read.kind === 'certificate') signedBy(read, read.publicKey)
  }), { numRuns: 1000 })
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    assert.ok(['certificate', 'malformed'].includes(readCertificate(bytes).kind))
  }))
  let deep: Buffer = Buffer.alloc(0)
  for (let i = 0; i < 15_000; i++) deep = deep.length < 60_000 ? sequence(deep) : deep
  assert.equal(readCertificate(deep).kind, 'malformed')
  assert.equal(readCertificate(Buffer.alloc(70_000, 0x30)).kind, 'malformed')
})

test('PEM is certificates and nothing else', () => {
  const pem = toPem('CERTIFICATE', Buffer.alloc(100, 7))
  assert.deepEqual(certificatesOfPem(pem + pem)?.map((der) => der.length), [100, 100])
  assert.deepEqual(certificatesOfPem(pem.replaceAll('\n', '\r\n'))?.length, 1)
  for (const wrong of ['', 'x', `${pem}x`, pem.slice(0, -5), pem.replace('B', '!'), toPem('PRIVATE KEY', Buffer.alloc(10)), pem.replace('BwcH', 'BwcH=')]) {
    assert.equal(certificatesOfPem(wrong), undefined, wrong)
  }
  assert.equal(strictBase64('QQ'), undefined)
  assert.equal(strictBase64('QQ==')?.toString(), 'A')
  assert.equal(strictBase64('QR=='), undefined)
})
