import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mac } from '../../src/host/plan.ts'
import { dial, echo, eventually, idle, lab, policy, withInstance } from './lib/instance.ts'
import type { TestInstance } from './lib/instance.ts'

const machine = 'apiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: { name: machine, enclave: lab }\nspec:\n  ports: []\n  attach: { interface: vm0 }'
const external = 'apiVersion: bulkhead.dev/v1\nkind: External\nmetadata: { name: world }\nspec: { cidrs: [203.0.113.0/24] }'
const egress = 'apiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: { name: out, enclave: lab }\nspec: { source: client, destination: external:world, protocol: tcp, port: 7000 }'
const workloads = { client: { script: idle }, server: { script: echo(7000), ports: '[7000]' } }
const policies = [policy('client', 'server', 7000), policy('machine', 'server', 7000), external, egress]

/**
 * Asks for the gateway under many addresses: ARP for 169.254.1.1 from as many private ones, and neighbour solicitations for
 * fe80::1 from as many link-local ones, each in a frame of its own. Says how many were sent.
 */
const asker = String.raw`
use strict; use warnings; use Socket; use Time::HiRes qw(usleep);
my ($dev, $count) = @ARGV;
socket(my $s, 17, SOCK_RAW, 0) or die "socket: $!";
my $r = pack('a16 x16', $dev); ioctl($s, 0x8933, $r) or die "no $dev"; my $index = unpack('x16 i', $r);
my $to = pack('S n i S C C a8', 17, 0x0003, $index, 0, 0, 6, '');
my $sent = 0;
my $me = pack('H12', '020000000099');
for my $n (1 .. $count) {
  my $ip = pack('C4', 10, 200, $n >> 8, $n & 255);
  my $arp = pack('H12', 'ffffffffffff') . $me . pack('n', 0x0806) . pack('n n C C n', 1, 0x0800, 6, 4, 1) . $me . $ip . "\0" x 6 . pack('C4', 169, 254, 1, 1);
  my $source = pack('n8', 0xfe80, 0, 0, 0, 0, 0, 0xbad, $n);
  my $target = pack('n8', 0xfe80, 0, 0, 0, 0, 0, 0, 1);
  my $group = pack('n8', 0xff02, 0, 0, 0, 0, 1, 0xff00, 1);
  my $body = pack('C C n N', 135, 0, 0, 0) . $target . pack('C C', 1, 1) . $me;
  my $sum = 0; $sum += $_ for unpack('n*', $source . $group . pack('N N', length $body, 58) . $body);
  $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
  substr($body, 2, 2) = pack('n', ~$sum & 0xffff);
  my $ns = pack('H12', '3333ff000001') . $me . pack('n', 0x86dd) . pack('N n C C', 0x60000000, length $body, 58, 255) . $source . $group . $body;
  for my $frame ($arp, $ns) { $sent++ if defined send($s, $frame, 0, $to) }
  usleep(1000) if $n % 50 == 0;
}
print "sent $sent\n";`

/** Entries of an interface that are not fixed. */
async function learnt(i: TestInstance, name: string): Promise<number> {
  const { stdout } = await i.router('sh', '-c', `ip neigh show dev ${name}; ip -6 neigh show dev ${name}`)
  return stdout.split('\n').filter((line) => line !== '' && !line.includes('PERMANENT')).length
}

test('a machine behind a tap that asks under thousands of addresses fills no table of neighbours, and is served under its own', async () => {
  await withInstance(async (i) => {
    await i.up(lab(workloads), '--outside', `node -e ${JSON.stringify(echo(7000))}`)
    // Some other interface stands for a tap: frames can be written at its far end.
    const made = await i.router('sh', '-c', 'ip netns add machine && ip link add vm0 type veth peer name eth0 netns machine && ip -n machine link set lo up && ip -n machine link set eth0 up')
    assert.equal(made.code, 0, made.stderr)
    assert.deepEqual((await i.apply(lab(workloads, machine, ...policies))).failed, [])
    const places = (await i.status()).workloads
    const own = places.find((w) => w.workload === 'lab/machine')
    const server = places.find((w) => w.workload === 'lab/server')
    assert.ok(own !== undefined && server !== undefined)
    const flood = await i.router('ip', 'netns', 'exec', 'machine', 'perl', '-e', asker, 'eth0', '5000')
    assert.equal(flood.stdout, 'sent 10000\n', flood.stderr)
    const entries = await learnt(i, own.interface)
    assert.ok(entries < 100, `${entries} neighbours were learnt`)
    // It is served under its own addresses, by ordinary ARP and neighbour discovery, while it asks too much.
    const inside = [`addr add ${own.ipv4}/32 dev eth0`, `addr add ${own.ipv6}/128 dev eth0 nodad`, 'route add default via 169.254.1.1 dev eth0 onlink', '-6 route add default via fe80::1 dev eth0 onlink'].map((line) => `ip -n machine ${line}`).join(' && ')
    assert.equal((await i.router('sh', '-c', inside)).code, 0)
    await eventually(async () => {
      for (const address of [server.ipv4, server.ipv6]) assert.equal((await i.router('ip', 'netns', 'exec', 'machine', ...dial(address, 7000))).stdout, 'open\n', address)
    }, 10_000)
    const slot = Number(own.interface.slice('bhw'.length))
    assert.notEqual(mac(1, slot), '02:00:00:00:00:99', 'no forged link address is one of ours')
    // Others, a new workload and the way outside go on.
    assert.equal((await i.exec('client', ...dial('server', 7000))).stdout, 'open\n')
    await eventually(async () => assert.equal((await i.exec('client', ...dial('203.0.113.5', 7000))).stdout, 'open\n'))
    assert.deepEqual((await i.apply(lab({ ...workloads, late: {} }, machine, ...policies, policy('late', 'server', 7000)))).failed, [])
    assert.equal((await i.exec('late', ...dial('server', 7000))).stdout, 'open\n')
    const status = await i.status()
    assert.deepEqual([status.enforced, status.drift, status.foreignTables], [true, [], []])
    assert.equal((await i.apply(lab(workloads))).applied, true)
    assert.equal((await i.router('nft', 'list', 'chain', 'arp', 'bulkhead-taps', own.interface)).code, 1, 'what guarded the tap goes with it')
    assert.equal((await i.verify()).good, true)
  })
})
