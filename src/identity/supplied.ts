/** An authority whose root is elsewhere: its certificates and key come as files, which are read again when they change. */
import { statSync } from 'node:fs'
import { Fault } from '../base/fault.ts'
import { mayCertify, readCertificate } from './certificate.ts'
import { newKeyPair, svidCertificate } from './certify.ts'
import { matchingKey } from './authority-state.ts'
import { certificatesOfPem } from './pem.ts'
import { readPrivate, readPublic } from './private-files.ts'
import { verifySvid } from './verify-svid.ts'
import type { TrustBundle } from './bundle.ts'
import type { Certificate } from './certificate.ts'
import type { Issuer } from './svid.ts'

/** As in the Platform's document: absolute paths. */
export interface SuppliedFiles {
  /** PEM: the intermediate, then those between it and the root. */
  readonly certificateFile: string
  /** PEM, not encrypted, readable by its owner alone. */
  readonly keyFile: string
  /** PEM: every root to be published. */
  readonly rootsFile: string
}

export interface Supplied {
  readonly issuer: Issuer
  readonly roots: readonly Certificate[]
}

/** Changes when one of the files does. */
export function fingerprintOf(files: SuppliedFiles): string {
  return [files.certificateFile, files.keyFile, files.rootsFile].map((path) => {
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true })
    return stat === undefined ? 'none' : `${stat.dev}:${stat.ino}:${stat.mtimeNs}:${stat.size}`
  }).join()
}

/** Everything is read and tried before anything of it is used: an SVID of this authority must verify against these roots. */
export function readSupplied(files: SuppliedFiles, trustDomain: string, now: number): Supplied {
  // A root has no place in a chain that is presented: who checks it has the root already.
  const chain = certificates(files.certificateFile).filter((c, i) => i === 0 || c.subject !== c.issuer)
  const roots = certificates(files.rootsFile)
  const [own] = chain as [Certificate]
  const keyText = readPrivate(files.keyFile)
  if (keyText === undefined) throw new Fault('identity-damaged', `\`${files.keyFile}\` does not exist`)
  const privateKey = matchingKey(files.keyFile, keyText, own)
  if (privateKey.asymmetricKeyType !== 'ec' || privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new Fault('authority-unusable', `\`${files.keyFile}\` is not an ECDSA P-256 key`, { help: 'make the intermediate with such a key: `openssl ecparam -name prime256v1 -genkey -noout`' })
  }
  const issuer: Issuer = {
    trustDomain, chain, signer: { name: Buffer.from(own.subject, 'base64'), publicKey: own.publicKey, privateKey },
    notBefore: Math.max(...chain.map((c) => c.notBefore)),
    notAfter: Math.min(...chain.map((c) => c.notAfter), Math.max(...roots.filter((root) => root.subject === chain.at(-1)?.issuer).map((root) => root.notAfter))),
  }
  const bundle: TrustBundle = { kind: 'trust-bundle', trustDomain, authorities: roots, sequence: undefined, refreshHint: undefined }
  const trial = svidCertificate(issuer.signer, `spiffe://${trustDomain}/trial`, newKeyPair().publicKey, now - 1000, now + 1000)
  const verdict = verifySvid([trial, ...chain.map((c) => c.der)], new Map([[trustDomain, bundle]]), now)
  if (verdict.kind === 'refused') {
    throw new Fault('authority-unusable', `no SVID of the intermediate in \`${files.certificateFile}\` would be accepted with the roots in \`${files.rootsFile}\`: ${verdict.message}`)
  }
  return Object.freeze({ issuer: Object.freeze(issuer), roots })
}

function certificates(path: string): readonly Certificate[] {
  const text = readPublic(path)
  if (text === undefined) throw new Fault('identity-damaged', `\`${path}\` does not exist`)
  const ders = certificatesOfPem(text)
  if (ders === undefined) throw new Fault('identity-damaged', `\`${path}\` does not hold certificates in PEM, and nothing else`)
  return ders.map((der) => {
    const certificate = readCertificate(der)
    if (certificate.kind === 'malformed') throw new Fault('identity-damaged', `\`${path}\` holds a certificate that cannot be read: ${certificate.reason}`)
    if (!mayCertify(certificate)) throw new Fault('authority-unusable', `\`${path}\` holds a certificate that may not sign others`)
    return certificate
  })
}
