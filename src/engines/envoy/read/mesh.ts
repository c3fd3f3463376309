/**
 * The doors through which gateways speak to each other, read back as what they allow: of the outbound one who is led where and as
 * whom, of the inbound one who is let in and to whom. What is not understood is told as a problem, and a problem counts as open.
 */
import { list, object, text, typeOf } from './values.ts'
import { readTls } from './tls-context.ts'
import type { TlsReading } from './tls-context.ts'
import type { Unknown } from './values.ts'

/** From one address to another, at one port. */
export interface MeshRoute {
  readonly source: string
  readonly destination: string
  readonly port: number
  readonly chain: string
  readonly cluster: string
  /** `ADDRESS:PORT` or `HOST:PORT`. */
  readonly to: readonly string[]
  readonly tls: TlsReading
}

/** A chain that takes connections of other gateways. */
export interface MeshDoor {
  readonly chain: string
  /** The names of the handshake that it takes. */
  readonly names: readonly string[]
  readonly to: readonly string[]
  readonly tls: TlsReading
}

export interface MeshReading<T> {
  readonly allowed: readonly T[]
  readonly problems: readonly string[]
}

type Files = ReadonlyMap<string, string>

const resources = (files: Files, name: string): readonly Unknown[] => list(object(JSON.parse(files.get(name) ?? '{}'))['resources']).map(object)

function listenersAt(files: Files, port: number): readonly Unknown[] {
  const portOf = (address: unknown): unknown => object(object(address)['socket_address'])['port_value']
  return resources(files, 'lds.json').filter((each) => [each, ...list(each['additional_addresses'])].some((at) => portOf(object(at)['address']) === port))
}

/** Every port at which these files listen. */
export function listeningPorts(files: Files): readonly number[] {
  const portOf = (address: unknown): number => Number(object(object(address)['socket_address'])['port_value'])
  return [...new Set(resources(files, 'lds.json').flatMap((each) => [each, ...list(each['additional_addresses'])].map((at) => portOf(object(at)['address']))))]
}

/** `port`: where the gateway's own table turns what is led to it. */
export function readMeshRoutes(files: Files, port: number): MeshReading<MeshRoute> {
  const clusters = clustersOf(files)
  const problems: string[] = []
  const allowed = listenersAt(files, port).flatMap((listener) => {
    const chains = new Map(list(listener['filter_chains']).map(object).map((chain) => [text(chain['name']), chain]))
    if (listener['default_filter_chain'] !== undefined) problems.push('a chain takes whatever no other takes')
    if (listener['filter_chain_matcher'] === undefined && chains.size > 0) problems.push('chains take connections without being asked for')
    return leaves(object(listener['filter_chain_matcher']), {}, problems).flatMap(({ source, destination, port: at, chain }): readonly MeshRoute[] => {
      const found = chains.get(chain)
      if (found === undefined) return []
      const cluster = proxied(found, problems, `chain \`${chain}\``).cluster
      const target = clusters.get(cluster)
      if (found['transport_socket'] !== undefined) problems.push(`chain \`${chain}\` speaks TLS with the caller`)
      return target === undefined ? [] : [{ source, destination, port: at, chain, cluster, to: endpointsOf(target, problems), tls: readTls(target['transport_socket'], 'client') }]
    })
  })
  return { allowed, problems: unique(problems) }
}

export function readMeshDoors(files: Files, port: number): MeshReading<MeshDoor> {
  const clusters = clustersOf(files)
  const problems: string[] = []
  const allowed = listenersAt(files, port).flatMap((listener) => {
    if (listener['default_filter_chain'] !== undefined) problems.push('a chain takes whatever no other takes')
    if (listener['filter_chain_matcher'] !== undefined) problems.push('a matcher chooses among the chains of other gateways')
    return list(listener['filter_chains']).map(object).flatMap((chain): readonly MeshDoor[] => {
      const name = text(chain['name'])
      const { cluster, waits } = proxied(chain, problems, `chain \`${name}\``)
      const match = object(chain['filter_chain_match'])
      for (const key of Object.keys(match)) if (key !== 'server_names' && key !== 'transport_protocol') problems.push(`chain \`${name}\`: \`${key}\` is not understood`)
      const tls = readTls(chain['transport_socket'], 'server')
      const target = clusters.get(cluster)
      if (target === undefined) return []
      if (target['transport_socket'] !== undefined) problems.push(`cluster \`${cluster}\` speaks TLS with a workload`)
      return [{ chain: name, names: list(match['server_names']).map(text), to: endpointsOf(target, problems), tls: waits ? tls : { ...tls, weak: [...tls.weak, 'is with the workload before the caller has shown a certificate'] } }]
    })
  })
  return { allowed, problems: unique(problems) }
}

function clustersOf(files: Files): ReadonlyMap<string, Unknown> {
  return new Map(resources(files, 'cds.json').map((cluster) => [text(cluster['name']), cluster]))
}

interface Leaf {
  readonly source: string
  readonly destination: string
  readonly port: number
  readonly chain: string
}

const inputs: Readonly<Record<string, 'source' | 'destination' | 'port'>> = { SourceIPInput: 'source', DestinationIPInput: 'destination', DestinationPortInput: 'port' }

/** What a matcher leads to, by exact source, destination and port. A matcher that asks for something else first can take nothing that is led here. */
function leaves(matcher: Unknown, known: Partial<Record<'source' | 'destination' | 'port', string>>, problems: string[]): readonly Leaf[] {
  const tree = object(matcher['matcher_tree'])
  const map = object(object(tree['exact_match_map'])['map'])
  const asked = inputs[typeOf(object(tree['input'])['typed_config'])]
  if (matcher['on_no_match'] !== undefined || matcher['matcher_list'] !== undefined) problems.push('a matcher takes what it was not asked for')
  if (asked === undefined) {
    for (const on of Object.values(map)) if (text(chainOf(on)) !== 'none') problems.push('a matcher asks for something that is not understood')
    return []
  }
  return Object.entries(map).flatMap(([value, on]): readonly Leaf[] => {
    const here = { ...known, [asked]: value }
    const chain = chainOf(on)
    if (chain === undefined) return leaves(object(object(on)['matcher']), here, problems)
    const { source, destination, port } = here
    if (source !== undefined && destination !== undefined && port !== undefined) return [{ source, destination, port: Number(port), chain }]
    problems.push(`chain \`${chain}\` is asked for by less than a source, a destination and a port`)
    return []
  })
}

function chainOf(on: unknown): string | undefined {
  const { action } = object(on)
  return action === undefined ? undefined : text(object(object(action)['typed_config'])['value'])
}

/** The one cluster behind a chain, and whether it is asked only after the handshake. */
function proxied(chain: Unknown, problems: string[], what: string): { readonly cluster: string; readonly waits: boolean } {
  const [filter, ...others] = list(chain['filters']).map((each) => object(object(each)['typed_config']))
  if (filter === undefined) return { cluster: '', waits: true }
  if (typeOf(filter) !== 'TcpProxy' || typeof filter['cluster'] !== 'string' || others.length > 0) problems.push(`${what}: what it does is not understood`)
  return { cluster: text(filter['cluster']), waits: filter['upstream_connect_mode'] === 'ON_DOWNSTREAM_TLS_HANDSHAKE' }
}

function endpointsOf(cluster: Unknown, problems: string[]): readonly string[] {
  const name = text(cluster['name'])
  const type = cluster['type']
  if (cluster['cluster_type'] !== undefined || (type !== undefined && type !== 'STATIC' && type !== 'STRICT_DNS')) problems.push(`cluster \`${name}\`: where it leads is not understood`)
  if (cluster['transport_socket_matches'] !== undefined) problems.push(`cluster \`${name}\`: its encryption depends on where it leads`)
  const endpoints = list(object(cluster['load_assignment'])['endpoints']).flatMap((each) => list(object(each)['lb_endpoints']))
  return endpoints.map((each) => object(object(object(object(each)['endpoint'])['address'])['socket_address'])).map((socket) => `${text(socket['address'])}:${String(socket['port_value'])}`).sort()
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort()
}
