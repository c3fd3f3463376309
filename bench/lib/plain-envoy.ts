/** Envoy as somebody would write it by hand who has no policy: the same work, one chain, any name, any path, no limits. */
import { adminSocket } from '../../src/engines/envoy/bootstrap.ts'
import { connectionLog, requestLog } from '../../src/engines/envoy/access-log.ts'
import { extension } from '../../src/engines/envoy/json.ts'
import { identityHeader } from '../../src/engines/envoy/names.ts'
import { overloadManager, strictHttp } from '../../src/engines/envoy/limits.ts'
import { resolverAddress, workloadPort } from './gateway-policies.ts'
import type { Direction } from './gateway-policies.ts'
import type { JsonObject } from '../../src/engines/envoy/json.ts'

export interface Certificate {
  readonly chain: string
  readonly key: string
}

interface Plain {
  readonly folder: string
  /** Whether it writes the same records as a gateway does. */
  readonly records: boolean
  /** Whether it is as strict with every request as a gateway is, and sheds load as one does. */
  readonly hardened: boolean
  readonly certificate: Certificate
  /** Where the way in leads. */
  readonly workload: string
}

/** Where it takes what is led to it. */
export const plainPort = 15_001

export function plainEnvoy(direction: Direction, plain: Plain): string {
  const [listener, cluster] = direction === 'outbound' ? out(plain) : into(plain)
  return JSON.stringify({
    node: { id: 'plain', cluster: 'plain' },
    admin: { address: { pipe: { path: `${plain.folder}/${adminSocket}` } } },
    static_resources: { listeners: [listener], clusters: [cluster] },
    ...(plain.hardened ? { overload_manager: overloadManager() } : {}),
  })
}

const filter = (name: string, message: string, fields: JsonObject): JsonObject => extension(`envoy.filters.${name}`, `envoy.extensions.filters.${message}`, fields)
const socket = (address: string, port: number): JsonObject => ({ socket_address: { address, port_value: port } })
const router = filter('http.router', 'http.router.v3.Router', {})
const tlsInspector = filter('listener.tls_inspector', 'listener.tls_inspector.v3.TlsInspector', {})

/** Who calls is what the gateway saw, whatever the client says. */
const forgetting = extension('envoy.http.early_header_mutation.header_mutation', 'envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation', {
  mutations: [identityHeader, 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded'].map((remove) => ({ remove })),
})

function requests({ folder, records, hardened }: Plain, filters: readonly JsonObject[], cluster: string): JsonObject {
  return filter('network.http_connection_manager', 'network.http_connection_manager.v3.HttpConnectionManager', {
    ...(hardened ? { ...strictHttp(undefined), strip_matching_host_port: true, early_header_mutation_extensions: [forgetting] } : {}),
    stat_prefix: 'plain', http_filters: [...filters, router], access_log: records ? requestLog(folder) : [],
    route_config: { name: 'plain', virtual_hosts: [{ name: 'any', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster } }] }] },
  })
}

function out(plain: Plain): readonly [JsonObject, JsonObject] {
  const resolver = extension('envoy.network.dns_resolver.cares', 'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig', { resolvers: [socket(resolverAddress, 53)] })
  const names = { dns_cache_config: { name: 'names', dns_lookup_family: 'V4_PREFERRED', typed_dns_resolver_config: resolver } }
  const byName = filter('network.sni_dynamic_forward_proxy', 'network.sni_dynamic_forward_proxy.v3.FilterConfig', { port_value: 443, ...names })
  const pass = filter('network.tcp_proxy', 'network.tcp_proxy.v3.TcpProxy', { stat_prefix: 'plain', cluster: 'names', access_log: plain.records ? connectionLog(plain.folder) : [] })
  const byHost = filter('http.dynamic_forward_proxy', 'http.dynamic_forward_proxy.v3.FilterConfig', names)
  return [{
    name: 'plain', address: socket('0.0.0.0', plainPort),
    listener_filters: [filter('listener.original_dst', 'listener.original_dst.v3.OriginalDst', {}), tlsInspector],
    filter_chains: [
      { filter_chain_match: { transport_protocol: 'tls' }, filters: [byName, pass] },
      { filter_chain_match: { transport_protocol: 'raw_buffer' }, filters: [requests(plain, [byHost], 'names')] },
    ],
  }, {
    name: 'names', lb_policy: 'CLUSTER_PROVIDED', connect_timeout: '5s',
    cluster_type: extension('envoy.clusters.dynamic_forward_proxy', 'envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig', names),
  }]
}

function into(plain: Plain): readonly [JsonObject, JsonObject] {
  const { chain, key } = plain.certificate
  const tls = extension('envoy.transport_sockets.tls', 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
    disable_stateless_session_resumption: true,
    common_tls_context: { tls_certificates: [{ certificate_chain: { inline_string: chain }, private_key: { inline_string: key } }], alpn_protocols: ['h2', 'http/1.1'] },
  })
  return [
    { name: 'plain', address: socket('0.0.0.0', 443), listener_filters: [tlsInspector], filter_chains: [{ transport_socket: tls, filters: [requests(plain, [], 'workload')] }] },
    { name: 'workload', type: 'STATIC', connect_timeout: '5s', load_assignment: { cluster_name: 'workload', endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(plain.workload, workloadPort) } }] }] } },
  ]
}
