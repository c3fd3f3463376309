/**
 * After the table: ends the connections that lost their path. What is known to be gone is ended at once, while the kernel is
 * still being asked which connections there were.
 */
import { documentsOf } from '../engines/nftables/ids.ts'
import { firstIdentityGroup, uplinkGroup } from '../engines/nftables/inventory.ts'
import { lost } from '../engines/nftables/lost.ts'
import { permits } from '../engines/nftables/permits.ts'
import { formatAddress } from '../net/address.ts'
import { isProtocol } from '../net/protocol.ts'
import { listConnections } from './conntrack.ts'
import { cutConnections, killSockets, socketsAt } from './cut.ts'
import { gatewaySeats } from './gateways/places.ts'
import type { Atoms, DirectAtom } from '../engines/nftables/atoms.ts'
import type { Connection } from './conntrack.ts'
import type { InForce } from './enforce.ts'
import type { EndedConnection } from './report.ts'

/** More than this many paths, or permissions, and it is quicker to look at everything. */
const mostPaths = 16

/** `before` is what was in force with the same places; without it every connection of the kernel is looked at. */
export async function enforceConnections(next: InForce, before: InForce | undefined, prefix = ''): Promise<readonly EndedConnection[]> {
  const gone = before === undefined ? undefined : lost(before.atoms, next.atoms)
  if (gone === undefined || gone.paths.size > mostPaths) return end(next, await listConnections(), Promise.resolve(new Set()), prefix)
  if (gone.paths.size === 0) return []
  const early = gone.direct.length > mostPaths ? Promise.resolve(new Set<string>()) : endAtOnce(next, gone.direct)
  const lists = await Promise.all([...gone.paths].map((path) => listConnections(path)))
  return end(next, lists.flat(), early, prefix)
}

async function end(next: InForce, connections: readonly Connection[], early: Promise<ReadonlySet<string>>, prefix: string): Promise<readonly EndedConnection[]> {
  const ends = new Map<string, { readonly group: number; readonly netns: string | undefined }>()
  for (const p of next.plan.places) for (const a of [p.ipv4, p.ipv6]) ends.set(formatAddress(a), { group: p.group, netns: p.netns })
  const seats = gatewaySeats(next.plan.inventory.gateways, prefix)
  for (const { ipv4, ipv6, group, netns } of seats) for (const a of [ipv4, ipv6]) ends.set(formatAddress(a), { group, netns })
  for (const a of next.plan.inventory.attachments) {
    const group = next.plan.inventory.groups.get(`${a.workload}@${a.phase}`) ?? 0
    for (const x of [a.ipv4, a.ipv6]) if (!ends.has(formatAddress(x))) ends.set(formatAddress(x), { group, netns: undefined })
  }
  const groupOf = (address: string): number => ends.get(address)?.group ?? uplinkGroup
  const atoms = connections.length > mostPaths ? next.atoms : about(next.atoms, new Set(connections.map((c) => groupOf(formatAddress(c.original.source)))))
  const doomed = connections.filter((c) => !isPermitted(atoms, c, groupOf))
  const already = await early
  if (doomed.length === 0) return []
  const outbound = seats.find((s) => s.name === 'outbound')
  const [cut] = await Promise.all([
    cutConnections(doomed, (address) => ends.get(address)?.netns, already),
    outbound === undefined ? undefined : endLed(doomed.filter((c) => groupOf(formatAddress(c.original.source)) >= firstIdentityGroup), outbound.netns),
  ])
  // What live verification left behind goes too, and is nobody's loss.
  const shadows = new Set(next.plan.inventory.attachments.filter((a) => a.probe).flatMap((a) => [formatAddress(a.ipv4), formatAddress(a.ipv6)]))
  return cut.filter((c) => !shadows.has(c.source) && !shadows.has(c.destination)).map((c) => ({ ...c, documents: documentsOf(next.ids, c.mark) }))
}

const perCall = 60

/** The outbound gateway answered in the name of another: there, a connection is known by who opened it. With its end Envoy ends the one beyond. */
async function endLed(doomed: readonly Connection[], netns: string): Promise<void> {
  const ends = doomed.flatMap(({ protocol, original: { source, sourcePort } }) => (protocol === 'tcp' ? [source.family === 4 ? `${formatAddress(source)}:${sourcePort}` : `[${formatAddress(source)}]:${sourcePort}`] : []))
  for (let i = 0; i < ends.length; i += perCall) await killSockets(netns, ['-t'], ends.slice(i, i + perCall).map((e) => `dst ${e}`).join(' or '))
}

/** The atoms of a few initiators: what permits of a hundred thousand is not indexed for a handful of connections. */
function about(atoms: Atoms, groups: ReadonlySet<number>): Atoms {
  return {
    ...atoms,
    direct: atoms.direct.filter((a) => groups.has(a.source)),
    egress: atoms.egress.filter((a) => groups.has(a.source)),
    publish: groups.has(uplinkGroup) ? atoms.publish : [],
  }
}

/** Protocols that no policy can name have no path. */
function isPermitted(atoms: Atoms, c: Connection, groupOf: (address: string) => number): boolean {
  if (!isProtocol(c.protocol)) return false
  return permits(atoms, { protocol: c.protocol, iifgroup: groupOf(formatAddress(c.original.source)), oifgroup: groupOf(formatAddress(c.reply.source)), original: c.original, reply: c.reply }) !== undefined
}

/** Every socket between the two identities on a port that is closed now, whether conntrack knows of it or not. */
async function endAtOnce(next: InForce, gone: readonly DirectAtom[]): Promise<ReadonlySet<string>> {
  const atoms = about(next.atoms, new Set(gone.map((a) => a.source)))
  const calls = gone.flatMap((atom) => {
    if (atom.match.kind !== 'port' || (atom.protocol !== 'tcp' && atom.protocol !== 'udp') || isOpen(atoms, atom, atom.match.port)) return []
    const { port } = atom.match
    const kinds = [atom.protocol === 'tcp' ? '-t' : '-u']
    const sources = next.plan.places.filter((p) => p.group === atom.source)
    const destinations = next.plan.places.filter((p) => p.group === atom.destination)
    const addresses = (places: typeof sources): readonly string[] => places.flatMap((p) => [p.ipv4, p.ipv6].map(formatAddress))
    if (sources.length === 0 || destinations.length === 0 || sources.length + destinations.length > mostPaths) return []
    return [
      ...sources.map((p) => ({ netns: p.netns, kinds, filter: socketsAt('dport', port, addresses(destinations)) })),
      ...destinations.map((p) => ({ netns: p.netns, kinds, filter: socketsAt('sport', port, addresses(sources)) })),
    ]
  })
  // What is asked of both protocols is asked once.
  const once = Map.groupBy(calls, ({ netns, filter }) => `${netns} ${filter}`)
  const ended = await Promise.all([...once.values()].map((same) => killSockets(same[0]?.netns ?? '', [...new Set(same.flatMap((c) => c.kinds))], same[0]?.filter ?? '')))
  return new Set(ended.flatMap((keys) => [...keys]))
}

function isOpen(atoms: Atoms, { source, destination, protocol }: DirectAtom, port: number): boolean {
  return atoms.direct.some((a) => {
    if (a.source !== source || a.destination !== destination || a.protocol !== protocol) return false
    switch (a.match.kind) {
      case 'port': return a.match.port === port
      case 'range': return a.match.from <= port && port <= a.match.to
      case 'protocol': return true
      case 'echo': return false
    }
  })
}
