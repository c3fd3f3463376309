/** The inbound gateway's doors for outside clients: one listener for each port. */
import { bufferBytes, listenerTimeout } from './limits.ts'
import { doorsOf, ingressRules, nameless, portOf } from './inbound-rules.ts'
import { everyAddress } from './outbound-names.ts'
import { httpDoor, redirect } from './inbound-http.ts'
import { refusedLog } from './access-log.ts'
import { tcpDoor } from './inbound-tcp.ts'
import { tlsInspector } from './inbound-mesh.ts'
import type { JsonObject } from './json.ts'
import type { Door } from './inbound-rules.ts'
import type { Path } from '../../intent/intent.ts'
import type { RouteContext } from './inbound-routes.ts'

export function inboundListeners(paths: readonly Path[], now: number, context: RouteContext): readonly JsonObject[] {
  const { platform, inventory, refused } = context
  const found = ingressRules(platform, paths, now)
  const { doors, refused: closed } = doorsOf(platform, found.rules)
  refused.push(...found.refused, ...closed)
  const ports = [...new Set(doors.map(({ port }) => port))]
  const listeners = ports.map((port) => {
    const here = doors.filter((door) => door.port === port)
    const chains = here.map((door) => doorOf(door, here, context)).filter((chain) => chain !== undefined)
    const named = here.some(({ rules: [rule] }) => rule !== undefined && !nameless(rule))
    return {
      name: `in:${port}`,
      ...everyAddress(port),
      ...(named ? { listener_filters: [tlsInspector] } : {}),
      listener_filters_timeout: listenerTimeout,
      per_connection_buffer_limit_bytes: bufferBytes,
      filter_chains: chains,
      access_log: refusedLog(inventory.folder),
    }
  })
  // A listener that leads nowhere is an error to Envoy.
  const leading = listeners.filter(({ filter_chains: chains }) => chains.length > 0)
  const httpPort = platform.gateway?.httpPort
  if (httpPort === undefined || ports.includes(httpPort)) return leading
  const httpsPort = platform.gateway?.httpsPort ?? 443
  const served = found.rules.filter((rule) => rule.open && rule.proxy.protocol === 'http' && portOf(platform, rule) === httpsPort).flatMap(({ proxy }) => proxy.hosts)
  const chain = { name: 'redirect', filters: [redirect([...new Set(served)].sort(), httpsPort, context)] }
  return [...leading, { name: `redirect:${httpPort}`, ...everyAddress(httpPort), per_connection_buffer_limit_bytes: bufferBytes, filter_chains: [chain], access_log: refusedLog(inventory.folder) }]
}

function doorOf(door: Door, here: readonly Door[], context: RouteContext): JsonObject | undefined {
  const [first] = door.rules
  if (first === undefined) return undefined
  if (first.proxy.protocol === 'tcp') return tcpDoor(door, context)
  return httpDoor(door, here.flatMap(({ host }) => host ?? []), context)
}
