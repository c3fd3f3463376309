/**
 * The outbound gateway's door to outside names. A chain takes the connections of one identity to one pattern of names (TLS), or its
 * plain HTTP on one class of ports. The address that the client chose is forgotten: the gateway resolves the name itself.
 */
import { formatDomainPattern } from '../../net/domain.ts'
import { by, byAddress, byName, rootMatcher, toChain } from './matchers.ts'
import { ledLog, refusedLog } from './access-log.ts'
import { extension } from './json.ts'
import { bufferBytes, listenerTimeout } from './limits.ts'
import { covers } from './permits.ts'
import { httpOut } from './outbound-http.ts'
import { named } from './names.ts'
import { namesPort, namesPortOf } from './inventory.ts'
import { patternLimit, portOverride, toNames, toProxy } from './upstream-names.ts'
import type { Address } from '../../net/address.ts'
import type { JsonObject } from './json.ts'
import type { Next } from './matchers.ts'
import type { Chains, Way } from './outbound.ts'
import type { PortClass } from './permits.ts'

/** One identity and where it may go. */
export interface Asker {
  /** `enclave/workload@phase`. */
  readonly identity: string
  readonly addresses: readonly Address[]
  readonly classes: readonly PortClass[]
}

/** One for each door to which somebody's connections are redirected. */
export function namesListeners(askers: readonly Asker[], way: Way, rules: Chains['rules']): readonly JsonObject[] {
  const ports = [...new Set(askers.flatMap(({ addresses }) => addresses.map(namesPortOf)))].sort((a, b) => a - b)
  return ports.map((port) => {
    const here = askers.map((asker) => ({ ...asker, addresses: asker.addresses.filter((address) => namesPortOf(address) === port) }))
    return namesListener(port, here.filter(({ addresses }) => addresses.length > 0), way, { chains: [], rules })
  })
}

function namesListener(port: number, askers: readonly Asker[], way: Way, into: Chains): JsonObject {
  const sources = askers.flatMap((asker) => {
    const next = portsOf(asker, way, into)
    return asker.addresses.map((address) => [address, next] as const)
  })
  return {
    name: `names:${port - namesPort}`,
    ...everyAddress(port),
    listener_filters: [
      extension('envoy.filters.listener.original_dst', 'envoy.extensions.filters.listener.original_dst.v3.OriginalDst'),
      extension('envoy.filters.listener.tls_inspector', 'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector'),
    ],
    listener_filters_timeout: listenerTimeout,
    per_connection_buffer_limit_bytes: bufferBytes,
    filter_chains: into.chains,
    filter_chain_matcher: rootMatcher(byAddress('source', sources)),
    access_log: [...refusedLog(way.inventory.folder), ...ledLog(way.inventory.folder, 'tls:')],
  }
}

/** Both families, as two sockets of one listener: the original destination is asked for in the family of the socket. */
export function everyAddress(port: number): JsonObject {
  const socket = (address: string): JsonObject => ({ socket_address: { address, port_value: port } })
  return { address: socket('0.0.0.0'), additional_addresses: [{ address: socket('::') }] }
}

function portsOf(asker: Asker, way: Way, into: Chains): Next | undefined {
  const classes = asker.classes.map((each) => ({
    ports: each.ports,
    next: by('transport', [['tls', tlsOf(asker, each, way, into)], ['raw_buffer', plainOf(asker, each, way, into)]]),
  }))
  const found = by('port', classes.flatMap(({ ports = [], next }) => ports.map((port) => [String(port), next] as const)))
  const otherwise = classes.find(({ ports }) => ports === undefined)?.next
  if (found === undefined || otherwise === undefined) return found ?? otherwise
  return { matcher: { ...(found['matcher'] as JsonObject), on_no_match: otherwise } }
}

function where({ identity }: Asker, { ports }: PortClass): string {
  return `${identity}:${ports === undefined ? 'any' : compact(ports)}`
}

function compact(ports: readonly number[]): string {
  const [first = 0] = ports
  return ports.length === 1 ? String(first) : `${first}+${ports.length - 1}`
}

function tlsOf(asker: Asker, each: PortClass, way: Way, into: Chains): Next | undefined {
  const open = each.permits.filter(({ http }) => http === undefined)
  const patterns = new Map(open.map((permit) => [formatDomainPattern(permit.pattern), permit.pattern]))
  const filters = [portOverride, ...(way.proxy === undefined ? toNames(way.inventory) : toProxy())]
  const ended = (body: JsonObject): readonly [JsonObject, string] => [body, named('', { body, ports: each.ports ?? 'any' })]
  const [exact, below] = [ended({ filters }), ended({ filters: way.proxy === undefined ? [patternLimit, ...filters] : filters })]
  return byName(
    [...patterns].sort().map(([text, pattern]) => {
      const [body, ending] = pattern.below ? below : exact
      const name = `tls:${where(asker, each)}:${text}${ending}`
      into.chains.push({ name, ...body })
      into.rules.set(name, documentsOf(open.filter((permit) => covers(permit.pattern, pattern))))
      return [text, toChain(name)] as const
    }),
  )
}

function plainOf(asker: Asker, each: PortClass, way: Way, into: Chains): Next | undefined {
  if (each.permits.length === 0) return undefined
  const body = { filters: [portOverride, httpOut(each.permits, way, into.rules)] }
  const name = named(`http:${where(asker, each)}`, { body, ports: each.ports ?? 'any' })
  into.chains.push({ name, ...body })
  into.rules.set(name, documentsOf(each.permits))
  return toChain(name)
}

function documentsOf(permits: readonly { readonly document: string }[]): readonly string[] {
  return Object.freeze([...new Set(permits.map(({ document }) => document))].sort())
}
