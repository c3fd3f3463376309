/** One connection, and perhaps one request on it, as a gateway meets it. */
import type { Unknown } from './values.ts'

export interface Attempt {
  /** The port on which it arrives at the gateway. */
  readonly arrives: number
  readonly source: string
  /** What the client meant to reach, before it was led. */
  readonly destination: string
  readonly port: number
  /** Undefined: no TLS. Empty: TLS without a name. */
  readonly sni: string | undefined
  readonly request: { readonly host: string; readonly method: string; readonly path: string } | undefined
  readonly caller: AttemptCaller
}

export type AttemptCaller =
  | { readonly kind: 'nobody' }
  /** `authority`: a trust domain, or the file of an authority. */
  | { readonly kind: 'certificate'; readonly authority: string; readonly names: readonly string[] }
  | { readonly kind: 'token'; readonly issuer: string; readonly audiences: readonly string[]; readonly claims: Unknown }

export type Outcome =
  | { readonly kind: 'closed' }
  /** The gateway answers itself. */
  | { readonly kind: 'answered'; readonly status: number }
  /** To the name and port asked for; by way of a proxy (`HOST:PORT`), which resolves the name. */
  | { readonly kind: 'name'; readonly name: string; readonly port: number; readonly proxy?: string }
  /** To one of these `ADDRESS:PORT`. `name` and `server`: asked for and insisted on, by TLS of the gateway's own. */
  | { readonly kind: 'addresses'; readonly to: readonly string[]; readonly name: string | undefined; readonly server: string | undefined; readonly shows: string | undefined }
  | { readonly kind: 'not understood'; readonly what: string }

/** By the name of a secret: trust domains, each for its own identities; or the file of an authority, for any name. */
export type Authorities = ReadonlyMap<string, { readonly trustDomains: readonly string[] } | { readonly file: string }>

export interface Reading {
  readonly clusters: ReadonlyMap<string, Unknown>
  readonly authorities: Authorities
}
