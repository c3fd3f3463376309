/**
 * Holds what goes encrypted between gateways against the documents: every way that a gateway's files leave open, who shows which
 * certificate on it, whom it believes and where it ends; and every way that the documents open.
 */
import { authoritiesOf } from './gateway-attempts.ts'
import { defaultMeshPort, meshPort, namesDoors, namesPort } from '../engines/envoy/inventory.ts'
import { endsByAddress, idOf, meshAllows, meshWishes } from './mesh-ends.ts'
import { formatAddress } from '../net/address.ts'
import { meshName, meshSuffix } from '../engines/envoy/names.ts'
import { listeningPorts, readMeshDoors, readMeshRoutes } from '../engines/envoy/read/mesh.ts'
import type { EnvoyArtefacts } from '../engines/envoy/render.ts'
import type { GatewayComparison, GatewayTexts } from './gateways.ts'
import type { GatewayInventory } from '../engines/envoy/inventory.ts'
import type { MeshDoor, MeshRoute } from '../engines/envoy/read/mesh.ts'
import type { MeshEnd, MeshWish } from './mesh-ends.ts'
import type { NameMatcher } from '../engines/envoy/read/tls-context.ts'
import type { Platform } from '../model/platform.ts'
import type { SecretNeed } from '../engines/envoy/secrets.ts'

interface Context {
  readonly platform: Platform
  readonly inventory: GatewayInventory
  readonly needs: ReadonlyMap<string, SecretNeed>
  readonly ends: ReadonlyMap<string, MeshEnd>
  readonly now: number
}

/** `wanted` tells what the secrets are and what has been refused by name. Stops after `timeMs`. */
export function compareMesh(
  platform: Platform, { direction, files }: GatewayTexts, wanted: EnvoyArtefacts, inventory: GatewayInventory, now: number, timeMs: number,
): GatewayComparison {
  const context: Context = { platform, inventory, now, needs: new Map(wanted[direction].needs.map((need) => [need.file, need])), ends: endsByAddress(platform, inventory) }
  const { found, problems, open } = direction === 'outbound' ? routes(context, files) : doors(context, files)
  const wishes = meshWishes(platform, inventory).filter(({ source, destination }) => (direction === 'outbound' ? source : destination).kind === 'workload')
  const differences = [...problems, ...strangers(platform, direction, files)]
  const deadline = performance.now() + timeMs
  let [compared, led] = [0, 0]
  const inTime = (): boolean => performance.now() <= deadline && ++compared > 0
  for (const judge of found) if (inTime()) differences.push(...judge())
  for (const wish of wishes) {
    if (!inTime()) break
    if (!meshAllows(platform, wish.source, wish.destination, wish.port, now)) continue
    led++
    if (!open.has(keyOf(platform, wish)) && !declared(wanted, wish)) differences.push(`${words(platform, wish)}: is closed, should be open by mutual TLS`)
  }
  return { planned: found.length + wishes.length, compared, led, differences: [...new Set(differences)].sort() }
}

interface Found {
  /** Each one way, and what is wrong with it. */
  readonly found: readonly (() => readonly string[])[]
  readonly problems: readonly string[]
  readonly open: ReadonlySet<string>
}

function routes(context: Context, files: ReadonlyMap<string, string>): Found {
  const { platform, ends } = context
  const { allowed, problems } = readMeshRoutes(files, meshPort)
  const pools = new Map<string, Set<string>>()
  const open = new Set<string>()
  for (const { source, destination, port, cluster } of allowed) {
    const [from, to] = [ends.get(source), ends.get(destination)]
    if (from === undefined || to === undefined) continue
    if (from.kind === 'workload' && !from.shadow) open.add(keyOf(platform, { source: from, destination: to, port }))
    const users = pools.get(cluster) ?? new Set<string>()
    pools.set(cluster, users.add(`${idOf(platform, from)} -> ${idOf(platform, to)} port ${port}`))
  }
  const shared = [...pools.values()].filter((users) => users.size > 1).map((users) => `connections are shared by ${[...users].sort().join(' and ')}`)
  return { found: allowed.map((route) => () => judgeRoute(context, route)), problems: [...problems, ...shared], open }
}

function judgeRoute({ platform, inventory, needs, ends, now }: Context, { source: at, destination: meant, port, to, tls }: MeshRoute): readonly string[] {
  const [source, destination] = [ends.get(at), ends.get(meant)]
  if (source?.kind !== 'workload' || destination === undefined) return [`${at} -> ${meant} port ${port}: is led on, and is nobody's way`]
  const what = words(platform, { source, destination, port })
  if (!meshAllows(platform, source, destination, port, now)) return [`${what}: is led on by mutual TLS, should be closed`]
  const tried = destination.kind === 'workload' && destination.shadow
  if (source.shadow !== tried) return [`${what}: a stand-in of verification and a workload are led to each other`]
  const id = idOf(platform, destination)
  const domain = destination.kind === 'workload' ? platform.trustDomain : (platform.peers.get(destination.peer)?.trustDomain ?? '')
  const [own] = inventory.inbound.addresses
  const gateway = destination.kind === 'peer' ? platform.peers.get(destination.peer)?.gateway : own === undefined ? undefined : { host: formatAddress(own), port: platform.gateway?.meshPort ?? defaultMeshPort }
  const end = `${gateway?.host.replace(/^\[|\]$/g, '') ?? ''}:${gateway?.port ?? 0}`
  return [
    ...tls.weak.map((why) => `${what}: ${why}`),
    ...(to.join() === end ? [] : [`${what}: leads to ${to.join(', ') || 'nowhere'}, should lead to ${end}`]),
    ...shown(what, tls.shows, needs, source.workload.id),
    ...believed(what, tls.trusts, needs, domain),
    ...(tls.names.length === 1 && exactly(tls.names, id) ? [] : [`${what}: takes ${namesOf(tls.names)} for \`${id}\``]),
    ...(tls.sni === askedFor(platform, source, destination, port, tried) ? [] : [`${what}: asks for \`${tls.sni ?? ''}\``]),
  ]
}

function doors(context: Context, files: ReadonlyMap<string, string>): Found {
  const { platform } = context
  const { allowed, problems } = readMeshDoors(files, platform.gateway?.meshPort ?? defaultMeshPort)
  const open = new Set<string>()
  for (const door of allowed) {
    const { destination, port, tried } = endOf(context, door)
    if (destination === undefined || tried) continue
    for (const matcher of door.tls.names) {
      const source = callerOf(platform, matcher)
      if (source !== undefined) open.add(keyOf(platform, { source, destination, port }))
    }
  }
  return { found: allowed.map((door) => () => judgeDoor(context, door)), problems, open }
}

function judgeDoor(context: Context, door: MeshDoor): readonly string[] {
  const { platform, needs, now } = context
  const { names, to, tls } = door
  const { destination, port, tried } = endOf(context, door)
  if (destination === undefined) return to.length === 0 ? [] : [`other gateways are led to ${to.join(', ')}, which is not one workload's port`]
  const label = `other gateways -> ${destination.workload.id} port ${port}`
  if (tls.names.length === 0) return [`${label}: everybody is let in whom an authority vouches for`]
  return tls.names.flatMap((matcher) => {
    const source = callerOf(platform, matcher)
    if (source === undefined) return [`${label}: ${namesOf([matcher])} is let in, which is nobody's name`]
    const what = words(platform, { source, destination, port })
    if (!meshAllows(platform, source, destination, port, now)) return [`${what}: is let in, should be closed`]
    const domain = source.kind === 'workload' ? platform.trustDomain : (platform.peers.get(source.peer)?.trustDomain ?? '')
    return [
      ...tls.weak.map((why) => `${what}: ${why}`),
      ...shown(what, tls.shows, needs, destination.workload.id),
      ...believed(what, tls.trusts, needs, domain),
      ...(names.length === 1 && names[0] === askedFor(platform, source, destination, port, tried) ? [] : [`${what}: is asked for by ${names.map((name) => `\`${name}\``).join(', ') || 'any name'}`]),
    ]
  })
}

/** One workload at one port, at whatever of its places; or its stand-ins alone. */
function endOf({ ends }: Context, { to }: MeshDoor): { readonly destination: (MeshEnd & { readonly kind: 'workload' }) | undefined; readonly port: number; readonly tried: boolean } {
  const found = to.map((each) => ({ end: ends.get(each.replace(/:\d+$/, '')), port: Number(each.replace(/.*:/, '')) }))
  const [first] = found
  const one = first?.end?.kind === 'workload' ? first.end : undefined
  const same = found.every(({ end, port }) => end?.kind === 'workload' && end.workload === one?.workload && end.shadow === one.shadow && port === first?.port)
  return { destination: same ? one : undefined, port: first?.port ?? 0, tried: one?.shadow ?? false }
}

/** Whose name this is: a workload of ours, of a Peer, or every one of a Peer's enclave. */
function callerOf(platform: Platform, matcher: NameMatcher): MeshEnd | undefined {
  const below = 'prefix' in matcher
  const match = /^spiffe:\/\/([^/]+)\/enclave\/([^/]+)\/workload\/([^/]*)$/.exec(below ? matcher.prefix : matcher.exact)
  const [, domain = '', enclave = '', name = ''] = match ?? []
  if (match === null || (name === '') !== below) return undefined
  if (domain === platform.trustDomain) {
    const workload = platform.workloads.get(`${enclave}/${name}`)
    return workload === undefined ? undefined : { kind: 'workload', workload, shadow: false }
  }
  const peer = [...platform.peers.values()].find(({ trustDomain }) => trustDomain === domain)
  return peer === undefined ? undefined : { kind: 'peer', peer: peer.name, enclave, workload: below ? '*' : name }
}

function askedFor(platform: Platform, source: MeshEnd, destination: MeshEnd, port: number, tried: boolean): string {
  const [enclave, workload, domain] = destination.kind === 'workload' ? [destination.workload.enclave, destination.workload.name, platform.trustDomain] : [destination.enclave, destination.workload, platform.peers.get(destination.peer)?.trustDomain ?? '']
  if (source.kind === 'peer' && source.workload === '*') return `*.${meshSuffix(port, workload, enclave, domain)}`
  return meshName(idOf(platform, source), port, workload, enclave, domain, tried)
}

function shown(what: string, file: string | undefined, needs: Context['needs'], workload: string): readonly string[] {
  const need = needs.get(file ?? '')
  return need?.kind === 'svid' && need.workload === workload ? [] : [`${what}: shows ${file === undefined ? 'no certificate' : `\`${file}\``}, should show the identity of ${workload}`]
}

function believed(what: string, file: string | undefined, needs: Context['needs'], domain: string): readonly string[] {
  const trusted = authoritiesOf([...needs.values()]).get(file ?? '')
  const domains = trusted !== undefined && 'trustDomains' in trusted ? trusted.trustDomains : undefined
  return domains?.join() === domain ? [] : [`${what}: believes ${file === undefined ? 'everybody' : `\`${file}\``}, should believe the authority of \`${domain}\` alone`]
}

function exactly([matcher]: readonly NameMatcher[], name: string): boolean {
  return matcher !== undefined && 'exact' in matcher && matcher.exact === name
}

function namesOf(matchers: readonly NameMatcher[]): string {
  return matchers.map((matcher) => ('exact' in matcher ? `\`${matcher.exact}\`` : matcher.prefix === '' ? 'every name' : `whatever begins with \`${matcher.prefix}\``)).join(', ') || 'every name'
}

/** What was refused by name is closed here and told elsewhere. */
function declared({ refused }: EnvoyArtefacts, { source, destination }: MeshWish): boolean {
  const same = (end: MeshEnd, path: { readonly kind: string; readonly workload?: string; readonly peer?: string }): boolean =>
    end.kind === 'workload' ? path.workload === end.workload.id : path.kind === 'peer' && path.peer === end.peer
  return refused.some(({ path }) => same(source, path.source) && same(destination, path.destination))
}

/** Ports at which nobody should listen. */
function strangers(platform: Platform, direction: GatewayTexts['direction'], files: ReadonlyMap<string, string>): readonly string[] {
  const { gateway } = platform
  const own = platform.ingressPolicies.flatMap((policy) => (policy.gateway.kind === 'proxy' ? [policy.gateway.proxy.listenPort ?? gateway?.httpsPort] : []))
  const expected: readonly (number | undefined)[] = direction === 'outbound' ? [meshPort, ...Array.from({ length: namesDoors }, (_, i) => namesPort + i)] : [gateway?.meshPort ?? defaultMeshPort, gateway?.httpsPort, gateway?.httpPort, ...own]
  return listeningPorts(files).filter((port) => !expected.includes(port)).map((port) => `listens at port ${port}, which nothing asks for`)
}

function keyOf(platform: Platform, { source, destination, port }: MeshWish): string {
  return `${idOf(platform, source)} ${idOf(platform, destination)} ${port}`
}

function words(platform: Platform, { source, destination, port }: MeshWish): string {
  const name = (end: MeshEnd): string => (end.kind === 'workload' ? `${end.shadow ? 'stand-in of ' : ''}${end.workload.id}` : `${end.enclave}/${end.workload} of ${platform.peers.get(end.peer)?.trustDomain ?? end.peer}`)
  return `${name(source)} -> ${name(destination)} port ${port}`
}
