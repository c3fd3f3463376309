/**
 * What a packet pays for being contained: the table that Bulkhead renders with more and more policies, against no filter,
 * conntrack alone, and the same policies as a linear list of rules. Every round measures all of them, one after the other,
 * and a ratio is between figures of one round, so that a busy machine disturbs both sides of it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { render } from '../src/engines/nftables/render.ts'
import { noAddresses } from '../src/net/address-set.ts'
import { parseAddress } from '../src/net/address.ts'
import { inNetns, insideNamespaces, must, works } from './lib/namespaces.ts'
import { numbers, option, quick, report } from './lib/results.ts'
import { digits, spread, table, withSpread } from './lib/stats.ts'
import type { Address } from '../src/net/address.ts'
import type { Atoms, DirectAtom } from '../src/engines/nftables/atoms.ts'
import type { Inventory } from '../src/engines/nftables/inventory.ts'

insideNamespaces()

const sizes = numbers('policies', quick ? [10, 1_000] : [10, 1_000, 10_000, 100_000, 500_000])
const linearSizes = numbers('linear', quick ? [100] : [10, 1_000, 10_000])
const rounds = Number(option('rounds') ?? (quick ? 3 : 5))
const seconds = option('seconds') ?? '0.25'

const load = join(import.meta.dirname, 'load/load.pl')
const client = '10.0.1.2'
const server = '10.0.2.2'
const groups = { client: 16, server: 17 }
const ports = { accept: 7001, answer: 7002, sink: 7003, flood: 7004 }

function address(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new TypeError(text)
  return parsed
}

/** Two machines and a router between them, as a host has them. */
function buildNetwork(): void {
  for (const [name, group, here, there] of [['client', groups.client, '10.0.1.1', client], ['server', groups.server, '10.0.2.1', server]] as const) {
    must(['ip', '-batch', '-'], [
      `netns add ${name}`, `link add name bhw-${name} group ${group} type veth peer name eth0 netns ${name}`, `addr add ${here}/24 dev bhw-${name}`, `link set bhw-${name} up`,
      `route add ${there}/32 dev bhw-${name} table 100`,
    ].join('\n'))
    must(['ip', '-n', name, '-batch', '-'], ['link set lo up', `addr add ${there}/24 dev eth0`, 'link set eth0 up', `route add default via ${here}`].join('\n'))
  }
  for (const [key, value] of [['net.ipv4.ip_forward', '1'], ['net.ipv4.conf.all.rp_filter', '0'], ['net.netfilter.nf_conntrack_tcp_loose', '0']] as const) must(['sysctl', '-qw', `${key}=${value}`])
}

/** `count` policies of which some are ours; the others are between identities that are not here. */
function atomsOf(count: number): Atoms {
  const ours = Object.values(ports).flatMap((port) => (['tcp', 'udp'] as const).map((protocol) => atom(groups.client, groups.server, protocol, port, 1)))
  const others = Array.from({ length: Math.max(0, count - ours.length) }, (_, i) => atom(100 + (i % 5_000), 100 + Math.floor(i / 5_000), 'tcp', 1_000 + (i % 50), i + 2))
  return { kind: 'atoms', direct: [...ours, ...others], egress: [], publish: [], lead: [], held: [], classes: [], bogons: noAddresses, published: noAddresses }
}

function atom(source: number, destination: number, protocol: 'tcp' | 'udp', port: number, path: number): DirectAtom {
  return { source, destination, protocol, match: { kind: 'port', port }, path, expires: undefined }
}

const inventory: Inventory = {
  groups: new Map(),
  attachments: [['bhw-client', client, 'fd00:1::2'], ['bhw-server', server, 'fd00:2::2']].map(([name = '', v4 = '', v6 = '']) => ({
    interface: name, workload: `bench/${name}` as const, phase: 'running', replica: 0, ipv4: address(v4), ipv6: address(v6), probe: false,
  })),
  uplink: { interface: 'bhu0' },
}

interface Config {
  readonly name: string
  readonly kind: 'none' | 'conntrack' | 'bulkhead' | 'nft' | 'iptables-nft' | 'iptables-legacy'
  readonly size: number
  readonly on: () => void
  readonly off: () => void
}

const routing = ['rule add pref 100 fwmark 0x1/0x1 lookup 100', 'rule add pref 101 iif lo lookup 100', 'rule add pref 102 prohibit']

/** What is not measured here, and why. */
const skipped = new Set<string>()
function skip(why: string): undefined {
  skipped.add(why)
  process.stderr.write(`${why}\n`)
  return undefined
}

/** The accepting rule comes last: a list is read to its end by whoever is not in it, and on average to its middle. */
function linear(count: number, rule: (source: string, destination: string, port: number) => string): readonly string[] {
  const others = Array.from({ length: count - 1 }, (_, i) => rule(`10.${128 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`, server, 1_000 + (i % 50)))
  return [...others, rule(client, server, 0)]
}

function nftLinear(count: number): Config {
  const rules = linear(count, (s, d, port) => `    ip saddr ${s} ip daddr ${d} ${port === 0 ? 'meta l4proto { tcp, udp }' : `tcp dport ${port}`} accept`)
  const text = ['table inet linear {', '  chain forward {', '    type filter hook forward priority filter; policy drop;', '    ct state established,related accept', ...rules, '  }', '}', ''].join('\n')
  return { name: `nftables, ${count.toLocaleString('en-US')} rules`, kind: 'nft', size: count, on: () => void must(['nft', '-f', '-'], text), off: () => void must(['nft', 'delete', 'table', 'inet', 'linear']) }
}

function iptables(kind: 'iptables-nft' | 'iptables-legacy', count: number): Config | undefined {
  const program = kind === 'iptables-nft' ? 'iptables-nft' : 'iptables-legacy'
  const rules = linear(count, (s, d, port) => `-A FORWARD -s ${s} -d ${d} ${port === 0 ? '' : `-p tcp --dport ${port} `}-j ACCEPT`)
  const text = ['*filter', ':FORWARD DROP [0:0]', '-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT', ...rules, 'COMMIT', ''].join('\n')
  const clear = ['*filter', ':FORWARD ACCEPT [0:0]', 'COMMIT', ''].join('\n')
  if (!works([`${program}-restore`, '--test'], clear)) return skip(`${program}: not installed, or this kernel has none; skipped (Debian's package \`iptables\` has both)`)
  if (!works([`${program}-restore`], text)) return skip(`${kind}, ${count.toLocaleString('en-US')} rules: not taken; skipped`)
  must([`${program}-restore`], clear)
  return { name: `${kind}, ${count.toLocaleString('en-US')} rules`, kind, size: count, on: () => void must([`${program}-restore`], text), off: () => void must([`${program}-restore`], clear) }
}

function bulkhead(count: number): Config | undefined {
  const text = render(atomsOf(count), inventory, { now: 0 })
  const name = `Bulkhead, ${count.toLocaleString('en-US')} policies`
  // A transaction without root has to fit in a socket's buffer.
  if (!works(['nft', '-f', '-'], text)) return skip(`${name}: not taken by the kernel; skipped (as root there is no limit to a transaction)`)
  must(['nft', 'delete', 'table', 'inet', 'bulkhead'])
  return {
    name, kind: 'bulkhead', size: count,
    on: () => {
      must(['nft', '-f', '-'], text)
      must(['ip', '-batch', '-'], routing.join('\n'))
    },
    off: () => {
      must(['ip', '-batch', '-'], routing.map((line) => line.replace('add', 'del')).join('\n'))
      must(['nft', 'delete', 'table', 'inet', 'bulkhead'])
    },
  }
}

const conntrackText = 'table inet tracked { chain forward { type filter hook forward priority filter; policy drop; ct state established,related accept; ct state new accept; }; }\n'
const configs: readonly Config[] = [
  { name: 'no filter', kind: 'none', size: 0, on: () => undefined, off: () => undefined },
  { name: 'conntrack alone', kind: 'conntrack', size: 0, on: () => void must(['nft', '-f', '-'], conntrackText), off: () => void must(['nft', 'delete', 'table', 'inet', 'tracked']) },
  ...sizes.flatMap((n) => bulkhead(n) ?? []),
  ...linearSizes.flatMap((n) => [nftLinear(n), iptables('iptables-nft', n), iptables('iptables-legacy', n)].flatMap((c) => c ?? [])),
]

function perl(netns: string, ...words: readonly string[]): readonly string[] {
  return inNetns(netns, ['perl', load, ...words])
}

/** Servers live through all rounds; `sink` and `count` tell what reached them. */
async function startServer(mode: string, port: number): Promise<{ readonly next: () => Promise<string>; readonly end: () => void }> {
  const [program = '', ...args] = perl('server', mode, '0.0.0.0', String(port))
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const waiting: ((line: string) => void)[] = []
  let rest = ''
  child.stdout.on('data', (chunk: Buffer) => {
    rest += chunk.toString('utf8')
    const parts = rest.split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) {
      const waiter = waiting.shift()
      if (waiter === undefined) lines.push(line)
      else waiter(line)
    }
  })
  const next = (): Promise<string> => {
    const line = lines.shift()
    return line === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(line)
  }
  await next()
  return { next, end: () => void child.kill('SIGKILL') }
}

interface Figures {
  /** Microseconds. */
  readonly connect: number
  readonly requests: number
  readonly packets: number
  readonly bits: number
}

/** Waits for the child without blocking, so that what servers say is heard. */
async function output(argv: readonly string[]): Promise<string> {
  const [program = '', ...args] = argv
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => void (text += chunk.toString('utf8')))
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`${argv.join(' ')}: status ${code}`)
  return text.trim()
}

async function measure(sink: { readonly next: () => Promise<string> }): Promise<Figures> {
  const connect = Number(await output(perl('client', 'connect', server, String(ports.accept), seconds)))
  const requests = Number(await output(perl('client', 'ask', server, String(ports.answer), seconds)))
  // A veth pair forwards within the call that sends.
  const packets = Number((await output(perl('client', 'flood', server, String(ports.flood), seconds))).split(' ')[1])
  await output(perl('client', 'pour', server, String(ports.sink), seconds))
  const bits = Number(await sink.next())
  return { connect, requests, packets, bits }
}

buildNetwork()
const accept = await startServer('accept', ports.accept)
const answer = await startServer('answer', ports.answer)
const sink = await startServer('sink', ports.sink)
const found = new Map<Config, Figures[]>(configs.map((c) => [c, []]))
for (let round = 0; round <= rounds; round++) {
  // Forwards, then backwards: what drifts during a round disturbs no side more than the other.
  for (const config of round % 2 === 0 ? configs : configs.toReversed()) {
    config.on()
    const figures = await measure(sink)
    config.off()
    // The first round warms everything up.
    if (round > 0) found.get(config)?.push(figures)
  }
  process.stderr.write(`\r${round}/${rounds} rounds, ${Math.round(performance.now() / 1000)} s`)
}
process.stderr.write('\n')
for (const s of [accept, answer, sink]) s.end()

const measures = ['connect', 'requests', 'packets', 'bits'] as const
const [none, floor] = configs
/** Cost relative to another configuration, round by round: above 1 is dearer. */
function ratios(config: Config, base: Config | undefined, what: keyof Figures): readonly number[] {
  const bases = base === undefined ? [] : (found.get(base) ?? [])
  return (found.get(config) ?? []).map((f, i) => (what === 'connect' ? f[what] / (bases[i]?.[what] ?? NaN) : (bases[i]?.[what] ?? NaN) / f[what]))
}

function values(config: Config, what: keyof Figures): readonly number[] {
  return (found.get(config) ?? []).map((f) => (what === 'bits' ? f[what] / 1e9 : f[what]))
}

const worst = Math.max(...configs.filter((c) => c.kind === 'bulkhead').flatMap((c) => measures.map((m) => spread(ratios(c, floor, m)).median)))
report({
  name: 'datapath',
  command: ['npm run bench:datapath --', ...process.argv.slice(2)].join(' ').replace(/ --$/, ''),
  lines: [
    `${rounds} rounds, ${seconds} s for each figure; median (min to max). A router between two namespaces: new TCP connections one after the other, requests of 64 bytes on one connection, 64-byte datagrams, one bulk TCP stream. But for the last, a figure is what the best tenth of its tries reached.`,
    '',
    ...table(
      ['', 'new connection, µs', 'requests/s', 'datagrams/s', 'bulk, Gbit/s'],
      configs.map((c) => [c.name, ...measures.map((m) => withSpread(values(c, m)))]),
    ),
    '',
    'Cost relative to conntrack alone, and (new connection) to no filter, each within one round; 1 is equal, above 1 is dearer:',
    '',
    ...table(
      ['', 'new connection', 'requests', 'datagrams', 'bulk', 'new connection, to no filter'],
      configs.filter((c) => c !== floor).map((c) => [c.name, ...measures.map((m) => withSpread(ratios(c, floor, m))), withSpread(ratios(c, none, 'connect'))]),
    ),
    '',
    `Dearest of Bulkhead against conntrack alone: ${digits(worst)} (target: 1.05).`,
    ...(skipped.size === 0 ? [] : ['', ...[...skipped].map((why) => `- ${why}`)]),
  ],
})
