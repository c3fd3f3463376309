/**
 * How fast a decision is in force: loading the table, changing one permission in it, and from a revocation to the last packet
 * and to the end of both sockets, while conntrack holds many other connections. By the agent's own steps, without its reading
 * of documents.
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { render } from '../src/engines/nftables/render.ts'
import { noIds } from '../src/engines/nftables/ids.ts'
import { spawners } from '../src/host/spawners.ts'
import { enforceConnections } from '../src/host/revoke.ts'
import { createTableKeeper } from '../src/host/table-keeper.ts'
import { noAddresses } from '../src/net/address-set.ts'
import { parseAddress } from '../src/net/address.ts'
import { inNetns, insideNamespaces, must } from './lib/namespaces.ts'
import { numbers, option, quick, report } from './lib/results.ts'
import { digits, spread, table } from './lib/stats.ts'
import type { Address } from '../src/net/address.ts'
import type { DirectAtom } from '../src/engines/nftables/atoms.ts'
import type { InForce } from '../src/host/enforce.ts'
import type { Place } from '../src/host/plan.ts'

insideNamespaces()

const [size = 0] = numbers('policies', [quick ? 1_000 : 100_000])
const [entries = 0] = numbers('connections', [quick ? 1_000 : 100_000])
const changes = Number(option('changes') ?? (quick ? 50 : 1_000))
const revocations = Number(option('revocations') ?? (quick ? 5 : 50))
const loads = quick ? 2 : 5
const port = 7_000

function address(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new TypeError(text)
  return parsed
}

function place(name: string, group: number, n: number): Place {
  return {
    key: `bench/${name}#0`, workload: `bench/${name}`, phase: 'running', replica: 0, group, interface: `bhw-${name}`, netns: name,
    ipv4: address(`10.0.${n}.2`), ipv6: address(`fd00:${n}::2`), routerMac: `02:b0:00:00:00:0${n}`, mac: `02:b1:00:00:00:0${n}`, start: { kind: 'none' },
  }
}

const places = [place('client', 16, 1), place('server', 17, 2)]

/** Two namespaces behind this one, as a host makes them; without the routing rules, which nothing here measures. */
for (const p of places) {
  const gateway = `10.0.${p.group - 15}.1`
  must(['ip', '-batch', '-'], [`netns add ${p.netns}`, `link add name ${p.interface} group ${p.group} type veth peer name eth0 netns ${p.netns}`, `addr add ${gateway}/24 dev ${p.interface}`, `link set ${p.interface} up`].join('\n'))
  must(['ip', '-n', p.netns, '-batch', '-'], ['link set lo up', `addr add 10.0.${p.group - 15}.2/24 dev eth0`, 'link set eth0 up', `route add default via ${gateway}`].join('\n'))
}
for (const setting of ['net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0', 'net.netfilter.nf_conntrack_tcp_loose=0']) must(['sysctl', '-qw', setting])

function atom(source: number, destination: number, protocol: 'tcp' | 'udp', at: number, path: number): DirectAtom {
  return { source, destination, protocol, match: { kind: 'port', port: at }, path, expires: undefined }
}

/** Sorted, as `lower` gives them: ours first, then those of identities that are not here. */
const ours = [atom(16, 17, 'tcp', port, 1), atom(16, 17, 'udp', port, 1)]
const others = Array.from({ length: size }, (_, i) => atom(100 + Math.floor(i / 50), 50, 'tcp', 1_000 + (i % 50), i + 10))
const inventory: InForce['plan']['inventory'] = {
  groups: new Map([['bench/client@running', 16], ['bench/server@running', 17]]),
  attachments: places.map((p) => ({ interface: p.interface, workload: p.workload, phase: p.phase, replica: 0, ipv4: p.ipv4, ipv6: p.ipv6, probe: false })),
  uplink: { interface: 'bhu0' },
}
const plan = { places, inventory, slots: { next: 1, slots: new Map<string, number>() } }
const fixed = { kind: 'atoms', egress: [], publish: [], lead: [], held: [], classes: [], bogons: noAddresses, published: noAddresses } as const

/** The keeper and the revocation read nothing of the documents themselves. */
function inForce(direct: readonly DirectAtom[]): InForce {
  return { plan, atoms: { ...fixed, direct }, ids: noIds, refused: [] } as unknown as InForce
}

// As an agent does when it begins.
spawners.warm()
const full = inForce([...ours, ...others])
const milliseconds = (): number => Number(process.hrtime.bigint()) / 1e6
const keeper = createTableKeeper((text) => process.stderr.write(`${text}\n`))

/** Loading the whole, and the same by a table that is there already. */
const loadTimes: number[] = []
const text = render(full.atoms, inventory, { now: 0 })
for (let i = 0; i < loads; i++) {
  const began = milliseconds()
  must(['nft', '-f', '-'], text)
  loadTimes.push(milliseconds() - began)
}
await keeper.put(full, Date.now(), true)
await keeper.settle()

/** Entries of connections that nobody touches. */
const lines = Array.from({ length: entries }, (_, i) => `-I -s 10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255} -d 10.200.0.9 -p tcp --sport ${1_024 + (i % 50_000)} --dport 80 --state ESTABLISHED -t 3000 -m ${100 + (i % 1_000)}`)
if (entries > 0) {
  writeFileSync('/run/connections', `${lines.join('\n')}\n`)
  must(['conntrack', '-R', '/run/connections'])
}

/** One permission more, and one less. */
async function changeTimes(): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < changes; i++) {
    const more = inForce([...ours, atom(16, 18, 'tcp', 1 + (i % 60_000), 5), ...others])
    for (const next of [more, full]) {
      const began = milliseconds()
      await keeper.put(next, 0, false)
      times.push(milliseconds() - began)
    }
  }
  return times
}

/** The clocks of node and perl are the same one. */
const sender = `use Socket; use Time::HiRes qw(usleep); socket(my $s, PF_INET, SOCK_DGRAM, 0); connect($s, sockaddr_in(${port}, inet_aton("10.0.2.2"))); while (1) { send($s, "x", 0); usleep(50) }`
const receiver = `use Socket; use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC); $| = 1; socket(my $s, PF_INET, SOCK_DGRAM, 0); bind($s, sockaddr_in(${port}, INADDR_ANY)); my $last = 0; my $n = 0; while (1) { my $r = ""; vec($r, fileno($s), 1) = 1; if (select($r, undef, undef, 0.15)) { recv($s, my $d, 9, 0); $last = clock_gettime(CLOCK_MONOTONIC); print "first\\n" if !$n++ } elsif ($n) { printf "last %.6f\\n", $last; $n = 0 } }`
/** An idle connection: each end says when it was ended. */
const end = 'use IO::Socket::INET; use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC); $| = 1;'
const listener = `${end} my $l = IO::Socket::INET->new(LocalPort => ${port}, Listen => 9, ReuseAddr => 1); print "ready\\n"; while (my $s = $l->accept) { next if fork(); my $n = sysread($s, my $d, 1); printf "ended %.6f\\n", clock_gettime(CLOCK_MONOTONIC); exit }`
const dialler = `${end} my $s = IO::Socket::INET->new(PeerAddr => "10.0.2.2:${port}") or die "dial: $!"; print "open\\n"; my $n = sysread($s, my $d, 1); printf "ended %.6f\\n", clock_gettime(CLOCK_MONOTONIC)`

interface Talker {
  readonly next: (word: string) => Promise<string>
  readonly end: () => void
}

function talk(netns: string, script: string): Talker {
  const [program = '', ...args] = inNetns(netns, ['perl', '-e', script])
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const said = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    next: async (word) => {
      for (;;) {
        const { value, done } = (await said.next()) as { value: string; done?: boolean }
        if (done === true) throw new Error(`${netns} ended before it said ${word}`)
        if (value.startsWith(word)) return value
      }
    },
    end: () => void child.kill('SIGKILL'),
  }
}

const instant = (line: string): number => Number(line.split(' ')[1]) * 1_000

async function revocationTimes(): Promise<{ readonly packet: number[]; readonly sockets: number[]; readonly told: number[] }> {
  const packet: number[] = []
  const sockets: number[] = []
  const told: number[] = []
  const server = talk('server', listener)
  await server.next('ready')
  const heard = talk('server', receiver)
  const shut = inForce(others)
  for (let i = 0; i < revocations; i++) {
    const sending = talk('client', sender)
    await heard.next('first')
    const client = talk('client', dialler)
    await client.next('open')
    const began = milliseconds()
    await keeper.put(shut, 0, false)
    const ended = await enforceConnections(shut, full)
    told.push(milliseconds() - began)
    if (!ended.some((c) => c.protocol === 'tcp')) throw new Error('the connection was not found')
    const both = await Promise.all([client.next('ended'), server.next('ended')])
    sockets.push(Math.max(...both.map(instant)) - began)
    packet.push(Math.max(0, instant(await heard.next('last')) - began))
    sending.end()
    await keeper.put(full, 0, false)
    process.stderr.write(`\r${i + 1}/${revocations} revocations`)
  }
  process.stderr.write('\n')
  server.end()
  heard.end()
  return { packet, sockets, told }
}

const change = await changeTimes()
const revoked = await revocationTimes()
keeper.close()

function row(what: string, values: readonly number[], target: string): readonly string[] {
  const { count, min, median, p99, max } = spread(values)
  return [what, String(count), digits(min), digits(median), digits(p99), digits(max), target]
}

report({
  name: 'change',
  command: ['npm run bench:change --', ...process.argv.slice(2)].join(' ').replace(/ --$/, ''),
  lines: [
    `${size.toLocaleString('en-US')} policies in the table, ${entries.toLocaleString('en-US')} other connections in conntrack. Milliseconds.`,
    '',
    ...table(['', 'times', 'min', 'median', 'p99', 'max', 'target'], [
      row('load of the whole table', loadTimes, 'under 1,000'),
      row('one permission more or less, from the call to in force', change, 'p99 under 1'),
      row('from the call of a revocation to the last packet received', revoked.packet, 'p99 under 2'),
      row('to the end of the later of both sockets of an idle connection', revoked.sockets, 'under 50'),
      row('to the report of what was ended', revoked.told, '-'),
    ]),
  ],
})
process.exit(0)
