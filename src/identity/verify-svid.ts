/**
 * Judges X.509-SVIDs as the SPIFFE X509-SVID standard and RFC 5280 ask. Fails closed: whatever is not certainly right is
 * refused, nothing throws, and hostile chains cost no more than a few signatures.
 */
import { emptyName, mayCertify, readCertificate, signedBy } from './certificate.ts'
import { keyUsage, oids } from './oids.ts'
import { parseSpiffeId } from './spiffe-id.ts'
import type { TrustBundle } from './bundle.ts'
import type { Certificate } from './certificate.ts'
import type { SpiffeId } from './spiffe-id.ts'

export type SvidVerdict =
  | { readonly kind: 'accepted'; readonly id: SpiffeId; readonly notAfter: number }
  | { readonly kind: 'refused'; readonly reason: SvidRefusal; readonly message: string }

export type SvidRefusal = keyof typeof messages

const messages = {
  'no-certificate': 'there is no certificate',
  'chain-too-long': 'there are more certificates than a chain has',
  malformed: 'a certificate of the chain cannot be read',
  'no-uri': 'the certificate has no URI name',
  'two-uris': 'the certificate has more than one URI name',
  'malformed-spiffe-id': 'the URI name is not a SPIFFE ID',
  'no-path': 'the SPIFFE ID names a trust domain, not a workload',
  'name-not-critical': 'the certificate has no subject, and its names are not marked critical',
  'is-authority': 'the certificate is an authority\'s',
  'wrong-usage': 'the certificate is not for authentication',
  'not-understood': 'a certificate has a critical extension that is not understood',
  'wrong-trust-domain': 'there is no bundle for this trust domain',
  expired: 'the certificate has expired',
  'not-yet-valid': 'the certificate is not valid yet',
  'self-signed': 'the certificate is signed by itself',
  'foreign-authority': 'no authority of this trust domain vouches for the certificate',
  'authority-expired': 'an authority of the chain is not valid now',
  'wrong-authority': 'a certificate of the chain may not sign certificates',
  'path-too-deep': 'an authority of the chain may not stand above so many others',
} as const

const longestChain = 8
/** Signatures that are looked at for one chain. */
const mostSignatures = 24

/**
 * `chain` is DER, the SVID first, as a peer presents it; `bundles` is keyed by trust domain. Says who it is, not what it may do.
 */
export function verifySvid(chain: readonly Uint8Array[], bundles: ReadonlyMap<string, TrustBundle>, now: number): SvidVerdict {
  if (chain.length === 0) return refuse('no-certificate')
  if (chain.length > longestChain) return refuse('chain-too-long')
  if (!Number.isFinite(now)) return refuse('not-yet-valid')
  const read: Certificate[] = []
  for (const der of chain) {
    const certificate = readCertificate(der)
    if (certificate.kind === 'malformed') return refuse('malformed', certificate.reason)
    read.push(certificate)
  }
  const [leaf, ...others] = read as [Certificate, ...Certificate[]]
  const id = identityOf(leaf)
  if (id.kind === 'refused') return id
  const bundle = bundles.get(id.trustDomain)
  if (bundle === undefined || bundle.trustDomain !== id.trustDomain) return refuse('wrong-trust-domain')
  if (now < leaf.notBefore) return refuse('not-yet-valid')
  if (now > leaf.notAfter) return refuse('expired')
  return anchored(leaf, others, bundle, now) ?? Object.freeze({ kind: 'accepted', id, notAfter: leaf.notAfter })
}

/** What the certificate says by itself. */
function identityOf(leaf: Certificate): SpiffeId | Extract<SvidVerdict, { kind: 'refused' }> {
  const [uri, ...more] = leaf.uris
  if (leaf.ca || leaf.keyUsage?.flags.has(keyUsage.keyCertSign) === true || leaf.keyUsage?.flags.has(keyUsage.crlSign) === true) return refuse('is-authority')
  if (uri === undefined) return refuse('no-uri')
  if (more.length > 0) return refuse('two-uris')
  const id = parseSpiffeId(uri)
  if (id === undefined) return refuse('malformed-spiffe-id')
  if (id.path === '') return refuse('no-path')
  if (leaf.subject === emptyName && !leaf.namesCritical) return refuse('name-not-critical')
  if (leaf.keyUsage?.critical !== true || !leaf.keyUsage.flags.has(keyUsage.digitalSignature)) return refuse('wrong-usage')
  const extended = leaf.extendedKeyUsage
  if (extended !== undefined && !(extended.includes(oids.serverAuth) && extended.includes(oids.clientAuth))) return refuse('wrong-usage')
  if (leaf.notUnderstood.length > 0) return refuse('not-understood')
  return id
}

/** `undefined` when some way leads from the certificate to an authority of the bundle; else why the best one does not. */
function anchored(leaf: Certificate, others: readonly Certificate[], bundle: TrustBundle, now: number): SvidVerdict | undefined {
  let left = mostSignatures
  let nearest: SvidRefusal | undefined
  const signs = (authority: Certificate, below: Certificate): boolean => authority.subject === below.issuer && left-- > 0 && signedBy(below, authority.publicKey)
  const climb = (below: Certificate, unused: readonly Certificate[], depth: number): boolean => {
    for (const [authority, isAnchor] of [...bundle.authorities.map((a) => [a, true] as const), ...unused.map((a) => [a, false] as const)]) {
      if (!signs(authority, below)) continue
      const wrong = unfit(authority, isAnchor, depth, bundle.trustDomain, now)
      if (wrong !== undefined) nearest ??= wrong
      else if (isAnchor || climb(authority, unused.filter((other) => other !== authority), depth + 1)) return true
    }
    return false
  }
  if (climb(leaf, others, 0)) return undefined
  return refuse(nearest ?? (signedBy(leaf, leaf.publicKey) ? 'self-signed' : 'foreign-authority'))
}

/** Why it may not stand above `depth` other authorities. Time counts for the anchors of a bundle too. */
function unfit(authority: Certificate, isAnchor: boolean, depth: number, trustDomain: string, now: number): SvidRefusal | undefined {
  if (!mayCertify(authority)) return 'wrong-authority'
  if (authority.notUnderstood.length > 0) return 'not-understood'
  if (authority.uris.length > 1) return 'wrong-authority'
  const [uri] = authority.uris
  const id = uri === undefined ? undefined : parseSpiffeId(uri)
  if (uri !== undefined && (id === undefined || id.path !== '')) return 'wrong-authority'
  // Else an authority for another trust domain, once vouched for, could speak for this one.
  if (!isAnchor && id !== undefined && id.trustDomain !== trustDomain) return 'foreign-authority'
  if (now < authority.notBefore || now > authority.notAfter) return 'authority-expired'
  return authority.pathLength !== undefined && depth > authority.pathLength ? 'path-too-deep' : undefined
}

function refuse(reason: SvidRefusal, more?: string): Extract<SvidVerdict, { kind: 'refused' }> {
  return Object.freeze({ kind: 'refused', reason, message: more === undefined ? messages[reason] : `${messages[reason]}: ${more}` })
}
