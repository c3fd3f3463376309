/** Requests from outside: one chain for each name and class of sources. Authentication, then routing, then policy. */
import { requestLog } from './access-log.ts'
import { extension, typed } from './json.ts'
import { frontServer, handshakeTimeout } from './tls.ts'
import { bodyFilter, policyFilter, rateFilter, routesOf, unjudged } from './inbound-routes.ts'
import { identityHeader, named } from './names.ts'
import { hasKeys, isToken, jwtFilter, provider, providerName } from './authentication.ts'
import { need } from './secrets.ts'
import { signInFilter, signInKey, withoutSession } from './sign-in.ts'
import { parseDomainPattern } from '../../net/domain.ts'
import { covers } from './permits.ts'
import { refuse } from './capabilities.ts'
import { strictHttp } from './limits.ts'
import { wants } from './outbound-mesh.ts'
import type { Authentication } from '../../model/platform.ts'
import type { Door, IngressRule } from './inbound-rules.ts'
import type { Front } from './tls.ts'
import type { JsonObject } from './json.ts'
import type { RouteContext } from './inbound-routes.ts'

const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'

/**
 * Headers whose names are not letters, digits and hyphens. Many servers turn every other mark into the one that a hyphen becomes, so that
 * `x.bulkhead.identity` would be the identity header, too. Names with underscores are refused by then.
 */
const strangeNames: JsonObject = { remove_on_match: { key_matcher: { safe_regex: { regex: '[^:]*[^-a-z0-9:][^:]*' } } } }

/** `others`: every name that has a door of its own at this port. */
export function httpDoor(door: Door, others: readonly string[], context: RouteContext): JsonObject | undefined {
  const host = door.host
  if (host === undefined) return undefined
  const rules = sameFront(door.rules, context)
  const open = rules.filter((rule) => rule.open)
  if (open.length === 0) return undefined
  const inner = [...new Set(rules.flatMap(({ proxy }) => proxy.routes.flatMap((route) => (route.host === undefined || route.host === host ? [] : [route.host]))))].sort()
  const hosts = [host, ...inner].map((name) => ({ name, domains: [name], routes: routesOf(name, host, rules, context) }))
  const used = open.map(({ proxy }) => proxy)
  const websocket = used.some((proxy) => proxy.websocket)
  const manage = extension('envoy.filters.network.http_connection_manager', manager, {
    stat_prefix: 'in',
    ...strictHttp(largest(used.map(({ limits }) => limits.headerBytes))),
    strip_matching_host_port: true,
    early_header_mutation_extensions: [
      extension('envoy.http.early_header_mutation.header_mutation', 'envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation', {
        mutations: [...[identityHeader, 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded'].map((remove) => ({ remove })), strangeNames],
      }),
    ],
    ...(websocket ? { upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }] } : {}),
    http_filters: filtersOf(open, context),
    access_log: requestLog(context.inventory.folder),
    route_config: { name: 'in', virtual_hosts: [...hosts, ...elsewhere(host, others.filter((other) => !inner.includes(other)))] },
  })
  const connections = largest(used.map(({ limits }) => limits.connections))
  const body = {
    filter_chain_match: { transport_protocol: 'tls', server_names: [host] },
    transport_socket_connect_timeout: handshakeTimeout,
    transport_socket: frontServer(context.inventory.folder, { ...frontOf(host, open, context), alpn: ['h2', 'http/1.1'] }),
    filters: [...(connections === undefined ? [] : [connectionLimit(connections)]), manage],
  }
  const name = named(`in:${door.port}:${host}`, body)
  context.rules.set(name, [...new Set(rules.map(({ document }) => document))].sort())
  return { name, ...body }
}

export function sourcesOf({ sources }: Door): JsonObject {
  if (sources === undefined) return {}
  return { source_prefix_ranges: sources.map((text) => ({ address_prefix: text.replace(/\/.*/, ''), prefix_len: Number(text.replace(/.*\//, '')) })) }
}

export function connectionLimit(connections: number): JsonObject {
  return extension('envoy.filters.network.connection_limit', 'envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit', { stat_prefix: 'limit', max_connections: connections })
}

/** A name below a pattern that has a door of its own is not to be had through the pattern's: the request is misdirected. */
function elsewhere(host: string, others: readonly string[]): readonly JsonObject[] {
  const pattern = parseDomainPattern(host)
  const inner = others.filter((other) => {
    const parsed = parseDomainPattern(other)
    return other !== host && pattern !== undefined && parsed !== undefined && covers(pattern, parsed)
  })
  return inner.length === 0 ? [] : [{ name: 'elsewhere', domains: inner, routes: [{ name: 'elsewhere', match: { prefix: '/' }, direct_response: { status: 421 }, typed_per_filter_config: unjudged() }] }]
}

/** The loosest of the limits where all have one; otherwise the gateway's own. */
function largest(values: readonly (number | undefined)[]): number | undefined {
  return values.includes(undefined) || values.length === 0 ? undefined : Math.max(...values.map((value) => value ?? 0))
}

/** Policies of one name show one certificate and believe one authority. The routes of one that cannot stand do, and let nobody in: nothing falls to a wider route. */
function sameFront(rules: readonly IngressRule[], { refused, inventory }: RouteContext): readonly IngressRule[] {
  const judged: IngressRule[] = []
  for (const rule of rules) {
    const { tls, authentication, limits } = rule.proxy
    const standing = judged.filter(({ open }) => open)
    const otherFiles = standing.find(({ proxy }) => proxy.tls.certificate?.certificateFile !== tls.certificate?.certificateFile || proxy.tls.certificate?.keyFile !== tls.certificate?.keyFile)
    const otherRoots = standing.find(({ proxy }) => authentication.kind === 'mtls' && proxy.authentication.kind === 'mtls' && proxy.authentication.caFile !== authentication.caFile)
    const otherSignIn = standing.find(({ proxy }) => authentication.kind === 'oidc' && proxy.authentication.kind === 'oidc' && signInKey(proxy.authentication) !== signInKey(authentication))
    const refusal = !rule.open ? undefined
      : otherFiles !== undefined ? refuse('certificate-conflict', rule.path, otherFiles.document)
        : otherRoots !== undefined ? refuse('authority-conflict', rule.path, otherRoots.document)
          : otherSignIn !== undefined ? refuse('sign-in-conflict', rule.path, otherSignIn.document)
            : isToken(authentication) && !hasKeys(authentication, inventory) ? refuse('key-set', rule.path)
              : (limits.bodyBytes ?? 0) > 0xffff_ffff ? refuse('body-limit', rule.path) : undefined
    if (refusal !== undefined) refused.push(refusal)
    judged.push(refusal === undefined ? rule : { ...rule, open: false })
  }
  return judged
}

/** What callers meet, for requests and for connections that are led on. */
export function frontOf(host: string | undefined, rules: readonly IngressRule[], { platform, made }: RouteContext): Omit<Front, 'alpn'> {
  const [first] = rules
  const files = first?.proxy.tls.certificate
  const certificate = wants(made, files === undefined ? need({ kind: 'server', hosts: host === undefined ? [] : [host] }) : need({ kind: 'certificate', ...files }))
  const minVersion = rules.some(({ proxy }) => proxy.tls.minVersion === 'TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2'
  const mtls = rules.flatMap(({ proxy: { authentication } }) => (authentication.kind === 'mtls' ? [authentication] : []))
  if (mtls.length === 0) return { certificate, minVersion, clients: undefined }
  const caFile = mtls[0]?.caFile
  const roots = wants(made, caFile === undefined ? need({ kind: 'bundle', trustDomains: trustDomains(mtls, platform.trustDomain) }) : need({ kind: 'ca', caFile }))
  return { certificate, minVersion, clients: { trust: { roots, subjects: [] }, required: mtls.length === rules.length } }
}

function trustDomains(mtls: readonly Extract<Authentication, { readonly kind: 'mtls' }>[], own: string): readonly string[] {
  return [...new Set([own, ...mtls.flatMap(({ subjects }) => trustDomainsOf(subjects))])].sort()
}

export function trustDomainsOf(subjects: readonly string[]): readonly string[] {
  return [...new Set(subjects.flatMap((subject) => /^spiffe:\/\/([^/]+)\//.exec(subject)?.[1] ?? []))]
}

/** A filter is there only where a policy needs it, and judges only the routes that say so; policy itself judges all. */
function filtersOf(rules: readonly IngressRule[], { inventory, made }: RouteContext): readonly JsonObject[] {
  const tokens = rules.flatMap(({ proxy: { authentication } }) => (isToken(authentication) ? [authentication] : []))
  const providers = Object.fromEntries(tokens.map((token) => [providerName(token), provider(token, inventory, made)]))
  const requirements = Object.fromEntries(Object.keys(providers).map((name) => [name, { provider_name: name }]))
  const people = tokens.some(({ kind }) => kind === 'oidc')
  const rated = rules.some(({ proxy }) => proxy.limits.requestsPerSecond !== undefined)
  const sized = rules.some(({ proxy }) => proxy.limits.bodyBytes !== undefined)
  return [
    ...(rated ? [{ name: rateFilter, disabled: true, typed_config: typed('envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', { stat_prefix: 'rate' }) }] : []),
    ...(people ? [{ name: signInFilter, disabled: true, typed_config: typed('envoy.extensions.filters.http.oauth2.v3.OAuth2') }] : []),
    ...(tokens.length > 0 ? [extension(jwtFilter, 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication', { providers, requirement_map: requirements })] : []),
    ...(people ? [withoutSession] : []),
    // Rules that hold no policy allow nothing: a route without a policy of its own is refused.
    extension(policyFilter, 'envoy.extensions.filters.http.rbac.v3.RBAC', { rules: { action: 'ALLOW', policies: {} } }),
    // gRPC hands trailers on, and some servers read them as headers.
    extension('envoy.filters.http.header_mutation', 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation', {
      mutations: { request_trailers_mutations: [...[identityHeader, 'authorization'].map((remove) => ({ remove })), strangeNames] },
    }),
    ...(sized ? [{ name: bodyFilter, disabled: true, typed_config: typed('envoy.extensions.filters.http.buffer.v3.Buffer', { max_request_bytes: 1 }) }] : []),
    extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router', { suppress_envoy_headers: true }),
  ]
}

/** Plain HTTP that leads to https and to nothing else, for the names that are served there. */
export function redirect(hosts: readonly string[], httpsPort: number, { inventory }: RouteContext): JsonObject {
  const route = { name: 'redirect', match: { prefix: '/' }, redirect: { https_redirect: true, ...(httpsPort === 443 ? {} : { port_redirect: httpsPort }) } }
  return extension('envoy.filters.network.http_connection_manager', manager, {
    stat_prefix: 'redirect',
    ...strictHttp(8 * 1024),
    strip_matching_host_port: true,
    http_filters: [extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router', { suppress_envoy_headers: true })],
    access_log: requestLog(inventory.folder),
    route_config: { name: 'redirect', virtual_hosts: hosts.length === 0 ? [] : [{ name: 'redirect', domains: hosts, routes: [route] }] },
  })
}
