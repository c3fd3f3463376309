/** Issues X.509-SVIDs: a new key pair for each, in memory only until somebody writes it to its owner's folder. */
import { formatInstant } from '../base/clock.ts'
import { quote } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { readCertificate } from './certificate.ts'
import { newKeyPair, serverCertificate, svidCertificate } from './certify.ts'
import { toPem } from './pem.ts'
import { secret } from './secret.ts'
import { requireSpiffeId } from './spiffe-id.ts'
import type { Certificate } from './certificate.ts'
import type { KeyPair, Signer } from './certify.ts'
import type { Secret } from './secret.ts'

export interface Svid {
  readonly kind: 'svid'
  readonly spiffeId: string
  /** Hexadecimal. */
  readonly serial: string
  /** Milliseconds since the epoch; both ends belong to the time of validity. */
  readonly notBefore: number
  readonly notAfter: number
  /** PEM, the SVID first, then its intermediates; the root is in the bundle. */
  readonly chain: string
  /** PKCS#8 in PEM. */
  readonly key: Secret
}

/** An authority that is ready to sign. */
export interface Issuer {
  readonly trustDomain: string
  readonly signer: Signer
  /** From the one that signs up to the one below the root. */
  readonly chain: readonly Certificate[]
  /** No SVID lasts longer. */
  readonly notBefore: number
  readonly notAfter: number
}

/** Clocks of those who check may be this far behind ours. */
export const backdatedMs = 60_000

/** What a gateway shows outside under host names. */
export type ServerIdentity = Pick<Svid, 'notBefore' | 'notAfter' | 'chain' | 'key'>

/** As `issueSvid`, for host names instead of an identity. */
export function issueServer(issuer: Issuer, hosts: readonly string[], now: number, lifetimeMs: number): ServerIdentity {
  if (now < issuer.notBefore || now >= issuer.notAfter) throw unusable(issuer, now)
  const pair = newKeyPair()
  const notBefore = Math.max(now - backdatedMs, issuer.notBefore)
  const notAfter = Math.min(now + lifetimeMs, issuer.notAfter)
  const der = serverCertificate(issuer.signer, hosts, pair.publicKey, notBefore, notAfter)
  return Object.freeze({ notBefore, notAfter, chain: chainOf(der, issuer), key: keyOf(pair) })
}

/** Never lasts longer than its authorities. A Fault when these are not valid now, or the name is not of this trust domain. */
export function issueSvid(issuer: Issuer, spiffeId: string, now: number, lifetimeMs: number): Svid {
  const id = requireSpiffeId(spiffeId)
  if (id.trustDomain !== issuer.trustDomain || id.path === '') {
    throw new Fault('spiffe-id-invalid', `${quote(spiffeId)} is not the name of a workload of \`${issuer.trustDomain}\``)
  }
  if (now < issuer.notBefore || now >= issuer.notAfter) {
    throw unusable(issuer, now)
  }
  const pair = newKeyPair()
  const from = Math.max(now - backdatedMs, issuer.notBefore)
  const der = svidCertificate(issuer.signer, id.text, pair.publicKey, from, Math.min(now + lifetimeMs, issuer.notAfter))
  const certificate = readCertificate(der)
  if (certificate.kind === 'malformed') throw new Fault('internal', `an SVID that cannot be read: ${certificate.reason}`)
  return Object.freeze({
    kind: 'svid', spiffeId: id.text, serial: certificate.serial, notBefore: certificate.notBefore, notAfter: certificate.notAfter,
    chain: chainOf(der, issuer),
    key: keyOf(pair),
  })
}

function chainOf(der: Uint8Array, issuer: Issuer): string {
  return [der, ...issuer.chain.map((c) => c.der)].map((c) => toPem('CERTIFICATE', c)).join('')
}

function keyOf({ privateKey }: KeyPair): Secret {
  return secret(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
}

function unusable(issuer: Issuer, now: number): Fault {
  return new Fault('authority-unusable', `the certificate authority is valid from ${formatInstant(issuer.notBefore)} to ${formatInstant(issuer.notAfter)}, and it is ${formatInstant(now)}`)
}
