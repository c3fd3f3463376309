/** Connections from outside that are led on whole: by the name of their TLS, ended here or at the workload, or by their port alone. */
import { connectionLimit, frontOf, sourcesOf } from './inbound-http.ts'
import { connectionLog } from './access-log.ts'
import { extension } from './json.ts'
import { afterHandshake, frontServer, handshakeTimeout, subjectOf } from './tls.ts'
import { hasPort } from '../../net/ports.ts'
import { named } from './names.ts'
import { refuse } from './capabilities.ts'
import { tcpIdle } from './limits.ts'
import { toWorkloads } from './clusters.ts'
import type { Door, IngressRule } from './inbound-rules.ts'
import type { JsonObject } from './json.ts'
import type { RouteContext } from './inbound-routes.ts'
import type { Subject } from './tls.ts'
import type { Target } from './clusters.ts'

/** One policy alone stands behind such a door. */
export function tcpDoor(door: Door, rule: IngressRule, context: RouteContext): JsonObject | undefined {
  const { folder } = context.inventory
  const { tls, limits } = rule.proxy
  const targets = targetsOf(rule)
  if (targets === undefined) {
    context.refused.push(refuse('route-port', rule.path))
    return undefined
  }
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
  context.rules.set(name, [rule.document])
  return { name, ...body }
}

/** Names are asked for by TLS itself: nothing later looks at a connection. */
function front(door: Door, rule: IngressRule, context: RouteContext): JsonObject {
  const { clients, ...shown } = frontOf(door.host, [rule], context)
  const { authentication } = rule.proxy
  if (clients === undefined || authentication.kind !== 'mtls') return frontServer(context.inventory.folder, { ...shown, alpn: [], clients: undefined })
  const own: readonly Subject[] = authentication.caFile === undefined ? [{ type: 'URI', match: { prefix: `spiffe://${context.platform.trustDomain}/` } }] : []
  const subjects = authentication.subjects.length > 0 ? authentication.subjects.map(subjectOf) : own
  return frontServer(context.inventory.folder, { ...shown, alpn: [], clients: { trust: { ...clients.trust, subjects }, required: true } })
}

function targetsOf({ destinations }: IngressRule): readonly Target[] | undefined {
  const targets = Array.from(destinations, ([workload, open]) => ({ workload, port: open[0]?.from ?? 0, one: open.length === 1 && open[0]?.from === open[0]?.to && hasPort(open, open[0]?.from ?? 0) }))
  return targets.length > 0 && targets.every(({ one }) => one) ? targets.map(({ workload, port }) => ({ workload, port })) : undefined
}
