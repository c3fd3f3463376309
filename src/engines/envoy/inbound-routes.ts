/** The routes of one name: the most specific path first, then its methods, then what the caller has to be. What none allows is refused. */
import { duration, typed } from './json.ts'
import { hasPort } from '../../net/ports.ts'
import { identityHeaders, isToken, jwtFilter, principal, providerName, signIn, signInFilter } from './authentication.ts'
import { methodIs } from './outbound-http.ts'
import { named } from './names.ts'
import { refuse } from './capabilities.ts'
import { toWorkloads } from './clusters.ts'
import type { GatewayInventory } from './inventory.ts'
import type { IngressRule } from './inbound-rules.ts'
import type { Chains } from './outbound-names.ts'
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

export function routesOf(host: string, rules: readonly IngressRule[], context: RouteContext): readonly JsonObject[] {
  const paths = new Map<string, Entry[]>()
  for (const rule of rules) {
    for (const route of rule.proxy.routes) {
      if (route.host !== undefined && route.host !== host) continue
      const targets = targetsOf(rule, route, context)
      if (targets === undefined) {
        context.refused.push(refuse('route-port', rule.path, route.path))
        continue
      }
      const key = `${route.prefix ? 'prefix' : 'exact'} ${route.path}`
      const entries = paths.get(key) ?? []
      const other = entries.find((entry) => methodsMeet(entry.route.methods, route.methods))
      if (other !== undefined) context.refused.push(refuse('route-conflict', rule.path, `\`${route.path}${route.prefix ? '*' : ''}\`, ${other.rule.document}`))
      else paths.set(key, [...entries, { rule, route, targets }])
    }
  }
  const ordered = [...paths.values()].sort(([a], [b]) => compareRoutes(a?.route, b?.route))
  return [...signInRoutes(rules, context), ...ordered.flatMap((entries) => entriesOf(host, entries, context))]
}

function compareRoutes(a: Route | undefined, b: Route | undefined): number {
  if (a === undefined || b === undefined) return 0
  return Number(a.prefix) - Number(b.prefix) || b.path.length - a.path.length || (a.path < b.path ? -1 : 1)
}

function methodsMeet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === 0 || b.length === 0 || a.some((method) => b.includes(method))
}

function entriesOf(host: string, entries: readonly Entry[], context: RouteContext): readonly JsonObject[] {
  const [first] = entries
  if (first === undefined) return []
  const match = first.route.prefix ? { prefix: first.route.path } : { path: first.route.path }
  const routes = entries.flatMap((entry) => entryOf(host, match, entry, context))
  if (entries.some(({ route }) => route.methods.length === 0)) return routes
  return [...routes, { name: `method:${first.route.path}`, match, direct_response: { status: 403 }, typed_per_filter_config: unjudged() }]
}

/** gRPC needs HTTP/2 up to the workload; everything else is spoken to in HTTP/1.1, which every server knows. */
function entryOf(host: string, match: JsonObject, { rule, route, targets }: Entry, context: RouteContext): readonly JsonObject[] {
  const { proxy, document } = rule
  const headers = route.methods.length === 0 ? {} : { headers: [methodIs(route.methods)] }
  const common = { request_headers_to_add: identityHeaders(proxy.authentication), typed_per_filter_config: perRoute(rule, route, context) }
  const make = (version: 'http1' | 'http2', more: JsonObject): JsonObject => {
    const upgrade = proxy.websocket && version === 'http1' ? { upgrade_configs: [{ upgrade_type: 'websocket', enabled: true }] } : {}
    const seconds = proxy.limits.timeoutSeconds
    const times = seconds === undefined ? { timeout: '0s' } : { timeout: duration(seconds * 1000), max_stream_duration: { max_stream_duration: duration(seconds * 1000) } }
    const body = { match: { ...match, ...headers, ...more }, route: { cluster: toWorkloads(targets, version, context.inventory, context.made.clusters), ...times, ...upgrade }, ...common }
    const name = named(`route:${host}${route.path}${route.prefix ? '*' : ''}`, body)
    context.rules.set(name, [document])
    return { name, ...body }
  }
  return [make('http2', { grpc: {} }), make('http1', {})]
}

function perRoute({ proxy, document }: IngressRule, route: Route, context: RouteContext): JsonObject {
  const { authentication, limits } = proxy
  const who = principal(authentication, route.claims, route.identities, context.platform.trustDomain)
  return {
    [policyFilter]: typed('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', {
      rbac: { rules: { action: 'ALLOW', policies: { [document]: { permissions: [{ any: true }], principals: [who] } } } },
    }),
    [jwtFilter]: typed('envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig', isToken(authentication) ? { requirement_name: providerName(authentication) } : { disabled: true }),
    ...(authentication.kind === 'oidc' ? { [signInFilter]: signIn(authentication, context.inventory, context.made) } : {}),
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

/** The two paths that the sign-in itself answers; nothing stands behind them. */
function signInRoutes(rules: readonly IngressRule[], context: RouteContext): readonly JsonObject[] {
  const known = new Map<string, JsonObject>()
  for (const { proxy: { authentication }, document } of rules) {
    if (authentication.kind !== 'oidc') continue
    const filters = { ...unjudged(), [signInFilter]: signIn(authentication, context.inventory, context.made) }
    for (const path of [authentication.callbackPath, authentication.signOutPath]) {
      const name = `sign-in:${path}`
      if (known.has(name)) continue
      known.set(name, { name, match: { path }, direct_response: { status: 403 }, typed_per_filter_config: filters })
      context.rules.set(name, [document])
    }
  }
  return [...known.values()]
}

/** For what Envoy answers itself: there is nobody to authenticate for. */
export function unjudged(): JsonObject {
  return {
    [policyFilter]: typed('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', { rbac: { rules: { action: 'ALLOW', policies: { own: { permissions: [{ any: true }], principals: [{ any: true }] } } } } }),
    [jwtFilter]: typed('envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig', { disabled: true }),
  }
}

/** Undefined when it is not one port of each destination. */
function targetsOf(rule: IngressRule, { destination, port }: Route, { platform }: RouteContext): readonly Target[] | undefined {
  const wanted = [...rule.destinations].filter(([workload]) => destination === undefined || destination === workload)
  const targets = wanted.map(([workload, open]) => {
    const declared = platform.workloads.get(workload)?.ports ?? []
    const only = open.length === 1 && open[0]?.from === open[0]?.to ? open[0]?.from : undefined
    const number = port === undefined ? only : port.kind === 'number' ? port.port : declared.find((each) => each.name === port.name && each.protocol === 'tcp')?.port
    return number !== undefined && hasPort(open, number) ? { workload, port: number } : undefined
  })
  const good = targets.filter((target) => target !== undefined)
  return good.length === 0 || good.length < targets.length ? undefined : good
}
