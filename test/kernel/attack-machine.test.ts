import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { run } from '../../src/base/process.ts'
import { families, marker, openAttackLab, probe, routerSays } from './lib/attack.ts'
import { frame, settleCards } from './lib/card.ts'
import { dial, eventually } from './lib/instance.ts'
import { openMachine, wan } from './lib/machine.ts'
import { packet } from './lib/packet.ts'
import type { AttackLab } from './lib/attack.ts'
import type { Machine } from './lib/machine.ts'

/** Privileged workloads on a machine, where Bulkhead runs as root and the machine has a network of its own to protect. */
const skip = process.getuid?.() !== 0 ? 'needs root: a machine is set up by root alone' : false

let machine: Machine
let lab: AttackLab
let untouched: string

before(async () => {
  if (skip !== false) return
  machine = await openMachine()
  lab = await openAttackLab({ house: machine })
  untouched = await own()
})
after(async () => {
  if (skip !== false) return
  try {
    await lab.close()
  } finally {
    await machine.end()
  }
})

/** What the machine has of its own: its interfaces, addresses (whether or not they are still being tried for doubles), routes, rules, tables and settings. */
async function own(): Promise<string> {
  const { code, stdout, stderr } = await run(machine.enter(['sh', '-c', 'ip -o link | sed "s/@.*//; s/mtu.*//"; ip -o addr | sed "s/valid_lft.*//; s/ tentative//"; ip route; ip -6 route | sed "s/expires.*//"; ip rule; ip -6 rule; nft list tables; ls /run/netns; ip neigh show nud permanent; cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/core_pattern']))
  assert.equal(code, 0, stderr)
  return stdout
}

const send = (...packets: readonly Buffer[]): Promise<readonly string[]> => lab.reached(...packets.map((p) => lab.fromEvil(p)))

test('on a machine, forged sources, MAC addresses, protocols and questions open nothing to a privileged workload', { skip }, async () => {
  for (const family of families) {
    assert.deepEqual(await send(probe(family, lab.evil, lab.friend)), ['friend: 1'], 'the path that is open is open')
    const forged = family === 'ipv4'
      ? [lab.victim.ipv4, lab.friend.ipv4, '169.254.1.1', wan.machine, wan.internet, '203.0.113.5', '127.0.0.1', '0.0.0.0', '198.18.255.1']
      : [lab.victim.ipv6, lab.friend.ipv6, 'fe80::1', '2001:db8:2::1', '2001:db8:1::5', '::1', '::']
    const targets = [lab.friend, lab.victim]
    assert.deepEqual(await send(...forged.flatMap((from) => targets.map((to) => probe(family, { ...lab.evil, [family]: from }, to)))), [], `${family}: forged sources`)
    const closed = probe(family, lab.evil, lab.victim)
    assert.deepEqual(await lab.reached(...[lab.victim.mac, lab.friend.mac, lab.evil.gatewayMac].map((from) => frame(lab.evil.gatewayMac, from, closed))), [], `${family}: forged MAC addresses`)
    assert.deepEqual(await lab.reached(...[lab.victim.mac, lab.friend.mac, 'ff:ff:ff:ff:ff:ff'].map((to) => frame(to, lab.evil.mac, probe(family, lab.evil, lab.friend)))), [], `${family}: no shared layer 2`)
    const raw = Array.from({ length: 256 }, (_, protocol) => packet({ from: lab.evil[family], to: lab.victim[family], payload: { kind: 'raw', protocol, data: Buffer.from(marker.repeat(3)) } }))
    assert.deepEqual(await send(...raw), [], `${family}: every protocol number`)
  }
})

test('on a machine, neither it, nor its namespaces, nor an address outside that no policy names can be reached', { skip }, async () => {
  const ends = [wan.machine, wan.internet, '198.18.255.1', '169.254.1.1', '203.0.114.5', '127.0.0.1'].flatMap((host) => [22, 7000].map((port) => ({ host, port })))
  const all = `for(const e of ${JSON.stringify(ends)}){const s=require('net').connect(e);s.setTimeout(1500,()=>s.destroy());s.on('connect',()=>{console.log('open',e.host,e.port);s.destroy()});s.on('error',()=>{})}`
  assert.deepEqual(await lab.instance.exec('evil', 'node', '-e', all), { code: 0, stdout: '', stderr: '' })
  const outside = lab.card('--outside')
  outside.take()
  // To the machine's own wire and past it, from every address that is not the attacker's.
  const sources = [lab.evil.ipv4, wan.machine, '203.0.113.5']
  const targets = [wan.internet, '203.0.114.5', '8.8.8.8', '224.0.0.1', '255.255.255.255', '192.0.2.255']
  lab.card('evil').send(...sources.flatMap((from) => targets.map((to) => lab.fromEvil(packet({ from, to, payload: { kind: 'udp', sport: 9, dport: 7000, data: marker } })))))
  await settleCards(lab.cards.values())
  assert.deepEqual(outside.take().filter((f) => f.includes(marker)), [])
})

test('on a machine, from outside only what is published comes in', { skip }, async () => {
  const link = (JSON.parse((await run(machine.enter(['ip', '-json', 'link', 'show', 'dev', 'wan']))).stdout) as { address: string }[])[0]?.address ?? ''
  const outsideMac = (JSON.parse((await run(machine.enter(['ip', '-json', '-n', 'internet', 'link', 'show', 'dev', 'eth0']))).stdout) as { address: string }[])[0]?.address ?? ''
  const into = async (...packets: readonly Buffer[]): Promise<readonly string[]> => {
    for (const card of lab.cards.values()) card.take()
    lab.card('--outside').send(...packets.map((p) => frame(link, outsideMac, p)))
    await settleCards(lab.cards.values())
    return ['evil', 'friend', 'victim'].flatMap((name) => lab.card(name).take().filter((f) => f.includes(marker)).map(() => name))
  }
  let sport = 40_000
  const knock = (from: string, to: string, dport: number, flags = 'S'): Buffer => packet({ from, to, payload: { kind: 'tcp', sport: ++sport, dport, flags, seq: 7, data: marker } })
  const control = await into(knock('203.0.113.5', '198.51.100.7', 80))
  assert.deepEqual(control, ['victim'], 'the way in is open')
  for (const from of ['203.0.113.5', '203.0.114.5', wan.internet, lab.friend.ipv4, lab.victim.ipv4, '169.254.1.1', '127.0.0.1']) {
    const direct = [lab.evil, lab.friend, lab.victim].flatMap((to) => [22, 80, 7000].map((port) => knock(from, to.ipv4, port)))
    const published = from === '203.0.113.5' ? [] : ['S', 'SA', 'A', 'F', 'R', 'FSRPAUEW', ''].map((flags) => knock(from, '198.51.100.7', 80, flags))
    assert.deepEqual(await into(...direct, ...published, ...[79, 7000, 443].map((port) => knock(from, '198.51.100.7', port))), [], from)
  }
})

test('on a machine, root of a workload is nobody there: it sees no process, changes no setting and enters no namespace', { skip }, async () => {
  const inside = async (script: string): Promise<string> => {
    const { stdout, stderr } = await lab.instance.exec('evil', 'sh', '-c', script)
    return stdout + stderr
  }
  assert.match(await inside('id -u'), /^0$/m, 'it is root in there')
  const pids = await run(machine.enter(['ip', 'netns', 'pids', 'bh-default-lab.evil.0']))
  // Those that it can see: what waits for them outside of its processes is the operator's.
  const script = `own=$(readlink /proc/self/ns/pid); for p in ${pids.stdout.split('\n').filter(Boolean).join(' ')}; do [ "$(readlink /proc/$p/ns/pid)" = "$own" ] || echo $(stat -c %u /proc/$p) $(cat /proc/$p/comm); done`
  const users = (await run(machine.enter(['sh', '-c', script]))).stdout.split('\n').filter(Boolean)
  assert.ok(users.length > 0 && users.every((line) => Number.parseInt(line) >= 1_900_000_000), `its processes on the machine: ${users.join(', ')}`)
  assert.doesNotMatch(await inside('for p in /proc/[0-9]*; do tr "\\0" " " <$p/cmdline; echo; done'), /ulogd|agent|victim/)
  assert.match(await inside('kill -9 -1; echo still'), /still|Killed|^$/)
  await eventually(async () => assert.match(await inside('echo here'), /here/))
  for (const attempt of [
    'echo "|/bin/false" >/proc/sys/kernel/core_pattern', 'echo 1 >/proc/sys/net/netfilter/nf_conntrack_max', 'echo 0 >/proc/sys/net/ipv4/neigh/default/gc_thresh3', 'echo b >/proc/sysrq-trigger',
    'mount -t tmpfs x /proc', 'nsenter --net=/proc/1/ns/net ip link add x type dummy; ip netns exec bh-default-router true', `ls ${lab.instance.state}/default/applied.json`, 'mknod /tmp/m c 1 1 && head -c 1 /tmp/m', 'insmod /x.ko', 'cat /etc/shadow',
  ]) {
    const said = await inside(`(${attempt}) 2>&1 && echo SUCCEEDED`)
    assert.ok(attempt.startsWith('nsenter') || attempt.startsWith('mount') || !said.includes('SUCCEEDED'), `${attempt}: ${said}`)
  }
  assert.equal(await own(), untouched, 'the machine is as it was')
})

test('on a machine, a privileged workload that remakes its own network harms itself alone', { skip }, async () => {
  const inside = (script: string): Promise<unknown> => lab.instance.exec('evil', 'sh', '-c', script)
  await inside(`ip addr add ${lab.victim.ipv4}/32 dev eth0; ip addr add ${lab.victim.ipv6}/128 dev eth0; ip route replace ${wan.machine} via 169.254.1.1 dev eth0 onlink; nft add table ip evil; nft 'add chain ip evil out { type nat hook postrouting priority 0; }'; nft add rule ip evil out snat to ${lab.victim.ipv4}`)
  assert.doesNotMatch((await lab.instance.exec('evil', ...dial(lab.victim.ipv4, 7000, 800))).stdout, /open.*bulkhead/)
  const routing = 'ip -o link | grep -c bhw; ip rule; nft list tables'
  const before = await routerSays(lab, 'sh', '-c', routing)
  await inside('ip link add a type veth peer name b; ip link add d type dummy; unshare -n true; ip link set eth0 down; ip link del eth0')
  await eventually(async () => {
    const status = await lab.instance.status()
    assert.equal(status.enforced, true)
    assert.equal(await routerSays(lab, 'sh', '-c', routing), before)
  })
  await eventually(async () => assert.equal((await lab.instance.exec('friend', ...dial('victim', 7000))).stdout, 'open\n'))
  assert.equal(await own(), untouched, 'the machine is as it was')
})
