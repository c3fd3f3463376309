/** How the outbound gateway reaches a name: by resolving it itself, or through the platform's proxy. */
import { duration, extension, typed } from './json.ts'
import { formatAddress } from '../../net/address.ts'
import { tcpIdle } from './limits.ts'
import { named } from './names.ts'
import type { GatewayInventory } from './inventory.ts'
import type { JsonObject } from './json.ts'

export const namesCluster = 'names'
/** Reached by CONNECT, for connections. */
export const proxyCluster = 'proxy'
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
  })
}

/** One cache for all chains. Many names of one client do not push out those of others before this many are known. */
export function resolution(inventory: GatewayInventory): JsonObject {
  const settings = {
    dns_lookup_family: 'ALL',
    max_hosts: 16_384,
    host_ttl: duration(60_000),
    dns_query_timeout: duration(5_000),
    dns_failure_refresh_rate: { base_interval: duration(500), max_interval: duration(5_000) },
    typed_dns_resolver_config: resolver(inventory),
  }
  // A running Envoy refuses other settings under a name that it knows, for as long as it lives.
  return { name: named(namesCluster, settings), ...settings }
}

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
