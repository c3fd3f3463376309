/** Connections from outside that are led on whole: by the name of their TLS, ended here or at the workload, or by their port alone. */
import { connectionLimit, frontOf, sourcesOf, trustDomainsOf } from './inbound-http.ts'
import { connectionLog } from './access-log.ts'
import { extension } from './json.ts'
import { afterHandshake, frontServer, handshakeTimeout, subjectOf } from './tls.ts'
import { named } from './names.ts'
import { refuse } from './capabilities.ts'
import { tcpIdle } from './limits.ts'
import { toWorkloads } from './clusters.ts'
import type { Door, IngressRule } from './inbound-rules.ts'
import type { JsonObject } from './json.ts'
import type { RouteContext } from './inbound-routes.ts'
import type { Subject } from './tls.ts'
import type { Target } from './clusters.ts'

/** Policies of one name lead to one place, so the first says where. */
export function tcpDoor(door: Door, context: RouteContext): JsonObject | undefined {
  const [rule] = door.rules
  if (rule === undefined) return undefined
  const { folder } = context.inventory
  const { tls, limits } = rule.proxy
  const targets = targetsOf(rule)
  const proxy = extension('envoy.filters.network.tcp_proxy', 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: 'in', ...(tls.mode === 'terminate' ? afterHandshake : {}), idle_timeout: tcpIdle, access_log: connectionLog(folder), cluster: toWorkloads(targets, 'tcp', context.inventory, context.made.clusters),
  })
  const match = { ...(tls.mode === 'none' ? {} : { transport_protocol: 'tls' }), ...(door.host === undefined ? {} : { server_names: [door.host] }), ...sourcesOf(door) }
  const body = {
    ...(Object.keys(match).length === 0 ? {} : { filter_chain_match: match }),
    ...(tls.mode === 'terminate' ? { transport_socket_connect_timeout: handshakeTimeout, transport_socket: front(door, rule, context) } : {}),
    filters: [...(limits.connections === undefined ? [] : [connectionLimit(limits.connections)]), proxy],
  }
  const name = named(`in:${door.port}:${door.host ?? 'any'}`, body)
  context.rules.set(name, [...new Set(door.rules.map(({ document }) => document))].sort())
  return { name, ...body }
}

/** Names are asked for by TLS itself: nothing later looks at a connection. */
function front(door: Door, rule: IngressRule, context: RouteContext): JsonObject {
  const { clients, ...shown } = frontOf(door.host, [rule], context)
  const { authentication } = rule.proxy
  if (clients === undefined || authentication.kind !== 'mtls') return frontServer(context.inventory.folder, { ...shown, alpn: [], clients: undefined })
  const own: readonly Subject[] = authentication.caFile === undefined ? [{ type: 'URI', match: { prefix: `spiffe://${context.platform.trustDomain}/` } }] : []
  // Without a look at requests nothing tells a name from one that stands behind another (see `certificatePrincipal`).
  const mixed = authentication.caFile === undefined && trustDomainsOf(authentication.subjects).length > 1
  if (mixed) context.refused.push(refuse('several-domains', rule.path))
  const subjects = mixed ? nobody : authentication.subjects.length > 0 ? authentication.subjects.map(subjectOf) : own
  return frontServer(context.inventory.folder, { ...shown, alpn: [], clients: { trust: { ...clients.trust, subjects }, required: true } })
}

/** What no certificate bears: the name stays closed, instead of falling to a wider one. */
const nobody: readonly Subject[] = [{ type: 'URI', match: { exact: 'bulkhead:nobody' } }]

function targetsOf({ destinations }: IngressRule): readonly Target[] {
  return Array.from(destinations, ([workload, [first]]) => ({ workload, port: first?.from ?? 0 })).filter(({ port }) => port > 0)
}
