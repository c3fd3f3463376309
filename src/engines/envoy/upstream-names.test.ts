import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyPlatform } from '../../model/testing.ts'
import { everything, intentOf, inventoryOf } from './testing.ts'
import { nameClusters, toProxy } from './upstream-names.ts'
import { render } from './render.ts'

const proxy = { host: 'proxy.example.org', port: 3128 }

test('a proxy on the way out is spoken to in two ways: tunnels for connections, whole URLs for plain HTTP', () => {
  const resolver = {
    name: 'envoy.network.dns_resolver.cares',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig',
      resolvers: [{ socket_address: { address: '10.128.0.5', port_value: 53 } }, { socket_address: { address: 'fdbb:1::5', port_value: 53 } }],
      dns_resolver_options: { no_default_search_domain: true },
      query_tries: 1,
      query_timeout_seconds: 2,
    },
  }
  const cluster = (name: string, http: object) => ({
    name,
    type: 'STRICT_DNS',
    connect_timeout: '10s',
    typed_dns_resolver_config: resolver,
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 'proxy.example.org', port_value: 3128 } } } }] }] },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': { '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions', explicit_http_config: { http_protocol_options: http } },
    },
    circuit_breakers: { thresholds: [{ max_connections: 65_536, max_pending_requests: 65_536, max_requests: 65_536, max_retries: 3 }] },
  })
  assert.deepEqual(nameClusters(inventoryOf(emptyPlatform()), proxy), [cluster('proxy', {}), cluster('proxy-requests', { send_fully_qualified_url: true })])
  assert.deepEqual(toProxy(), [{
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', stat_prefix: 'out', idle_timeout: '3600s', cluster: 'proxy',
      tunneling_config: { hostname: '%REQUESTED_SERVER_NAME%:%DOWNSTREAM_LOCAL_PORT%' },
    },
  }])
})

test('names under a pattern are reached at a rate, by connections and by requests; names that are written out at any', () => {
  const platform = everything()
  const lds = JSON.parse(render(platform, intentOf(platform), inventoryOf(platform), { now: 0 }).outbound.files.get('lds.json') ?? '') as object
  interface Chain { readonly name: string; readonly filters: readonly { readonly name: string; readonly typed_config: object }[] }
  const chains = [...JSON.stringify(lds).matchAll(/"filter_chains":(\[\{.*?\}\]),"listener_filters"/g)].flatMap(([, text = '']) => JSON.parse(text) as readonly Chain[])
  const tls = chains.filter(({ name }) => name.startsWith('tls:'))
  assert.ok(tls.some(({ name }) => name.includes(':*.')) && tls.some(({ name }) => !name.includes(':*.')))
  for (const { name, filters } of tls) assert.equal(filters[0]?.name === 'envoy.filters.network.local_ratelimit', name.includes(':*.'), name)
  const hosts = chains.filter(({ name }) => name.startsWith('http:')).flatMap(({ filters }) => (filters.at(-1)?.typed_config as { route_config: { virtual_hosts: { name: string; typed_per_filter_config?: object }[] } }).route_config.virtual_hosts)
  assert.ok(hosts.some(({ name }) => name.startsWith('*.')))
  for (const { name, typed_per_filter_config: own } of hosts) assert.equal(own !== undefined, name.startsWith('*.'), name)
})

test('requests for the proxy name the port of the connection, and hold nothing that is meant for a proxy', () => {
  const platform = { ...everything(), egressProxy: proxy }
  const text = render(platform, intentOf(platform), inventoryOf(platform), { now: 0 }).outbound.files.get('lds.json') ?? ''
  assert.match(text, /"cluster":\s*"proxy-requests",\s*"host_rewrite":\s*"%REQ\(:authority\)%:%DOWNSTREAM_LOCAL_PORT%"/)
  assert.match(text, /"proxy-authorization"/)
  assert.doesNotMatch(text, /"cluster":\s*"names"/)
})
