/** The routes of one name: the most specific path first, then its methods, then what the caller has to be. What none allows is refused. */
import { duration, typed } from './json.ts'
import { hasPort } from '../../net/ports.ts'
import { canonicalJson } from '../../base/canonical-json.ts'
import { hidingPath } from '../../net/http-path.ts'
import { allOf, identityHeaders, isToken, jwtFilter, oneName, principal, providerName, sourcePrincipal } from './authentication.ts'
import { methodIs } from './outbound-http.ts'
import { portOf } from './inbound-rules.ts'
import { signIn, signInFilter } from './sign-in.ts'
import { named } from './names.ts'
import { refuse } from './capabilities.ts'
import { toWorkloads } from './clusters.ts'
import type { GatewayInventory } from './inventory.ts'
import type { IngressRule } from './inbound-rules.ts'
import type { Chains } from './outbound.ts'
import type { JsonObject } from './json.ts'
import type { Made } from './outbound-mesh.ts'
import type { Platform, Route } from '../../model/platform.ts'
import type { Refusal } from './capabilities.ts'
import type { Target } from './clusters.ts'

export interface RouteContext {
  readonly platform: Platform
  readonly inventory: GatewayInventory
  readonly made: Made
  readonly rules: Chains['rules']
  readonly refused: Refusal[]
}

interface Entry {
  readonly rule: IngressRule
  readonly route: Route
  readonly targets: readonly Target[]
}

export const rateFilter = 'envoy.filters.http.local_ratelimit'
export const bodyFilter = 'envoy.filters.http.buffer'
export const policyFilter = 'envoy.filters.http.rbac'

/**
 * `host` is the name or pattern that routes are for, `pattern` the one that policies list. What a server behind could read in another way
 * is refused first. Of routes with one pattern of paths, those that name the host come before those that do not.
 */
export function routesOf(host: string, pattern: string, rules: readonly IngressRule[], context: RouteContext): readonly JsonObject[] {
  const paths = new Map<string, Entry[]>()
  for (const rule of rules) {
    for (const route of rule.proxy.routes) {
      if (route.host !== undefined && route.host !== host) continue
      const key = `${route.prefix ? 'prefix' : 'exact'} ${route.path}`
      paths.set(key, [...(paths.get(key) ?? []), { rule, route, targets: targetsOf(rule, route, context) }])
    }
  }
  const ordered = [...paths.values()].map(closest).sort(([a], [b]) => compareRoutes(a?.route, b?.route))
  const hidden = { name: 'hidden', match: { safe_regex: { regex: hidingPath } }, direct_response: { status: 400 }, typed_per_filter_config: unjudged() }
  const none = { name: 'none', match: { prefix: '/' }, direct_response: { status: 404 }, typed_per_filter_config: unjudged() }
  const held = ordered.flatMap((entries) => entriesOf(host, pattern, alike(entries, context), context))
  return [hidden, ...(rules.some(({ proxy }) => proxy.websocket) ? [takenAway] : []), ...signInRoutes(host, rules, context), ...held, none]
}

/**
 * The connection of a WebSocket says so to the server behind, which may take every header that it names for the connection's own and drop
 * it: that of the identity too. It may name nothing but its upgrade.
 */
const takenAway: JsonObject = {
  name: 'taken-away',
  match: { prefix: '/', headers: [{ name: 'connection', string_match: { safe_regex: { regex: '(?i:[ \\t]*(?:keep-alive|upgrade)[ \\t]*(?:,[ \\t]*(?:keep-alive|upgrade)[ \\t]*)*)' } }, invert_match: true }] },
  direct_response: { status: 400 },
  typed_per_filter_config: unjudged(),
}

function closest(entries: readonly Entry[]): readonly Entry[] {
  const naming = entries.filter(({ route }) => route.host !== undefined)
  return naming.length > 0 ? naming : entries
}

function compareRoutes(a: Route | undefined, b: Route | undefined): number {
  if (a === undefined || b === undefined) return 0
  return Number(a.prefix) - Number(b.prefix) || b.path.length - a.path.length || (a.path < b.path ? -1 : 1)
}

/** Policies of one pattern ask for proof in one way and have one set of limits; a set that says otherwise is refused before. */
function alike(entries: readonly Entry[], { refused }: RouteContext): readonly Entry[] {
  const asks = ({ rule: { proxy } }: Entry): string => canonicalJson([proxy.authentication, proxy.limits])
  const [first] = entries
  const same = entries.filter((entry) => first !== undefined && asks(entry) === asks(first))
  refused.push(...entries.filter((entry) => !same.includes(entry)).map(({ rule, route }) => refuse('route-conflict', rule.path, `\`${route.path}${route.prefix ? '*' : ''}\``)))
  return same
}

/** One route for each place that it may lead to; the policies that lead there are asked together, and one of them has to agree. */
function entriesOf(host: string, pattern: string, entries: readonly Entry[], context: RouteContext): readonly JsonObject[] {
  const [first] = entries
  if (first === undefined) return []
  const match = first.route.prefix ? { prefix: first.route.path } : { path: first.route.path }
  const groups = Map.groupBy(entries.filter(({ rule, targets }) => rule.open && targets.length > 0), ({ targets }) => canonicalJson(targets))
  const anyMethod = (group: readonly Entry[]): boolean => group.some(({ route }) => route.methods.length === 0)
  const ordered = [...groups.values()].sort((a, b) => Number(anyMethod(a)) - Number(anyMethod(b)))
  const routes = ordered.flatMap((group) => groupOf(host, pattern, { ...match, ...(anyMethod(group) ? {} : { headers: [methodIs([...new Set(group.flatMap(({ route }) => route.methods))])] }) }, group, context))
  if (ordered.some(anyMethod)) return routes
  return [...routes, { name: `closed:${first.route.path}`, match, direct_response: { status: 403 }, typed_per_filter_config: unjudged() }]
}

/** gRPC needs HTTP/2 up to the workload; everything else is spoken to in HTTP/1.1, which every server knows. */
function groupOf(host: string, pattern: string, match: JsonObject, group: readonly Entry[], context: RouteContext): readonly JsonObject[] {
  const [first] = group
  if (first === undefined) return []
  const { proxy } = first.rule
  const told = identityHeaders(proxy.authentication)
  const common = { ...(told.length === 0 ? {} : { request_headers_to_add: told }), typed_per_filter_config: perRoute(host, pattern, group, first.rule, context) }
  const make = (version: 'http1' | 'http2', more: JsonObject): JsonObject => {
    const upgrade = version === 'http1' && group.some(({ rule }) => rule.proxy.websocket) ? { upgrade_configs: [{ upgrade_type: 'websocket', enabled: true }] } : {}
    const seconds = proxy.limits.timeoutSeconds
    const times = seconds === undefined ? { timeout: '0s' } : { timeout: duration(seconds * 1000), max_stream_duration: { max_stream_duration: duration(seconds * 1000) } }
    const body = { match: { ...match, ...more }, route: { cluster: toWorkloads(first.targets, version, context.inventory, context.made.clusters), ...times, ...upgrade }, ...common }
    const name = named(`route:${host}${first.route.path}${first.route.prefix ? '*' : ''}`, body)
    context.rules.set(name, [...new Set(group.map(({ rule }) => rule.document))].sort())
    return { name, ...body }
  }
  // A call of gRPC is a POST.
  return [...(mayBe('POST', group) ? [make('http2', { grpc: {} })] : []), make('http1', {})]
}

function mayBe(method: string, group: readonly Entry[]): boolean {
  return group.some(({ route: { methods } }) => methods.length === 0 || methods.includes(method))
}

function perRoute(host: string, pattern: string, group: readonly Entry[], first: IngressRule, context: RouteContext): JsonObject {
  const { authentication, limits } = first.proxy
  const policies = Object.fromEntries(group.map(({ rule, route }, i) => {
    const who = principal(rule.proxy.authentication, route.claims, route.identities, context.platform.trustDomain)
    const permission = route.methods.length === 0 ? { any: true } : { header: methodIs(route.methods) }
    return [`${rule.document}#${i}`, { permissions: [permission], principals: [allOf([sourcePrincipal(rule.sources), who])], ...(pattern.startsWith('*') ? { condition: oneName } : {}) }]
  }))
  return {
    [policyFilter]: typed('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', { rbac: { rules: { action: 'ALLOW', policies } } }),
    ...(isToken(authentication) ? { [jwtFilter]: typed('envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig', { requirement_name: providerName(authentication) }) } : {}),
    ...(authentication.kind === 'oidc' ? { [signInFilter]: signIn(authentication, host, portOf(context.platform, first), context.inventory, context.made) } : {}),
    ...(limits.bodyBytes === undefined ? {} : { [bodyFilter]: typed('envoy.extensions.filters.http.buffer.v3.BufferPerRoute', { buffer: { max_request_bytes: Math.max(1, limits.bodyBytes) } }) }),
    ...(limits.requestsPerSecond === undefined ? {} : { [rateFilter]: rateLimit(limits.requestsPerSecond, limits.burst ?? limits.requestsPerSecond) }),
  }
}

/** A bucket for each client address; of so many addresses that they do not fit, those not seen for longest are forgotten. */
function rateLimit(perSecond: number, burst: number): JsonObject {
  const bucket = { max_tokens: burst, tokens_per_fill: perSecond, fill_interval: duration(1_000) }
  return typed('envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', {
    stat_prefix: 'rate',
    token_bucket: { max_tokens: 0xffff_ffff, tokens_per_fill: 0xffff_ffff, fill_interval: duration(1_000) },
    filter_enabled: { default_value: { numerator: 100 } },
    filter_enforced: { default_value: { numerator: 100 } },
    max_dynamic_descriptors: 16_384,
    rate_limits: [{ actions: [{ remote_address: {} }] }],
    descriptors: [{ entries: [{ key: 'remote_address' }], token_bucket: bucket }],
  })
}

/** The two paths that the sign-in itself answers; nothing stands behind them, also where nobody may sign in any more. */
function signInRoutes(host: string, rules: readonly IngressRule[], context: RouteContext): readonly JsonObject[] {
  const known = new Map<string, JsonObject>()
  for (const rule of [...rules].sort((a, b) => Number(b.open) - Number(a.open))) {
    const { proxy: { authentication }, document } = rule
    if (authentication.kind !== 'oidc') continue
    const filters = !rule.open ? unjudged() : { ...unjudged(), [signInFilter]: signIn(authentication, host, portOf(context.platform, rule), context.inventory, context.made) }
    for (const path of [authentication.callbackPath, authentication.signOutPath]) {
      const name = `sign-in:${path}`
      if (known.has(name)) continue
      known.set(name, { name, match: { path }, direct_response: { status: 403 }, typed_per_filter_config: filters })
      context.rules.set(name, [document])
    }
  }
  return [...known.values()]
}

/** For what Envoy answers itself: a setting of the route that holds no rules is no judgement. */
export function unjudged(): JsonObject {
  return { [policyFilter]: typed('envoy.extensions.filters.http.rbac.v3.RBACPerRoute') }
}

/** The destinations at which the route leads to an open port; where several are meant, the lowest. */
function targetsOf(rule: IngressRule, { destination, port }: Route, { platform }: RouteContext): readonly Target[] {
  return [...rule.destinations].filter(([workload]) => destination === undefined || destination === workload).flatMap(([workload, open]) => {
    const declared = platform.workloads.get(workload)?.ports ?? []
    const wanted = port === undefined ? open.map(({ from }) => from) : port.kind === 'number' ? [port.port] : declared.filter((each) => each.name === port.name && each.protocol === 'tcp').map((each) => each.port)
    const [lowest] = wanted.filter((number) => hasPort(open, number)).sort((a, b) => a - b)
    return lowest === undefined ? [] : [{ workload, port: lowest }]
  })
}
