/** Where a cluster leads. */
import { list, object, text } from './values.ts'
import type { Attempt, Outcome, Reading } from './attempt.ts'

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
