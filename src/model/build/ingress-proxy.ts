/** What a gateway does for an IngressPolicy with host names or a port of the gateway, from a document that its schema accepts. */
import { quote } from '../../base/diagnostic.ts'
import { domainMatches, parseDomain, parseDomainPattern } from '../../net/domain.ts'
import { everyPath } from '../ingress-proxy.ts'
import { resolveBeside } from '../lexical.ts'
import { enclaveOf, resolve } from './references.ts'
import type { Authentication, Claim, IngressGateway, IngressProxy, Jwks, Route, WorkloadId } from '../platform.ts'
import type { SpecOf } from '../schema/kinds.ts'
import type { Context } from './context.ts'

type Spec = SpecOf<'IngressPolicy'>
type WrittenRoute = NonNullable<Spec['routes']>[number]

export function proxyOf(context: Context<'IngressPolicy'>, spec: Spec): IngressGateway {
  if (spec.protocol !== 'tcp') context.problem(['protocol'], 'wrong-value', `${quote(spec.protocol)} cannot be carried by a gateway with \`hosts\``, 'write `tcp`', spec.protocol)
  const written = Array.isArray(spec.hosts) ? spec.hosts : spec.hosts === undefined ? [] : [spec.hosts]
  const hosts = unique(written.map((h) => h.toLowerCase().replace(/\.$/, '')))
  const authentication = authenticationOf(spec.authentication, context.doc.raw.file.absolute)
  const routes = (spec.routes ?? []).map((route, i) => routeOf(context, route, i, hosts, authentication.kind))
  const { tls = {}, limits = {} } = spec
  const proxy: IngressProxy = {
    protocol: spec.mode ?? 'http',
    hosts,
    listenPort: spec.listen,
    tls: {
      mode: tls.mode ?? 'terminate',
      minVersion: tls.minVersion ?? 'TLSv1.2',
      certificate: tls.certificateFile === undefined || tls.keyFile === undefined ? undefined : { certificateFile: tls.certificateFile, keyFile: tls.keyFile },
    },
    authentication,
    routes: routes.length === 0 ? [everyPath] : routes,
    limits: {
      requestsPerSecond: limits.requestsPerSecond,
      burst: limits.burst,
      connections: limits.connections,
      bodyBytes: limits.bodyBytes,
      headerBytes: limits.headerBytes,
      timeoutSeconds: limits.timeoutSeconds,
    },
    websocket: spec.websocket ?? false,
  }
  connectionsOnly(context, spec, proxy)
  subjectsKnown(context, proxy)
  return { kind: 'proxy', hosts, authentication: authentication.kind, proxy }
}

function authenticationOf(written: Spec['authentication'], file: string): Authentication {
  if (written === 'none') return { kind: 'none' }
  if (written === 'mtls') return { kind: 'mtls', caFile: undefined, subjects: [] }
  const { mtls, jwt, oidc } = written
  if (mtls !== undefined) return { kind: 'mtls', caFile: mtls.caFile, subjects: unique(mtls.subjects ?? []) }
  if (jwt !== undefined) return { kind: 'jwt', issuer: jwt.issuer, audiences: unique(jwt.audiences), jwks: jwksOf(jwt), claims: claimsOf(jwt.claims) }
  if (oidc === undefined) return { kind: 'none' }
  return {
    kind: 'oidc',
    issuer: oidc.issuer,
    clientId: oidc.clientId,
    clientSecretFile: resolveBeside(file, oidc.clientSecretFile),
    authorizationEndpoint: oidc.authorizationEndpoint,
    tokenEndpoint: oidc.tokenEndpoint,
    callbackPath: oidc.callbackPath ?? '/oauth2/callback',
    signOutPath: oidc.signOutPath ?? '/oauth2/sign-out',
    scopes: unique(oidc.scopes ?? ['openid']),
    audiences: unique(oidc.audiences ?? [oidc.clientId]),
    jwks: jwksOf(oidc),
    claims: claimsOf(oidc.claims),
  }
}

function jwksOf({ jwksUri, jwksFile }: { readonly jwksUri?: string | undefined; readonly jwksFile?: string | undefined }): Jwks {
  return jwksUri === undefined ? { kind: 'file', file: jwksFile ?? '' } : { kind: 'uri', uri: jwksUri }
}

/** A dot leads into a mapping, but names with a colon (as `https://example.org/roles`) are one step. */
function claimsOf(written: Readonly<Record<string, string | readonly string[]>> = {}): readonly Claim[] {
  return Object.keys(written).sort().map((name) => ({
    path: name.includes(':') ? [name] : name.split('.'),
    values: unique([written[name] ?? []].flat()),
  }))
}

function routeOf(context: Context<'IngressPolicy'>, route: WrittenRoute, index: number, hosts: readonly string[], method: Authentication['kind']): Route {
  const at = (...path: readonly (string | number)[]) => ['routes', index, ...path]
  const host = route.host === undefined ? undefined : parseDomain(route.host)
  if (route.host !== undefined && (host === undefined || !hosts.some((h) => holds(h, host)))) {
    context.problem(at('host'), 'route-host', `${quote(route.host)} is not one of the policy's \`hosts\``, hosts.length === 0 ? undefined : `they are ${hosts.map(quote).join(', ')}`, route.host)
  }
  if (route.claims !== undefined && method !== 'jwt' && method !== 'oidc') {
    context.problem(at('claims'), 'route-caller', `\`claims\` are in tokens, and the policy's \`authentication\` is ${quote(method)}`, 'write `authentication: {jwt: ...}` or `{oidc: ...}`, or remove `claims`')
  }
  if (route.identities !== undefined && method !== 'mtls') {
    context.problem(at('identities'), 'route-caller', `\`identities\` are in certificates, and the policy's \`authentication\` is ${quote(method)}`, 'write `authentication: mtls`, or remove `identities`')
  }
  return {
    path: route.path.endsWith('*') ? route.path.slice(0, -1) : route.path,
    prefix: route.path.endsWith('*'),
    methods: unique(route.methods ?? []),
    host,
    destination: destinationOf(context, route, at('destination')),
    port: route.port === undefined ? undefined : typeof route.port === 'number' ? { kind: 'number', port: route.port } : { kind: 'name', name: route.port },
    claims: claimsOf(route.claims),
    identities: unique(route.identities ?? []),
  }
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort()
}

function holds(host: string, name: string): boolean {
  const pattern = parseDomainPattern(host)
  return host === name || (pattern !== undefined && domainMatches(pattern, name))
}

function destinationOf(context: Context<'IngressPolicy'>, { destination }: WrittenRoute, path: readonly (string | number)[]): WorkloadId | undefined {
  if (destination === undefined) return undefined
  const ref = resolve(context, destination, path)
  if (ref === undefined) return undefined
  if (ref.kind === 'workload' && enclaveOf(ref) === context.doc.enclave) return ref.workload
  context.problem(path, 'invalid-reference', `${quote(destination)} is not a workload of this enclave`, 'a route leads to one of the policy\'s destinations', destination)
  return undefined
}

/** Without a `caFile` there are only the platform's own authority and those of its Peers. */
function subjectsKnown(context: Context<'IngressPolicy'>, { authentication, routes }: IngressProxy): void {
  if (authentication.kind !== 'mtls' || authentication.caFile !== undefined) return
  const check = (subjects: readonly string[], path: readonly (string | number)[]): void => {
    for (const subject of subjects) {
      const domain = /^spiffe:\/\/([^/]+)/.exec(subject)?.[1]
      if (domain !== undefined && (domain === context.trustDomain || context.peerDomains.has(domain))) continue
      const help = domain === undefined ? 'write `caFile` for names of another authority, or a SPIFFE ID' : `known here: ${[context.trustDomain, ...context.peerDomains.keys()].map(quote).join(', ')}`
      context.problem(path, 'unknown-subject', `no authority here certifies ${quote(subject)}`, help, subject)
    }
  }
  check(authentication.subjects, ['authentication'])
  for (const [i, route] of routes.entries()) check(route.identities, ['routes', i, 'identities'])
}

/** What only requests have, said of connections that are led on whole; and TLS that nobody can choose by. */
function connectionsOnly(context: Context<'IngressPolicy'>, spec: Spec, { protocol, hosts, listenPort, tls, authentication }: IngressProxy): void {
  const conflict = (path: readonly (string | number)[], message: string, help?: string): void => context.problem(path, 'conflicting-fields', message, help)
  if (protocol === 'http') {
    if (tls.mode !== 'terminate') conflict(['tls', 'mode'], `\`${tls.mode}\` hides the requests that \`mode: http\` judges`, 'write `mode: tcp`')
    return
  }
  if (spec.routes !== undefined) conflict(['routes'], '`mode: tcp` has no requests to route', 'remove `routes`, or write `mode: http`')
  if (spec.websocket === true) conflict(['websocket'], '`mode: tcp` has no requests', 'remove `websocket`')
  for (const field of ['requestsPerSecond', 'burst', 'bodyBytes', 'headerBytes', 'timeoutSeconds'] as const) {
    if (spec.limits?.[field] !== undefined) conflict(['limits', field], `\`${field}\` counts requests, and \`mode: tcp\` has none`, 'only `connections` has a meaning here')
  }
  if (authentication.kind === 'jwt' || authentication.kind === 'oidc') conflict(['authentication'], `\`${authentication.kind}\` is in requests, and \`mode: tcp\` has none`, 'write `none` or `mtls`')
  if (authentication.kind === 'mtls' && tls.mode !== 'terminate') conflict(['authentication'], '`mtls` needs `tls: {mode: terminate}`: the gateway has to see the certificate')
  if (tls.mode !== 'terminate' && tls.certificate !== undefined) conflict(['tls', 'certificateFile'], `the gateway shows no certificate with \`mode: ${tls.mode}\``)
  if (tls.mode === 'none' && (listenPort === undefined || hosts.length > 0)) conflict(['tls', 'mode'], 'without TLS there is no name to choose by', 'write `listen: PORT`, and no `hosts`')
  if (tls.mode === 'passthrough' && hosts.length === 0) conflict(['tls', 'mode'], '`passthrough` chooses by name, and there are no `hosts`')
}
