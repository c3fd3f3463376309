/** Plain HTTP to outside names: the Host decides where, methods and paths decide whether. */
import { formatDomainPattern } from '../../net/domain.ts'
import { requestLog } from './access-log.ts'
import { extension, typed } from './json.ts'
import { strictHttp } from './limits.ts'
import { hidingPath } from '../../net/http-path.ts'
import { identityHeader, named } from './names.ts'
import { covers } from './permits.ts'
import { namesCluster, patternRate, proxyRequestsCluster, resolution } from './upstream-names.ts'
import type { DomainPattern } from '../../net/domain.ts'
import type { Permit } from './permits.ts'
import type { JsonObject } from './json.ts'
import type { Chains, Way } from './outbound.ts'

export function httpOut(permits: readonly Permit[], way: Way, rules: Chains['rules']): JsonObject {
  const patterns = new Map(permits.map(({ pattern }) => [formatDomainPattern(pattern), pattern]))
  const hosts = [...patterns].sort().map(([text, pattern]) => hostOf(text, pattern, permits, way, rules))
  return extension('envoy.filters.network.http_connection_manager', 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'out',
    ...strictHttp(undefined),
    // A port in the Host is that of the connection, or the request fits no host.
    strip_matching_host_port: true,
    skip_xff_append: true,
    http_filters: [
      ...(limited(way, [...patterns.values()]) ? [{ name: rateFilter, disabled: true, typed_config: typed(rateType, { stat_prefix: 'pattern' }) }] : []),
      ...(way.proxy === undefined ? [forward(way)] : []),
      extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router', { suppress_envoy_headers: true }),
    ],
    access_log: requestLog(way.inventory.folder),
    route_config: { name: 'out', virtual_hosts: hosts, request_headers_to_remove: [identityHeader, ...(way.proxy === undefined ? [] : ['proxy-authorization', 'proxy-connection']), 'x-forwarded-for', 'x-forwarded-proto', 'x-envoy-external-address'] },
  })
}

/** The proxy goes by the name and port of the URL, and the port is that of the connection, whatever a Host says. */
const withPort = '%REQ(:authority)%:%DOWNSTREAM_LOCAL_PORT%'

function forward({ inventory }: Way): JsonObject {
  return extension('envoy.filters.http.dynamic_forward_proxy', 'envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig', {
    dns_cache_config: resolution(inventory), allow_dynamic_host_from_filter_state: true,
  })
}

const rateFilter = 'envoy.filters.http.local_ratelimit'
const rateType = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit'
/** As for connections: requests of one may name many. */
const namesRate: JsonObject = typed(rateType, {
  stat_prefix: 'pattern', token_bucket: patternRate, filter_enabled: { default_value: { numerator: 100 } }, filter_enforced: { default_value: { numerator: 100 } },
})

function limited({ proxy }: Way, patterns: readonly DomainPattern[]): boolean {
  return proxy === undefined && patterns.some(({ below }) => below)
}

/** Envoy takes the host whose pattern is the most specific; it has the routes of every wider pattern too, since policies only add. */
function hostOf(text: string, pattern: DomainPattern, permits: readonly Permit[], way: Way, rules: Chains['rules']): JsonObject {
  const matches = new Map<string, JsonObject>()
  for (const { pattern: outer, http, document } of permits) {
    if (!covers(outer, pattern)) continue
    for (const match of matchesOf(http)) {
      const name = named(`route:${text}`, match)
      matches.set(name, match)
      rules.set(name, [...new Set([...(rules.get(name) ?? []), document])].sort())
    }
  }
  const action = way.proxy === undefined ? { cluster: namesCluster, timeout: '0s' } : { cluster: proxyRequestsCluster, timeout: '0s', host_rewrite: withPort }
  const routes = [...matches].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, match]) => ({ name, match, route: action }))
  const own = limited(way, [pattern]) ? { typed_per_filter_config: { [rateFilter]: namesRate } } : {}
  // Whoever may ask for every path may ask for strange ones too, and needs no other route.
  const free = routes.filter(({ match }) => match['prefix'] === '/' && match['headers'] === undefined)
  if (free.length > 0) return { name: text, domains: [text], routes: free, ...own }
  const hidden = { name: 'hidden', match: { safe_regex: { regex: hidingPath } }, direct_response: { status: 400 } }
  return { name: text, domains: [text], routes: [hidden, ...routes], ...own }
}

function matchesOf(http: Permit['http']): readonly JsonObject[] {
  const methods = http?.methods ?? []
  const headers = methods.length === 0 ? {} : { headers: [methodIs(methods)] }
  const paths = http === undefined || http.paths.length === 0 ? ['/*'] : http.paths
  return paths.map((path) => ({ ...(path.endsWith('*') ? { prefix: path.slice(0, -1) } : { path }), ...headers }))
}

/** Methods are letters alone, so they need no quoting in an expression. */
export function methodIs(methods: readonly string[]): JsonObject {
  return { name: ':method', string_match: { safe_regex: { regex: [...methods].sort().join('|') } } }
}
