/** The outbound gateway's door to workloads and to Peers: each caller shows its own certificate, in connections that nobody else shares. */
import { by, byAddress, rootMatcher, toChain } from './matchers.ts'
import { bufferBytes, listenerTimeout, tcpIdle } from './limits.ts'
import { connectionLog, refusedLog } from './access-log.ts'
import { defaultMeshPort, meshPort } from './inventory.ts'
import { duration, extension } from './json.ts'
import { endpoint } from './clusters.ts'
import { everyAddress } from './outbound-names.ts'
import { formatAddress, parseAddress } from '../../net/address.ts'
import { meshClient } from './tls.ts'
import { meshName, named } from './names.ts'
import { workloadSpiffeId } from '../../model/workload-id.ts'
import { need } from './secrets.ts'
import { placesOf } from './places.ts'
import { resolver, wide } from './upstream-names.ts'
import type { Address } from '../../net/address.ts'
import type { Chains } from './outbound.ts'
import type { Clusters } from './clusters.ts'
import type { GatewayInventory } from './inventory.ts'
import type { JsonObject } from './json.ts'
import type { MeshPair } from './mesh.ts'
import type { Next } from './matchers.ts'
import type { Platform } from '../../model/platform.ts'
import type { SecretNeed } from './secrets.ts'

export interface Made {
  readonly clusters: Clusters
  readonly needs: Map<string, SecretNeed>
}

export function wants(made: Made, what: SecretNeed): SecretNeed {
  made.needs.set(what.file, what)
  return what
}

export function prefixOf({ tried }: MeshPair): 'mesh' | 'try' {
  return tried ? 'try' : 'mesh'
}

/** No TLS inspector stands here: of a protocol in which the server speaks first it would wait for the client in vain. */
export function meshListener(pairs: readonly MeshPair[], platform: Platform, inventory: GatewayInventory, into: Chains, made: Made): JsonObject {
  const tree = new Map<string, { source: Address; at: Map<string, { address: Address; ports: Map<string, Next> }> }>()
  for (const pair of pairs) {
    for (const phase of pair.caller?.phases ?? []) {
      if (pair.caller === undefined) continue
      const name = chainOf(pair, `${pair.caller.workload}@${phase}`, platform, inventory, into, made)
      for (const source of placesOf(pair.tried ? { workloads: inventory.shadows ?? [] } : inventory, pair.caller.workload, phase)) {
        for (const address of pair.destination.addresses) {
          const from = entry(tree, formatAddress(source), () => ({ source, at: new Map() }))
          entry(from.at, formatAddress(address), () => ({ address, ports: new Map<string, Next>() })).ports.set(String(pair.port), toChain(name))
        }
      }
    }
  }
  const sources = Array.from(tree.values(), ({ source, at }) => [source, byAddress('destination', Array.from(at.values(), ({ address, ports }) => [address, by('port', ports)] as const))] as const)
  return {
    name: 'mesh',
    ...everyAddress(meshPort),
    listener_filters: [extension('envoy.filters.listener.original_dst', 'envoy.extensions.filters.listener.original_dst.v3.OriginalDst')],
    listener_filters_timeout: listenerTimeout,
    per_connection_buffer_limit_bytes: bufferBytes,
    filter_chains: into.chains,
    filter_chain_matcher: rootMatcher(byAddress('source', sources)),
    access_log: refusedLog(inventory.folder),
  }
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key) ?? make()
  map.set(key, known)
  return known
}

function chainOf(pair: MeshPair, identity: string, platform: Platform, inventory: GatewayInventory, into: Chains, made: Made): string {
  const { enclave, workload, trustDomain } = pair.destination
  const filter = extension('envoy.filters.network.tcp_proxy', 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: 'mesh', idle_timeout: tcpIdle, access_log: connectionLog(inventory.folder), cluster: clusterOf(pair, platform, inventory, made),
  })
  const to = `${trustDomain === platform.trustDomain ? '' : `${trustDomain}/`}${enclave}/${workload}`
  const name = named(`${prefixOf(pair)}:${identity}:${to}:${pair.port}`, filter)
  const known = into.rules.get(name)
  if (known === undefined) into.chains.push({ name, filters: [filter] })
  into.rules.set(name, [...new Set([...(known ?? []), pair.document])].sort())
  return name
}

/** One cluster for each caller, destination and port: what one caller's certificate opened, no other caller's bytes travel. */
function clusterOf(pair: MeshPair, platform: Platform, inventory: GatewayInventory, made: Made): string {
  const { enclave, workload, trustDomain } = pair.destination
  const name = `${prefixOf(pair)}:${pair.callerId}:${trustDomain}/${enclave}/${workload}:${pair.port}`
  if (made.clusters.has(name) || pair.caller === undefined) return name
  const own = wants(made, need({ kind: 'svid', workload: pair.caller.workload }))
  const roots = wants(made, need({ kind: 'bundle', trustDomains: [trustDomain] }))
  const [inbound] = inventory.inbound.addresses
  const { host, port } = pair.gateway ?? { host: inbound === undefined ? undefined : formatAddress(inbound), port: platform.gateway?.meshPort ?? defaultMeshPort }
  const plain = host?.replace(/^\[|\]$/g, '')
  made.clusters.set(name, {
    name,
    connect_timeout: duration(5_000),
    ...(plain !== undefined && parseAddress(plain) === undefined ? { type: 'STRICT_DNS', wait_for_warm_on_init: false, typed_dns_resolver_config: resolver(inventory) } : { type: 'STATIC' }),
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: plain === undefined ? [] : [endpoint(plain, port)] }] },
    transport_socket: meshClient(inventory.folder, own, meshName(pair.callerId, pair.port, workload, enclave, trustDomain, pair.tried), {
      roots, subjects: [{ type: 'URI', match: { exact: workloadSpiffeId(trustDomain, `${enclave}/${workload}`) } }],
    }),
    ...wide,
  })
  return name
}
