/** SPIFFE IDs, taken strictly: what the SPIFFE standard forbids (empty and dot segments, percent signs, ports, capitals) is none. */
import { quote } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'

export interface SpiffeId {
  readonly kind: 'spiffe-id'
  readonly text: string
  readonly trustDomain: string
  /** With its leading slash; empty for the trust domain itself. */
  readonly path: string
}

/** Bytes. The standard asks for no more, and for no less to be understood. */
const longestId = 2048
const longestTrustDomain = 255
const domain = /^[a-z0-9._-]+$/
const segment = /^[A-Za-z0-9._-]+$/

export function isTrustDomain(text: string): boolean {
  return text.length <= longestTrustDomain && domain.test(text)
}

/** `undefined` for anything that is not exactly a SPIFFE ID. */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  const scheme = 'spiffe://'
  if (text.length > longestId || !text.startsWith(scheme)) return undefined
  const [trustDomain = '', ...segments] = text.slice(scheme.length).split('/')
  if (!isTrustDomain(trustDomain)) return undefined
  if (!segments.every((part) => segment.test(part) && part !== '.' && part !== '..')) return undefined
  return Object.freeze({ kind: 'spiffe-id', text, trustDomain, path: segments.map((part) => `/${part}`).join('') })
}

/** For identities that programs make up: a mistake is a Fault, not an answer. */
export function requireSpiffeId(text: string): SpiffeId {
  const id = parseSpiffeId(text)
  if (id === undefined) throw new Fault('spiffe-id-invalid', `${quote(text)} is not a SPIFFE ID`)
  return id
}

/** Who serves a platform's trust bundle under `https_spiffe`, unless the Peer says otherwise. */
export function bundleEndpointSpiffeId(trustDomain: string): string {
  return `spiffe://${trustDomain}/bundle-endpoint`
}
