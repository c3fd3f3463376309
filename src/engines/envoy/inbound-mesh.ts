/** Where other gateways come in: a chain for each caller, destination and port, which asks for exactly that caller's certificate. */
import { connectionLog, refusedLog } from './access-log.ts'
import { bufferBytes, listenerTimeout, tcpIdle } from './limits.ts'
import { defaultMeshPort } from './inventory.ts'
import { everyAddress } from './outbound-names.ts'
import { extension } from './json.ts'
import { afterHandshake, handshakeTimeout, meshServer } from './tls.ts'
import { meshName, meshSuffix, named } from './names.ts'
import { need } from './secrets.ts'
import { toStandIns, toWorkloads } from './clusters.ts'
import { prefixOf, wants } from './outbound-mesh.ts'
import type { Chains } from './outbound.ts'
import type { GatewayInventory } from './inventory.ts'
import type { JsonObject } from './json.ts'
import type { Made } from './outbound-mesh.ts'
import type { MeshPair } from './mesh.ts'
import type { Platform } from '../../model/platform.ts'

export function inboundMesh(pairs: readonly MeshPair[], platform: Platform, inventory: GatewayInventory, into: Chains, made: Made): JsonObject {
  for (const pair of pairs) {
    const { name, body } = chainOf(pair, inventory, made)
    const known = into.rules.get(name)
    if (known === undefined) into.chains.push({ name, ...body })
    into.rules.set(name, [...new Set([...(known ?? []), pair.document])].sort())
  }
  return {
    name: 'mesh',
    ...everyAddress(platform.gateway?.meshPort ?? defaultMeshPort),
    listener_filters: [tlsInspector],
    listener_filters_timeout: listenerTimeout,
    per_connection_buffer_limit_bytes: bufferBytes,
    filter_chains: into.chains,
    access_log: refusedLog(inventory.folder),
  }
}

export const tlsInspector = extension('envoy.filters.listener.tls_inspector', 'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector')

function chainOf(pair: MeshPair, inventory: GatewayInventory, made: Made): { readonly name: string; readonly body: JsonObject } {
  const { enclave, workload, trustDomain } = pair.destination
  const below = pair.callerId.endsWith('/')
  const asked = below ? `*.${meshSuffix(pair.port, workload, enclave, trustDomain)}` : meshName(pair.callerId, pair.port, workload, enclave, trustDomain, pair.tried)
  const id = `${enclave}/${workload}` as const
  const body = {
    filter_chain_match: { transport_protocol: 'tls', server_names: [asked] },
    transport_socket_connect_timeout: handshakeTimeout,
    transport_socket: meshServer(inventory.folder, wants(made, need({ kind: 'svid', workload: id })), {
      roots: wants(made, need({ kind: 'bundle', trustDomains: [pair.callerDomain] })),
      subjects: [{ type: 'URI', match: below ? { prefix: pair.callerId } : { exact: pair.callerId } }],
    }),
    filters: [
      extension('envoy.filters.network.tcp_proxy', 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
        stat_prefix: 'mesh', ...afterHandshake, idle_timeout: tcpIdle, access_log: connectionLog(inventory.folder),
        cluster: pair.tried ? toStandIns({ workload: id, port: pair.port }, inventory, made.clusters) : toWorkloads([{ workload: id, port: pair.port }], 'tcp', inventory, made.clusters),
      }),
    ],
  }
  return { name: named(`${prefixOf(pair)}:${pair.callerId}:${id}:${pair.port}`, body), body }
}
