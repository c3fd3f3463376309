/**
 * Revocation: ends every connection that no path permits any more. The table has stopped its packets already; here its entry
 * is removed, so that a later grant cannot revive it, and both sockets are ended, so that nobody waits on a dead line.
 */
import { formatAddress } from '../net/address.ts'
import { spawners } from './spawners.ts'
import { inNetns } from './ip.ts'
import type { Connection, Tuple } from './conntrack.ts'

export interface CutConnection {
  readonly protocol: string
  readonly source: string
  readonly sourcePort: number
  readonly destination: string
  readonly destinationPort: number
  /** The mark it was permitted under: names the policy in `ids`. */
  readonly mark: number
  /** Sockets that were ended by us, of two; fewer when an end had none or is not on this host. */
  readonly sockets: number
}

/** `netnsOf` names the namespace that an address lives in, if it is here; `before` are ends of sockets that have been ended already. */
export async function cutConnections(
  doomed: readonly Connection[],
  netnsOf: (address: string) => string | undefined,
  before: ReadonlySet<string> = new Set(),
): Promise<readonly CutConnection[]> {
  const [found] = await Promise.all([endSockets(doomed, netnsOf, before), removeEntries(doomed)])
  const ended = before.union(found)
  return doomed.map((c) => ({
    protocol: c.protocol,
    source: formatAddress(c.original.source),
    sourcePort: c.original.sourcePort,
    destination: formatAddress(c.original.destination),
    destinationPort: c.original.destinationPort,
    mark: c.mark,
    sockets: socketEnds(c).filter((end) => ended.has(endKey(end))).length,
  }))
}

const callsAtOnce = 4

/**
 * One call removes all entries between two ends on one port: they are doomed for the same reason. The mark is what the
 * kernel looks for; without it, it would tell the whole table for each call.
 */
async function removeEntries(doomed: readonly Connection[]): Promise<void> {
  const calls = new Map<string, readonly string[]>()
  for (const { protocol, original, mark } of doomed) {
    const family = original.source.family === 4 ? 'ipv4' : 'ipv6'
    const name = protocol === 'icmp' && family === 'ipv6' ? 'icmpv6' : protocol
    const argv = ['conntrack', '-D', '-f', family, '-s', formatAddress(original.source), '-d', formatAddress(original.destination), '-p', name, '-m', String(mark)]
    if (original.destinationPort > 0) argv.push('--dport', String(original.destinationPort))
    calls.set(argv.join(' '), argv)
  }
  // An entry that ended by itself meanwhile is status 1, and no failure.
  const left = [...calls.values()]
  const worker = async (): Promise<void> => {
    for (let argv = left.shift(); argv !== undefined; argv = left.shift()) await spawners.run(argv)
  }
  await Promise.all(Array.from({ length: callsAtOnce }, worker))
}

interface SocketEnd {
  readonly local: string
  readonly localPort: number
  readonly remote: string
  readonly remotePort: number
}

function socketEnds(c: Connection): readonly SocketEnd[] {
  const end = (t: Tuple): SocketEnd => ({
    local: formatAddress(t.source),
    localPort: t.sourcePort,
    remote: formatAddress(t.destination),
    remotePort: t.destinationPort,
  })
  return c.protocol === 'tcp' || c.protocol === 'udp' ? [end(c.original), end(c.reply)] : []
}

const perCall = 60

/** Ends the sockets of both sides by `ss -K`, a few calls for each namespace; tells which ends were found. */
async function endSockets(doomed: readonly Connection[], netnsOf: (address: string) => string | undefined, before: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const byNetns = new Map<string, SocketEnd[]>()
  for (const end of doomed.flatMap(socketEnds)) {
    const netns = netnsOf(end.local)
    if (netns === undefined || before.has(endKey(end))) continue
    const list = byNetns.get(netns)
    if (list === undefined) byNetns.set(netns, [end])
    else list.push(end)
  }
  const calls = [...byNetns].flatMap(([netns, ends]) => chunks(ends, perCall).map((part) => ({ netns, part })))
  const ended = await Promise.all(
    calls.map(({ netns, part }) => killSockets(netns, ['-t', '-u'], part.map((e) => `( src ${bracket(e.local)}:${e.localPort} and dst ${bracket(e.remote)}:${e.remotePort} )`).join(' or '))),
  )
  return new Set(ended.flatMap((keys) => [...keys]))
}

/** Ends the sockets of a namespace that a filter of `ss` selects, and tells which: local and remote end of each. */
export async function killSockets(netns: string, kinds: readonly string[], filter: string): Promise<ReadonlySet<string>> {
  return endsIn((await spawners.run(inNetns(netns, ['ss', '-K', '-H', '-n', ...kinds, filter]))).stdout)
}

/** Local and remote end of each line. There is one column less when `ss` was asked for one kind alone. */
export function endsIn(listed: string): ReadonlySet<string> {
  const ended = new Set<string>()
  for (const line of listed.split('\n')) {
    const [local, remote] = line.split(/\s+/).filter((field) => /:(?:\d+|\*)$/.test(field))
    if (local !== undefined && remote !== undefined) ended.add(`${plain(local)} ${plain(remote)}`)
  }
  return ended
}

function endKey(e: SocketEnd): string {
  return `${e.local}:${e.localPort} ${e.remote}:${e.remotePort}`
}

/** As a filter of `ss` takes it: a bare IPv6 address would end in a port. */
function bracket(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

/** The sockets with one end at this port, ours or theirs, and the other at any of these addresses. */
export function socketsAt(whose: 'sport' | 'dport', port: number, remotes: readonly string[]): string {
  return `${whose} = :${port} and ( ${remotes.map((address) => `dst ${bracket(address)}`).join(' or ')} )`
}

/** `[fd00::1]:80`, `[::ffff:10.0.0.1]:80` (a dual-stack socket) and `10.0.0.1:80` as `endKey` writes them. */
function plain(end: string): string {
  return end.replace(/^\[(?:::ffff:(?=\d+\.))?(.*)\](:\d+)$/, '$1$2')
}

function chunks<T>(list: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
}
