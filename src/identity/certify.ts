/** Makes certificates: roots, intermediates and SVIDs, all ECDSA P-256 with SHA-256, and requests for intermediates. */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { bitString, context, encode, instant, objectIdentifier, sequence, tag, unsigned } from './der.ts'
import { keyUsage, oids } from './oids.ts'
import type { KeyObject } from 'node:crypto'

export interface KeyPair {
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Buffer
  readonly privateKey: KeyObject
}

/** 1 ms is 25 key pairs: node:crypto's synchronous generation is faster than webcrypto's, which waits for a thread. */
export function newKeyPair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { publicKey: publicKey.export({ type: 'spki', format: 'der' }), privateKey }
}

/** Who signs: the name as DER, and the key. */
export interface Signer {
  readonly name: Buffer
  readonly publicKey: Buffer
  readonly privateKey: KeyObject
}

interface Contents {
  readonly subject: Buffer
  readonly publicKey: Buffer
  readonly notBefore: number
  readonly notAfter: number
  readonly extensions: readonly Buffer[]
}

const noName = sequence()
const algorithm = sequence(objectIdentifier(oids.ecdsaWithSha256))
const version3 = encode(context(0, true), unsigned(Buffer.from([2])))
const no = Buffer.alloc(0)
const digitalSignature = usage([keyUsage.digitalSignature])
const certSign = usage([keyUsage.keyCertSign])
const notCa = extension(oids.basicConstraints, true, sequence())
const bothWays = extension(oids.extendedKeyUsage, false, sequence(objectIdentifier(oids.serverAuth), objectIdentifier(oids.clientAuth)))
const serverOnly = extension(oids.extendedKeyUsage, false, sequence(objectIdentifier(oids.serverAuth)))

/** `O=Bulkhead, CN=ROLE ID`: distinct for every authority, so that successive ones are not taken for each other. */
export function authorityName(role: 'root' | 'intermediate', id: string): Buffer {
  const part = (oid: string, text: string): Buffer => encode(tag.set, sequence(objectIdentifier(oid), encode(tag.utf8, Buffer.from(text))))
  return sequence(part(oids.organization, 'Bulkhead'), part(oids.commonName, `${role} ${id}`))
}

/** Signs itself; one intermediate may stand below it. */
export function rootCertificate(self: Signer, trustDomain: string, notBefore: number, notAfter: number): Buffer {
  return certificate(self, { subject: self.name, publicKey: self.publicKey, notBefore, notAfter, extensions: authorityExtensions(trustDomain, self.publicKey, self.publicKey, 1) })
}

/** Signs SVIDs and no further authority. */
export function intermediateCertificate(root: Signer, subject: Buffer, publicKey: Buffer, trustDomain: string, notBefore: number, notAfter: number): Buffer {
  return certificate(root, { subject, publicKey, notBefore, notAfter, extensions: authorityExtensions(trustDomain, publicKey, root.publicKey, 0) })
}

/** An X.509-SVID: the SPIFFE ID is its only name, and critical because the subject is empty. */
export function svidCertificate(authority: Signer, spiffeId: string, publicKey: Buffer, notBefore: number, notAfter: number): Buffer {
  const extensions = [notCa, digitalSignature, bothWays, uriName(spiffeId, true), authorityKey(authority.publicKey)]
  return certificate(authority, { subject: noName, publicKey, notBefore, notAfter, extensions })
}

/** A certificate by which a gateway shows host names to the outside: no identity of anybody, and good for servers alone. */
export function serverCertificate(authority: Signer, hosts: readonly string[], publicKey: Buffer, notBefore: number, notAfter: number): Buffer {
  const names = extension(oids.subjectAltName, true, sequence(...hosts.map((host) => encode(context(2, false), Buffer.from(host, 'latin1')))))
  return certificate(authority, { subject: noName, publicKey, notBefore, notAfter, extensions: [notCa, digitalSignature, serverOnly, names, authorityKey(authority.publicKey)] })
}

/** A PKCS#10 request (RFC 2986) for an intermediate of the trust domain. */
export function certificateRequest(self: Signer, trustDomain: string): Buffer {
  const wanted = sequence(extension(oids.basicConstraints, true, sequence(encode(tag.boolean, Buffer.from([0xff])), unsigned(Buffer.from([0])))), certSign, uriName(`spiffe://${trustDomain}`, false))
  const attributes = encode(context(0, true), sequence(objectIdentifier(oids.extensionRequest), encode(tag.set, wanted)))
  return signed(self.privateKey, sequence(unsigned(Buffer.from([0])), self.name, self.publicKey, attributes))
}

function certificate(signer: Signer, contents: Contents): Buffer {
  // 16 random bytes, 127 bits of them chance: RFC 5280 wants a positive number.
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  return signed(signer.privateKey, sequence(
    version3, unsigned(serial), algorithm, signer.name, sequence(instant(contents.notBefore), instant(contents.notAfter)),
    contents.subject, contents.publicKey, encode(context(3, true), sequence(...contents.extensions)),
  ))
}

function signed(key: KeyObject, contents: Buffer): Buffer {
  return sequence(contents, algorithm, bitString(sign('sha256', contents, key)))
}

function authorityExtensions(trustDomain: string, own: Buffer, signer: Buffer, pathLength: number): readonly Buffer[] {
  const constraints = sequence(encode(tag.boolean, Buffer.from([0xff])), unsigned(Buffer.from([pathLength])))
  return [
    extension(oids.basicConstraints, true, constraints), certSign, uriName(`spiffe://${trustDomain}`, false),
    extension(oids.subjectKeyIdentifier, false, encode(tag.octets, keyIdentifier(own))), authorityKey(signer),
  ]
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectIdentifier(oid), critical ? encode(tag.boolean, Buffer.from([0xff])) : no, encode(tag.octets, value))
}

function usage(bits: readonly number[]): Buffer {
  const byte = bits.reduce((sum, bit) => sum | (0x80 >> bit), 0)
  return extension(oids.keyUsage, true, bitString(Buffer.from([byte]), 7 - Math.max(...bits)))
}

function uriName(uri: string, critical: boolean): Buffer {
  return extension(oids.subjectAltName, critical, sequence(encode(context(6, false), Buffer.from(uri, 'latin1'))))
}

function authorityKey(publicKey: Buffer): Buffer {
  return extension(oids.authorityKeyIdentifier, false, sequence(encode(context(0, false), keyIdentifier(publicKey))))
}

/** RFC 7093, method 1: the first 160 bits of the SHA-256 of the key's bits (P-256: the last 65 bytes). */
function keyIdentifier(publicKey: Buffer): Buffer {
  return createHash('sha256').update(publicKey.subarray(-65)).digest().subarray(0, 20)
}
