/** Trust bundles in the SPIFFE format: a JWK set with one certificate of an authority per key. Anything odd refuses the whole. */
import { createPublicKey } from 'node:crypto'
import { mayCertify, readCertificate, strongKey } from './certificate.ts'
import { strictBase64, toPem } from './pem.ts'
import { isTrustDomain, parseSpiffeId } from './spiffe-id.ts'
import type { Certificate } from './certificate.ts'

export interface TrustBundle {
  readonly kind: 'trust-bundle'
  readonly trustDomain: string
  /** Roots for X.509-SVIDs of this trust domain, and of no other. */
  readonly authorities: readonly Certificate[]
  /** Rises with every change; `undefined` when the publisher counts nothing. */
  readonly sequence: bigint | undefined
  /** Seconds until the next look. */
  readonly refreshHint: number | undefined
}

export interface BundleRefusal {
  readonly kind: 'refused'
  readonly reason: string
}

export const bundleLimits = { bytes: 1024 * 1024, keys: 256, authorities: 32 } as const
const largestSequence = 2n ** 64n - 1n

/** The document to publish, keys in the order of the bundle. */
export function encodeBundle(bundle: TrustBundle): string {
  const keys = bundle.authorities.map((authority) => {
    const { kty, crv, x, y, n, e } = createPublicKey({ key: authority.publicKey, format: 'der', type: 'spki' }).export({ format: 'jwk' })
    return { use: 'x509-svid', kty, crv, x, y, n, e, x5c: [authority.der.toString('base64')] }
  })
  const sequence = bundle.sequence === undefined ? '' : `,\n  "spiffe_sequence": ${bundle.sequence}`
  const hint = bundle.refreshHint === undefined ? '' : `,\n  "spiffe_refresh_hint": ${bundle.refreshHint}`
  return `{\n  "keys": ${JSON.stringify(keys, undefined, 2).replaceAll('\n', '\n  ')}${sequence}${hint}\n}\n`
}

/** The authorities as PEM, for programs that read trust anchors from a file. */
export function bundlePem(bundle: TrustBundle): string {
  return bundle.authorities.map((authority) => toPem('CERTIFICATE', authority.der)).join('')
}

/** Never throws and never takes long, whatever the bytes are. The trust domain is the caller's knowledge: the document has none. */
export function decodeBundle(bytes: Uint8Array, trustDomain: string): TrustBundle | BundleRefusal {
  if (!isTrustDomain(trustDomain)) return refused('this is not the name of a trust domain')
  if (bytes.length > bundleLimits.bytes) return refused(`larger than ${bundleLimits.bytes} bytes`)
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes), keepIntegers)
  } catch {
    // Not UTF-8, not JSON, or nested so deep that the parser gave up.
    return refused('not a JSON document')
  }
  if (!isRecord(parsed) || !Array.isArray(parsed['keys'])) return refused('not a set of keys')
  const keys: readonly unknown[] = parsed['keys']
  if (keys.length > bundleLimits.keys) return refused(`more than ${bundleLimits.keys} keys`)
  const authorities = new Map<string, Certificate>()
  for (const key of keys) {
    const authority = authorityOf(key, trustDomain)
    if (authority?.kind === 'refused') return authority
    if (authority !== undefined) authorities.set(authority.der.toString('base64'), authority)
  }
  if (authorities.size > bundleLimits.authorities) return refused(`more than ${bundleLimits.authorities} authorities`)
  const sequence = parsed['spiffe_sequence'] ?? undefined
  if (sequence !== undefined && (typeof sequence !== 'bigint' || sequence < 0n || sequence > largestSequence)) return refused('`spiffe_sequence` is not a number that counts')
  const hint = parsed['spiffe_refresh_hint'] ?? undefined
  if (hint !== undefined && (typeof hint !== 'bigint' || hint < 0n || hint > 2n ** 31n)) return refused('`spiffe_refresh_hint` is not a number of seconds')
  return Object.freeze({
    kind: 'trust-bundle', trustDomain, authorities: Object.freeze([...authorities.values()]), sequence,
    // 0 stands for unsaid, as some publishers have it.
    refreshHint: hint === undefined || hint === 0n ? undefined : Number(hint),
  })
}

/** `undefined` for a key that is not about X.509-SVIDs, which the standard has us pass over. */
function authorityOf(key: unknown, trustDomain: string): Certificate | BundleRefusal | undefined {
  if (!isRecord(key)) return refused('a key that is no object')
  if (key['use'] !== 'x509-svid' || !['EC', 'RSA', 'OKP'].includes(String(key['kty']))) return undefined
  const chain: unknown = key['x5c'] ?? []
  if (!Array.isArray(chain)) return refused('`x5c` is no list')
  if (chain.length === 0) return undefined
  // The first is the authority; the standard has us pass over the others.
  const first: unknown = chain[0]
  const der = typeof first === 'string' ? strictBase64(first) : undefined
  if (der === undefined) return refused('a certificate that is not base64')
  const certificate = readCertificate(der)
  if (certificate.kind === 'malformed') return refused(`a certificate that cannot be read: ${certificate.reason}`)
  if (!mayCertify(certificate)) return refused('a certificate that is not an authority\'s')
  const publicKey = strongKey(certificate.publicKey)
  if (publicKey === undefined) return refused('a key of a kind or strength that is not accepted')
  const own = publicKey.export({ format: 'jwk' }) as Readonly<Record<string, unknown>>
  if (['kty', 'crv', 'x', 'y', 'n', 'e'].some((member) => key[member] !== own[member])) return refused('a key that is not its certificate\'s')
  const foreign = certificate.uris.find((uri) => parseSpiffeId(uri)?.text !== `spiffe://${trustDomain}`)
  return foreign === undefined ? certificate : refused('an authority of another trust domain')
}

/** Sequence numbers may have 64 bits: integers are kept whole, from the digits as they were written. */
function keepIntegers(_key: string, value: unknown, ...[context]: readonly unknown[]): unknown {
  if (typeof value !== 'number') return value
  const source = isRecord(context) ? context['source'] : undefined
  return typeof source === 'string' && /^-?(0|[1-9]\d{0,19})$/.test(source) ? BigInt(source) : value
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refused(reason: string): BundleRefusal {
  return { kind: 'refused', reason }
}
