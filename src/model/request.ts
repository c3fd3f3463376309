/** One HTTP request, or one connection that a gateway leads on whole, told as it arrives at the gateway. */
import type { FlowEnd, WorkloadId } from './platform.ts'

export interface GatewayRequest {
  /** Outside, by address or as an External, for the inbound gateway; a workload for the outbound one. */
  readonly source: FlowEnd
  /** The port of the gateway, or for the way out that of the destination. */
  readonly port: number
  /** The name in the handshake and in the request, which have to be one; undefined where there is none. */
  readonly host: string | undefined
  /** Undefined together with `path` for a connection alone. */
  readonly method: string | undefined
  /** As the client sent it, perhaps with a query. */
  readonly path: string | undefined
  readonly caller: Caller
}

/** Whom the gateway has found the caller to be; signatures and validity are judged already. */
export type Caller =
  | { readonly kind: 'nobody' }
  /** Valid under `authority`: a `caFile`, or the trust domain of the platform or of a Peer. `names` are its SPIFFE ID or DNS names. */
  | { readonly kind: 'certificate'; readonly authority: string; readonly names: readonly string[] }
  | { readonly kind: 'token'; readonly issuer: string; readonly audiences: readonly string[]; readonly claims: Readonly<Record<string, unknown>> }

/** Why a request does not get through; the first that applies. */
export type RequestRefusal =
  /** No policy serves that name at that port: the connection is closed. */
  | 'host'
  /** The gateway answers it itself: sign-in, sign-out, redirect to https. */
  | 'gateway'
  /** The path cannot be read in one way (400). */
  | 'path'
  /** No route of the host holds the path (404). */
  | 'route'
  /** The caller has not proved who it is (401, or a redirect to sign in). */
  | 'caller'
  /** Source, method, claims, identity, phase or time do not fit (403). */
  | 'policy'

/** Where a request may be led. */
export interface Led {
  readonly workload: WorkloadId
  readonly port: number
}
