/** X.509 certificates (RFC 5280), read strictly: what is not understood and critical, or present twice, is not passed over. */
import { createPublicKey, verify } from 'node:crypto'
import { NotDer, context, decode, expect, members, readBoolean, readBytes, readFlags, readInstant, readObjectIdentifier, readUnsigned, tag } from './der.ts'
import { keyUsage, oids, signatureDigests } from './oids.ts'
import type { KeyObject } from 'node:crypto'
import type { Value } from './der.ts'

export interface Certificate {
  readonly kind: 'certificate'
  readonly der: Buffer
  /** Hexadecimal. */
  readonly serial: string
  /** The DER of the names, in base64: equal texts are equal names. */
  readonly issuer: string
  readonly subject: string
  /** Both ends belong to the time of validity. */
  readonly notBefore: number
  readonly notAfter: number
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Buffer
  readonly signed: Buffer
  readonly signatureAlgorithm: string
  readonly signature: Buffer
  readonly ca: boolean
  readonly pathLength: number | undefined
  /** `undefined` when the certificate has no such extension. */
  readonly keyUsage: { readonly critical: boolean; readonly flags: ReadonlySet<number> } | undefined
  readonly extendedKeyUsage: readonly string[] | undefined
  readonly uris: readonly string[]
  readonly namesCritical: boolean
  /** Critical extensions that nobody here understands. */
  readonly notUnderstood: readonly string[]
}

/** The name of nobody. */
export const emptyName = Buffer.from([0x30, 0x00]).toString('base64')
const largest = 64 * 1024

/** Never throws: the reason why the bytes are no certificate stands in the answer. */
export function readCertificate(der: Uint8Array): Certificate | { readonly kind: 'malformed'; readonly reason: string } {
  if (der.length > largest) return { kind: 'malformed', reason: `larger than ${largest} bytes` }
  try {
    return Object.freeze(read(der))
  } catch (error) {
    if (error instanceof NotDer) return { kind: 'malformed', reason: error.message }
    throw error
  }
}

function read(der: Uint8Array): Certificate {
  const whole = decode(der)
  const [signed, algorithm, signature, ...more] = members(whole, tag.sequence)
  if (signed === undefined || algorithm === undefined || more.length > 0) throw new NotDer('not the parts of a certificate')
  const fields = [...members(signed, tag.sequence)]
  const version = fields[0]?.tag === context(0, true) ? members(fields.shift() as Value)[0] : undefined
  if (version === undefined || readUnsigned(version)[0] !== 2) throw new NotDer('not an X.509 certificate of version 3')
  const [serial, inner, issuer, validity, subject, publicKey, ...optional] = fields
  const serialBytes = readUnsigned(serial)
  if (serialBytes.length > 20) throw new NotDer('a serial number longer than 20 bytes')
  if (inner === undefined || !inner.whole.equals(algorithm.whole)) throw new NotDer('two signature algorithms')
  const [from, until] = members(expect(validity, tag.sequence))
  // Unique identifiers ([1], [2]) are of no use and forbidden by RFC 5280; only extensions ([3]) may follow.
  if (optional.length > 1 || (optional[0] !== undefined && optional[0].tag !== context(3, true))) throw new NotDer('fields that RFC 5280 forbids')
  return {
    kind: 'certificate', der: whole.whole, serial: serialBytes.toString('hex'),
    issuer: expect(issuer, tag.sequence).whole.toString('base64'), subject: expect(subject, tag.sequence).whole.toString('base64'),
    notBefore: readInstant(from), notAfter: readInstant(until), publicKey: expect(publicKey, tag.sequence).whole,
    signed: signed.whole, signatureAlgorithm: readObjectIdentifier(members(algorithm, tag.sequence)[0]), signature: readBytes(signature),
    ...extensions(optional[0]),
  }
}

type Extensions = Pick<Certificate, 'ca' | 'pathLength' | 'keyUsage' | 'extendedKeyUsage' | 'uris' | 'namesCritical' | 'notUnderstood'>

function extensions(wrapped: Value | undefined): Extensions {
  const found: { -readonly [K in keyof Extensions]: Extensions[K] } = {
    ca: false, pathLength: undefined, keyUsage: undefined, extendedKeyUsage: undefined, uris: [], namesCritical: false, notUnderstood: [],
  }
  if (wrapped === undefined) return found
  const [list, ...more] = members(wrapped)
  if (list === undefined || more.length > 0) throw new NotDer('extensions in another form')
  const seen = new Set<string>()
  for (const extension of members(list, tag.sequence)) {
    const parts = [...members(extension, tag.sequence)]
    const oid = readObjectIdentifier(parts.shift())
    if (seen.has(oid)) throw new NotDer('an extension twice')
    seen.add(oid)
    const critical = parts[0]?.tag === tag.boolean ? readBoolean(parts.shift() as Value) : false
    if (parts.length !== 1) throw new NotDer('an extension in another form')
    const value = decode(expect(parts[0], tag.octets).body)
    if (oid === oids.basicConstraints) Object.assign(found, basicConstraints(value))
    else if (oid === oids.keyUsage) found.keyUsage = { critical, flags: readFlags(value) }
    else if (oid === oids.extendedKeyUsage) found.extendedKeyUsage = members(value, tag.sequence).map(readObjectIdentifier)
    else if (oid === oids.subjectAltName) {
      found.uris = members(value, tag.sequence).filter((name) => name.tag === context(6, false)).map((name) => uri(name.body))
      found.namesCritical = critical
    // Name constraints limit what is below them whether or not they are marked critical, and nobody here applies them.
    } else if (oid === oids.nameConstraints || (critical && !oids.ignorable.includes(oid))) found.notUnderstood = [...found.notUnderstood, oid]
  }
  return found
}

function basicConstraints(value: Value): { readonly ca: boolean; readonly pathLength: number | undefined } {
  const parts = [...members(value, tag.sequence)]
  const ca = parts[0]?.tag === tag.boolean ? readBoolean(parts.shift() as Value) : false
  const length = parts.shift()
  if (parts.length > 0 || (length !== undefined && !ca)) throw new NotDer('basic constraints in another form')
  const bytes = length === undefined ? undefined : readUnsigned(length)
  if (bytes !== undefined && bytes.length > 1) throw new NotDer('a path length without sense')
  return { ca, pathLength: bytes?.[0] }
}

function uri(body: Buffer): string {
  if (body.some((byte) => byte < 0x21 || byte > 0x7e)) throw new NotDer('a URI with other characters than URIs have')
  return body.toString('latin1')
}

/** The key, when it is of a kind and strength that may sign here. */
export function strongKey(publicKey: Buffer): KeyObject | undefined {
  let key: KeyObject
  try {
    key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'rsa') return modulusLength >= 2048 && modulusLength <= 8192 ? key : undefined
  if (key.asymmetricKeyType === 'ec') return ['prime256v1', 'secp384r1', 'secp521r1'].includes(namedCurve) ? key : undefined
  return key.asymmetricKeyType === 'ed25519' ? key : undefined
}

/** True when `signer`'s key made the signature of `certificate`. Says nothing about whether it was allowed to. */
export function signedBy(certificate: Certificate, signer: Buffer): boolean {
  const algorithm = signatureDigests.get(certificate.signatureAlgorithm)
  const key = strongKey(signer)
  if (algorithm === undefined || key?.asymmetricKeyType !== algorithm.key) return false
  try {
    return verify(algorithm.digest, certificate.signed, key, certificate.signature)
  } catch {
    return false
  }
}

export function mayCertify(certificate: Certificate): boolean {
  return certificate.ca && certificate.keyUsage?.flags.has(keyUsage.keyCertSign) === true
}
