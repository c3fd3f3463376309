/** Where a cluster leads, or a proxy that is its only server. */
import { list, object, text } from './values.ts'
import type { Attempt, Outcome, Reading } from './attempt.ts'
import type { Unknown } from './values.ts'

/** A dynamic one resolves the name that the connection or the request asks for. */
export function leadsTo(cluster: unknown, { sni, request, port }: Attempt, { clusters }: Reading): Outcome {
  const found = clusters.get(text(cluster))
  if (found === undefined) return { kind: 'closed' }
  if (text(object(found['cluster_type'])['name']) === 'envoy.clusters.dynamic_forward_proxy') return { kind: 'name', name: (sni ?? request?.host ?? '').toLowerCase().replace(/:\d+$/, '').replace(/\.$/, ''), port }
  const endpoints = list(object(found['load_assignment'])['endpoints']).flatMap((each) => list(object(each)['lb_endpoints']))
  const to = endpoints.map((each) => object(object(object(object(each)['endpoint'])['address'])['socket_address'])).map((socket) => `${text(socket['address'])}:${String(socket['port_value'])}`)
  if (to.length === 0) return { kind: 'closed' }
  const tls = object(object(found['transport_socket'])['typed_config'])
  const common = object(tls['common_tls_context'])
  const [subject] = list(object(object(common['combined_validation_context'])['default_validation_context'])['match_typed_subject_alt_names']).map((each) => object(object(each)['matcher'])['exact'])
  const [own] = list(common['tls_certificate_sds_secret_configs']).map((each) => text(object(each)['name']))
  return { kind: 'addresses', to: to.sort(), name: typeof tls['sni'] === 'string' ? tls['sni'] : undefined, server: typeof subject === 'string' ? subject : undefined, shows: own }
}

/** A connection in a tunnel that a proxy opens (CONNECT): this filter says to where. One way to say it is known. */
export function tunnelLeads(filter: Unknown, attempt: Attempt, reading: Reading): Outcome {
  const to = text(object(filter['tunneling_config'])['hostname'])
  return to === '%REQUESTED_SERVER_NAME%:%DOWNSTREAM_LOCAL_PORT%' ? byProxy(filter['cluster'], attempt.sni ?? '', attempt.port, attempt, reading) : { kind: 'not understood', what: `a tunnel to ${to}` }
}

/** A request that a proxy is asked for as a whole URL: it goes by the rewritten host. Undefined: the cluster is no such proxy. */
export function requestLeads(action: Unknown, attempt: Attempt, reading: Reading): Outcome | undefined {
  const protocols = object(object(reading.clusters.get(text(action['cluster'])))['typed_extension_protocol_options'])
  const whole = Object.values(protocols).some((options) => object(object(object(options)['explicit_http_config'])['http_protocol_options'])['send_fully_qualified_url'] === true)
  const rewrite = action['host_rewrite']
  if (!whole) return rewrite === undefined ? undefined : { kind: 'not understood', what: 'another host' }
  if (rewrite !== undefined && rewrite !== '%REQ(:authority)%:%DOWNSTREAM_LOCAL_PORT%') return { kind: 'not understood', what: 'another host' }
  return byProxy(action['cluster'], attempt.request?.host ?? '', rewrite === undefined ? 80 : attempt.port, attempt, reading)
}

function byProxy(cluster: unknown, name: string, port: number, attempt: Attempt, reading: Reading): Outcome {
  const led = leadsTo(cluster, attempt, reading)
  return led.kind === 'addresses' ? { kind: 'name', name: name.toLowerCase().replace(/\.$/, ''), port, proxy: led.to.join() } : led
}
