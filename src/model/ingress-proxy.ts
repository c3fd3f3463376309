/** What an inbound gateway does for an IngressPolicy before policy is asked, as parsed values without defaults to guess. */
import type { WorkloadId } from './workload-id.ts'

export interface IngressProxy {
  /** `http`: requests are routed by host, path and method. `tcp`: connections are led on whole, chosen by SNI or by port. */
  readonly protocol: 'http' | 'tcp'
  /** Lower case, without trailing dot, sorted; `*.example.org` is every name below. Empty exactly for `tcp` by port alone. */
  readonly hosts: readonly string[]
  /** A port of the gateway for this policy; `Platform.gateway.httpsPort` when undefined. Always there for `tls.mode: none`. */
  readonly listenPort: number | undefined
  readonly tls: ProxyTls
  readonly authentication: Authentication
  /**
   * Never empty: a policy without routes has one for every path. Order means nothing: an exact path comes before a prefix, a longer
   * prefix before a shorter one, and methods are judged after the path is chosen. For `tcp` there is that one route alone.
   */
  readonly routes: readonly Route[]
  readonly limits: ProxyLimits
  /** Whether a request may become a WebSocket. */
  readonly websocket: boolean
}

export interface ProxyTls {
  /** `passthrough`: the workload speaks TLS itself, the gateway reads the SNI alone. `none`: no TLS, chosen by port. Both only for `tcp`. */
  readonly mode: 'terminate' | 'passthrough' | 'none'
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** Files of the host, absolute; undefined: a certificate of the platform's own authority for `hosts`. */
  readonly certificate: { readonly certificateFile: string; readonly keyFile: string } | undefined
}

export type Authentication =
  | { readonly kind: 'none' }
  /**
   * A certificate of `caFile` (absolute); without it one of the platform's own authority, or of the Peer whose trust domain a subject has.
   * `subjects`: exact SPIFFE IDs or DNS names, sorted; empty: every certificate valid under `caFile`, or under the platform's own trust domain.
   */
  | { readonly kind: 'mtls'; readonly caFile: string | undefined; readonly subjects: readonly string[] }
  /** A bearer token, signed by the issuer for one of the audiences, with all the claims. */
  | { readonly kind: 'jwt'; readonly issuer: string; readonly audiences: readonly string[]; readonly jwks: Jwks; readonly claims: readonly Claim[] }
  /** People sign in with a browser; the token that comes of it is judged as for `jwt`. `audiences` holds the client's id when none is written. */
  | {
      readonly kind: 'oidc'
      readonly issuer: string
      readonly clientId: string
      /** Absolute. */
      readonly clientSecretFile: string
      readonly authorizationEndpoint: string
      readonly tokenEndpoint: string
      /** Paths of every host of the policy that the gateway answers itself. */
      readonly callbackPath: string
      readonly signOutPath: string
      readonly scopes: readonly string[]
      readonly audiences: readonly string[]
      readonly jwks: Jwks
      readonly claims: readonly Claim[]
    }

/** `file` is absolute; `uri` is https. */
export type Jwks = { readonly kind: 'uri'; readonly uri: string } | { readonly kind: 'file'; readonly file: string }

/** Met when the claim at `path` is a text that is one of `values`, or a list that holds one of them. Several claims all have to be met. */
export interface Claim {
  readonly path: readonly string[]
  readonly values: readonly string[]
}

export interface Route {
  /** Without the `*` of a prefix; compared letter by letter with the normalised path, without the query. */
  readonly path: string
  readonly prefix: boolean
  /** Sorted; empty: any. */
  readonly methods: readonly string[]
  /** One of the policy's hosts; undefined: all of them. */
  readonly host: string | undefined
  /** One workload of the policy's destinations; undefined: any of them, each as good as the other. */
  readonly destination: WorkloadId | undefined
  /** Undefined: the one port of the policy. */
  readonly port: RoutePort | undefined
  /** What the caller's token needs beyond the policy's own claims (`jwt`, `oidc`). */
  readonly claims: readonly Claim[]
  /** Only these SPIFFE IDs or DNS names of certificates (`mtls`); empty: all that the policy lets in. */
  readonly identities: readonly string[]
}

export type RoutePort = { readonly kind: 'number'; readonly port: number } | { readonly kind: 'name'; readonly name: string }

/** Undefined: not limited by the document; the gateway's own limits hold all the same. */
export interface ProxyLimits {
  /** From one client address. */
  readonly requestsPerSecond: number | undefined
  readonly burst: number | undefined
  /** Open at once, from all clients. */
  readonly connections: number | undefined
  readonly bodyBytes: number | undefined
  readonly headerBytes: number | undefined
  readonly timeoutSeconds: number | undefined
}

/** A gateway that nothing is written about but its hosts and who may come: every request, TLS ended with a certificate of the platform's own. */
export function plainProxy(hosts: readonly string[], authentication: Authentication): IngressProxy {
  return {
    protocol: 'http',
    hosts,
    listenPort: undefined,
    tls: { mode: 'terminate', minVersion: 'TLSv1.2', certificate: undefined },
    authentication,
    routes: [everyPath],
    limits: { requestsPerSecond: undefined, burst: undefined, connections: undefined, bodyBytes: undefined, headerBytes: undefined, timeoutSeconds: undefined },
    websocket: false,
  }
}

/** The route of a policy that writes none. */
export const everyPath: Route = Object.freeze({
  path: '/', prefix: true, methods: Object.freeze([]), host: undefined, destination: undefined, port: undefined, claims: Object.freeze([]), identities: Object.freeze([]),
})
