import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { dial, echo, encrypted, eventually, instanceOfFile, lab, policy, said, upWhole } from './lib/instance.ts'

const skip = findEnvoy() === undefined ? 'no envoy' : false

const workloads = { client: {}, other: {}, server: { script: echo(7000, 7001, 7009), ports: '[7000, 7001, 7009]' } }
const first = encrypted('client-server', 'client', 'server', 7000)
const second = encrypted('other-server', 'other', 'server', 7000)
const plain = policy('client', 'server', 7001)

const i = instanceOfFile()

/** What the server hears when somebody says this there. */
const speak = (host: string, port: number, text: string, stay = false): readonly string[] => [
  'node', '-e',
  `const s=require('net').connect(${port},'${host}');s.on('connect',()=>s.write('${text}'));s.on('data',d=>{console.log(String(d));${stay ? '' : 'process.exit()'}});s.on('error',e=>{console.log(e.code);process.exit()});s.on('close',()=>{console.log('closed');process.exit()});setTimeout(()=>process.exit(),60000)`,
]

/**
 * Every packet of an interface until one from port 7000 holds the words, and for some seconds at most: `SOURCE-PORT DESTINATION-PORT
 * BYTES`, what is not text as dots.
 */
const listener = `
use Socket; my ($name, $seconds, $words) = @ARGV; $| = 1;
socket(my $wire, 17, SOCK_DGRAM, unpack("S", pack("n", 3))) or die; my $r = pack("a16 x16", $name); ioctl($wire, 0x8933, $r) or die;
bind($wire, pack("S n i S C C a8", 17, 3, unpack("x16 i", $r), 0, 0, 0, "")) or die;
$SIG{ALRM} = sub { exit 0 }; alarm $seconds;
while (defined recv($wire, my $packet, 65535, 0)) {
  my $tcp = substr($packet, (ord($packet) >> 4) == 6 ? 40 : 4 * (ord($packet) & 15));
  next if length($tcp) < 20; my ($from, $to) = unpack("n n", $tcp); my $text = substr($tcp, 20); $text =~ s/[^ -~]/./g; print "$from $to $text\\n";
  last if $from == 7000 && index($text, $words) >= 0;
}`

before(async () => {
  if (skip !== false) return
  await upWhole(i, lab(workloads, first, second, plain))
})

test('a path that asks for encryption carries what is said, and between the gateways nobody can read it', { skip }, async () => {
  const marker = 'in-clear-words'
  let over = false
  const capture = i.router('perl', '-e', listener, 'bhg-in', '30', marker).finally(() => void (over = true))
  // Said until it has been heard on the way: nobody knows when the listener began.
  while (!over) {
    const heard = await i.exec('client', ...speak('server', 7000, marker))
    assert.equal(heard.stdout.trim(), marker, heard.stderr)
  }
  const packets = (await capture).stdout.split('\n')
  const wire = packets.filter((line) => line.startsWith('15443 ') || line.includes(' 15443 '))
  assert.ok(wire.length > 5, 'it goes from gateway to gateway')
  assert.ok(!wire.some((line) => line.includes(marker)), 'and is encrypted there')
  assert.ok(packets.some((line) => line.includes('7000 ') && line.includes(marker)), 'and as it was said at its end')
})

test('it is open to whom it names and to nobody else, on that port alone', { skip }, async () => {
  await eventually(async () => assert.equal((await i.exec('other', ...speak('server', 7000, 'me too'))).stdout.trim(), 'me too'))
  assert.equal((await i.exec('client', ...speak('server', 7001, 'by the kernel'))).stdout.trim(), 'by the kernel')
  assert.equal((await i.exec('client', ...dial('server', 7009))).stdout, 'ECONNREFUSED\n')
  assert.notEqual((await i.exec('other', ...dial('server', 7001))).stdout, 'open\n')
  // Neither gateway is anybody's to talk to.
  await Promise.all(([['10.128.0.3', 15002], ['10.128.0.3', 7000], ['10.128.0.4', 15443]] as const).map(async ([address, port]) => {
    assert.notEqual((await i.exec('client', ...dial(address, port, 1_000))).stdout, 'open\n', `${address}:${port}`)
  }))
})

test('verification tries it from end to end between stand-ins, and no workload is asked', { skip }, async () => {
  const { good, matrix, gateways, mismatches, trials } = await i.verify()
  assert.equal(good, true, JSON.stringify([mismatches, gateways, trials]).slice(0, 3000))
  // At the gateways' own door: the destination's certificate, and five who are not the caller, for each of two ways.
  assert.deepEqual([trials.open, trials.closed, trials.notTried], [2, 10, []])
  const open = matrix.filter(({ to }) => to.startsWith('lab/server')).map(({ from, open: ports }) => [from.split('@')[0], ...ports])
  assert.deepEqual(open, [['lab/client', 'tcp/7000', 'tcp/7001'], ['lab/other', 'tcp/7000']])
  assert.ok(gateways.length === 4 && gateways.every(({ compared, planned }) => compared === planned && compared >= 8), JSON.stringify(gateways))
})

test('one that goes is cut, while another identity\'s to the same port lives on', { skip }, async () => {
  const mine = i.spawn('client', ...speak('server', 7000, 'mine', true))
  const theirs = i.spawn('other', ...speak('server', 7000, 'theirs', true))
  await Promise.all([said(mine, /mine/), said(theirs, /theirs/)])
  const ended = said(mine, /closed|ECONNRESET|ECONNABORTED|ETIMEDOUT/)
  const report = await i.apply(lab(workloads, second, plain))
  assert.equal(report.closed.length, 1)
  await ended
  assert.notEqual((await i.exec('client', ...dial('server', 7000, 2_000))).stdout, 'open\n')
  assert.equal(theirs.exitCode, null)
  assert.equal((await i.exec('other', ...speak('server', 7000, 'still'))).stdout.trim(), 'still')
  theirs.kill('SIGKILL')
})

test('without a path that needs one, no gateway is left', { skip }, async () => {
  await i.apply(lab(workloads, plain))
  assert.deepEqual((await i.status()).gateways, [])
  const { stdout } = await i.router('sh', '-c', 'ip netns; ip rule; ip -o link')
  assert.doesNotMatch(stdout, /gateway|fwmark 0x2|bhg-/)
  assert.equal((await i.exec('client', ...speak('server', 7001, 'as before'))).stdout.trim(), 'as before')
  assert.equal((await i.status()).enforced, true)
})
