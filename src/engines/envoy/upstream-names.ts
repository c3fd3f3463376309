/** How the outbound gateway reaches a name: by resolving it itself, or through the platform's proxy. */
import { duration, extension, typed } from './json.ts'
import { formatAddress } from '../../net/address.ts'
import { tcpIdle } from './limits.ts'
import { named } from './names.ts'
import type { GatewayInventory } from './inventory.ts'
import type { JsonObject } from './json.ts'

export const namesCluster = 'names'
/** Reached by CONNECT, for connections. */
const proxyCluster = 'proxy'
/** Asked with whole URLs (RFC 9112, section 3.2.2), for plain HTTP: many proxies let CONNECT lead to ports of TLS alone. */
export const proxyRequestsCluster = 'proxy-requests'

/** The port that the client asked for, whatever a header says of it. */
export const portOverride: JsonObject = extension('envoy.filters.network.set_filter_state', 'envoy.extensions.filters.network.set_filter_state.v3.Config', {
  on_new_connection: [{ object_key: 'envoy.upstream.dynamic_port', format_string: { text_format_source: { inline_string: '%DOWNSTREAM_LOCAL_PORT%' } } }],
})

/** The platform's own resolver and no other: it refuses private answers, and names that nobody may ask for. */
export function resolver({ resolver: { addresses } }: GatewayInventory): JsonObject {
  return extension('envoy.network.dns_resolver.cares', 'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig', {
    resolvers: addresses.map((address) => ({ socket_address: { address: formatAddress(address), port_value: 53 } })),
    dns_resolver_options: { no_default_search_domain: true },
    // The addresses are one resolver: what it refuses at one it refuses at the other, and again each time.
    query_tries: 1,
    query_timeout_seconds: 2,
  })
}

/** One cache for all chains: whoever may name what he likes, under a pattern, is held to a rate, so that he does not fill it. */
export function resolution(inventory: GatewayInventory): JsonObject {
  const settings = {
    dns_lookup_family: 'ALL',
    max_hosts: 65_536,
    // Names that nobody may ask for leave the cache when they are next looked at, and are not looked at every half second.
    host_ttl: duration(15_000),
    dns_query_timeout: duration(5_000),
    // For a name without an address; a minute unless told.
    dns_refresh_rate: duration(5_000),
    dns_failure_refresh_rate: { base_interval: duration(5_000), max_interval: duration(10_000) },
    dns_cache_circuit_breaker: { max_pending_requests: 16_384 },
    typed_dns_resolver_config: resolver(inventory),
  }
  // A running Envoy refuses other settings under a name that it knows, for as long as it lives.
  return { name: named(namesCluster, settings), ...settings }
}

/** For each identity and pattern: every other name is one more to be asked for and remembered. */
export const patternRate = { max_tokens: 1_000, tokens_per_fill: 100, fill_interval: duration(1_000) }

/** Before anything else of a chain whose clients may name what they like. */
export const patternLimit: JsonObject = extension('envoy.filters.network.local_ratelimit', 'envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit', {
  stat_prefix: 'pattern', token_bucket: patternRate,
})

/** The listener writes the records. */
function tcpProxy(fields: JsonObject): JsonObject {
  return extension('envoy.filters.network.tcp_proxy', 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: 'out', idle_timeout: tcpIdle, ...fields,
  })
}

/** TLS by its name: the bytes are passed on as they are. */
export function toNames(inventory: GatewayInventory): readonly JsonObject[] {
  return [
    extension('envoy.filters.network.sni_dynamic_forward_proxy', 'envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig', {
      port_value: 443, dns_cache_config: resolution(inventory),
    }),
    tcpProxy({ cluster: namesCluster }),
  ]
}

/** The same through the platform's proxy, which resolves the name. */
export function toProxy(): readonly JsonObject[] {
  return [tcpProxy({ cluster: proxyCluster, tunneling_config: { hostname: '%REQUESTED_SERVER_NAME%:%DOWNSTREAM_LOCAL_PORT%' } })]
}

/** The clusters behind all chains to outside names. */
export function nameClusters(inventory: GatewayInventory, proxy: { readonly host: string; readonly port: number } | undefined): readonly JsonObject[] {
  if (proxy !== undefined) return [proxyTo(inventory, proxy, proxyCluster), proxyTo(inventory, proxy, proxyRequestsCluster)]
  return [{
    name: namesCluster,
    lb_policy: 'CLUSTER_PROVIDED',
    connect_timeout: duration(10_000),
    cluster_type: extension('envoy.clusters.dynamic_forward_proxy', 'envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig', {
      dns_cache_config: resolution(inventory),
    }),
    ...wide,
  }]
}

/** Envoy's default of 1,024 connections a cluster would be shared by all workloads. */
export const wide: JsonObject = {
  circuit_breakers: { thresholds: [{ max_connections: 65_536, max_pending_requests: 65_536, max_requests: 65_536, max_retries: 3 }] },
}

function proxyTo(inventory: GatewayInventory, { host, port }: { readonly host: string; readonly port: number }, name: string): JsonObject {
  const endpoint = { address: { socket_address: { address: host, port_value: port } } }
  return {
    name,
    type: 'STRICT_DNS',
    connect_timeout: duration(10_000),
    typed_dns_resolver_config: resolver(inventory),
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
    typed_extension_protocol_options: httpOptions('http1', name === proxyRequestsCluster ? { send_fully_qualified_url: true } : {}),
    ...wide,
  }
}

/** Which HTTP a cluster is spoken to in. */
export function httpOptions(version: 'http1' | 'http2', more: JsonObject = {}): JsonObject {
  const explicit_http_config = version === 'http1' ? { http_protocol_options: more } : { http2_protocol_options: {} }
  return { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed('envoy.extensions.upstreams.http.v3.HttpProtocolOptions', { explicit_http_config }) }
}
