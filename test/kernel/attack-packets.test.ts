import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { families, marker, openAttackLab, probe, routerSays } from './lib/attack.ts'
import { frame } from './lib/card.ts'
import { dial } from './lib/instance.ts'
import { fragments, packet } from './lib/packet.ts'
import type { AttackLab, IpFamily } from './lib/attack.ts'
import type { PacketSpec, Transport } from './lib/packet.ts'

let lab: AttackLab

before(async () => {
  lab = await openAttackLab()
})
after(() => lab.close())

const data = Buffer.from(marker)
const send = (...packets: readonly Buffer[]): Promise<readonly string[]> => lab.reached(...packets.map((p) => lab.fromEvil(p)))

/** What is to be changed is changed in a packet that would pass: otherwise the test would show nothing. */
const control = async (family: IpFamily): Promise<void> => assert.deepEqual(await send(probe(family, lab.evil, lab.friend)), ['friend: 1'], 'the path that is open is open')

/** All that decides in the router and that a workload could wish to change. */
async function standing(): Promise<string> {
  const commands = ['ip -o link', 'ip rule', 'ip -6 rule', 'ip route show table 100', 'ip -6 route show table 100', 'ip neigh show nud permanent', 'nft list set inet bulkhead source4']
  const texts = await Promise.all(commands.map((c) => routerSays(lab, ...c.split(' '))))
  return texts.join('\n').replace(/ (qlen|expires) \d+/g, '')
}

for (const family of families) {
  test(`a forged source address goes nowhere, whoever it pretends to be (${family})`, async () => {
    await control(family)
    const forged = family === 'ipv4'
      ? [lab.victim.ipv4, lab.friend.ipv4, '169.254.1.1', '198.18.255.1', '198.18.255.2', '203.0.113.5', '198.51.100.7', '127.0.0.1', '0.0.0.0', '255.255.255.255', '224.0.0.1', '10.128.0.1', '240.0.0.1', '169.254.169.254']
      : [lab.victim.ipv6, lab.friend.ipv6, 'fe80::1', 'fe80::2', 'fd00:198:18::1', '2001:db8:1::5', '2001:db8:7::7', '::1', '::', 'ff02::1', 'fdbb:1::1', 'fd00:ec2::254']
    const to = [lab.friend, lab.victim, family === 'ipv4' ? { ...lab.victim, ipv4: '203.0.113.9' } : { ...lab.victim, ipv6: '2001:db8:1::9' }]
    const packets = forged.flatMap((from) => to.flatMap((t) => (['tcp', 'udp'] as const).map((kind) => probe(family, { ...lab.evil, [family]: from }, t, kind))))
    assert.deepEqual(await send(...packets), [])
  })

  test(`a forged MAC address changes nothing: the interface is the identity (${family})`, async () => {
    const open = probe(family, lab.evil, lab.friend)
    const closed = probe(family, lab.evil, lab.victim)
    const macs = [lab.victim.mac, lab.friend.mac, lab.friend.gatewayMac, lab.evil.gatewayMac, '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01']
    assert.deepEqual(await lab.reached(...macs.map((from) => frame(lab.evil.gatewayMac, from, closed))), [])
    assert.deepEqual(await lab.reached(...macs.map((to) => frame(to, lab.evil.mac, closed))), [])
    const elsewhere = [lab.victim.mac, lab.victim.gatewayMac, lab.friend.mac, 'ff:ff:ff:ff:ff:ff', '33:33:00:00:00:01']
    assert.deepEqual(await lab.reached(...elsewhere.map((to) => frame(to, lab.evil.mac, open))), [], 'there is no shared layer 2')
  })

  test(`raw packets of every protocol number pass only where a policy says so (${family})`, async () => {
    const udp = packet({ from: lab.evil[family], to: lab.friend[family], payload: { kind: 'udp', sport: 1234, dport: 7000, data: marker } }).subarray(family === 'ipv4' ? 20 : 40)
    const all = (to: string): readonly Buffer[] =>
      Array.from({ length: 256 }, (_, protocol) => packet({ from: lab.evil[family], to, payload: { kind: 'raw', protocol, data: Buffer.concat([udp, data]) } }))
    assert.deepEqual(await send(...all(lab.victim[family])), [])
    const toFriend = await send(...all(lab.friend[family]))
    assert.ok(toFriend.every((line) => line === 'friend: 1' || line === 'friend: 2'), `at most one as TCP and one as UDP: ${toFriend.join()}`)
  })

  test(`fragments, tiny and overlapping, add up to nothing that was refused (${family})`, async () => {
    const to = (place: { readonly ipv4: string; readonly ipv6: string }, port: number): Buffer =>
      packet({ from: lab.evil[family], to: place[family], payload: { kind: 'tcp', sport: 4242, dport: port, flags: 'S', data: marker.repeat(3) } })
    let id = 9000
    const [allowed, closed] = [to(lab.friend, 7000), to(lab.friend, 7001)]
    for (const at of [8, 16, 24]) {
      const [one, two] = fragments(allowed, at, ++id)
      assert.ok(one && two)
      assert.match((await send(one, two)).join(), family === 'ipv6' && at < 24 ? /^$/ : /^friend: [12]$/, 'judged whole, it passes; in IPv6 only with all headers in its first part (RFC 7112)')
      const [first, second] = fragments(closed, at, ++id)
      assert.ok(first && second)
      assert.deepEqual(await send(first, second), [], 'to a closed port')
      // The same place twice: whichever copy the receiver believes, the router must not believe another.
      const [good, goodRest] = fragments(allowed, at, ++id)
      const [bad, badRest] = fragments(closed, at, id)
      assert.ok(good && goodRest && bad && badRest)
      const orders = [[good, bad, badRest], [bad, good, goodRest], [goodRest, bad, good], [badRest, good, bad]]
      for (const order of orders) {
        const arrived = await send(...order.map((f) => renumber(f, family, ++id)))
        assert.deepEqual(arrived, [], 'with names of their own they never meet')
        id += 10
        const [, ...ports] = await portsThatArrived(order.map((f) => renumber(f, family, id)), family)
        assert.deepEqual(ports.filter((p) => p !== 7000), [], 'of overlapping ones only a packet to the open port comes out, if any')
      }
    }
    const [, last] = fragments(to(lab.victim, 7000), 8, ++id)
    assert.ok(last)
    assert.deepEqual(await send(last, last), [], 'a later fragment alone')
    const pieces = [0, 8, 16, 24].flatMap((at) => fragments(to(lab.victim, 7000), at + 8, ++id))
    assert.deepEqual(await send(...pieces), [])
  })
}

/** The ports of the segments with the marker that reach `friend`, after a first 0. */
async function portsThatArrived(packets: readonly Buffer[], family: IpFamily): Promise<readonly number[]> {
  for (const card of lab.cards.values()) card.take()
  lab.card('evil').send(...packets.map((p) => lab.fromEvil(p)))
  await new Promise((resolve) => setTimeout(resolve, 30))
  await lab.card('friend').drain()
  const parts = lab.card('friend').take().filter((f) => f.includes(marker))
  // A later fragment has no ports; its first one was judged with it.
  if (family === 'ipv4') return [0, ...parts.filter((f) => (f.readUInt16BE(20) & 0x1fff) === 0).map((f) => f.readUInt16BE(36))]
  return [0, ...parts.flatMap((f) => (f[20] !== 44 ? [f.readUInt16BE(56)] : f.readUInt16BE(56) >> 3 === 0 ? [f.readUInt16BE(64)] : []))]
}

function renumber(fragment: Buffer, family: IpFamily, id: number): Buffer {
  const copy = Buffer.from(fragment)
  if (family === 'ipv6') {
    copy.writeUInt32BE(id, 44)
    return copy
  }
  copy.writeUInt16BE(id & 0xffff, 4)
  copy.writeUInt16BE(0, 10)
  let sum = 0
  for (let i = 0; i < 20; i += 2) sum += copy.readUInt16BE(i)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  copy.writeUInt16BE(~sum & 0xffff, 10)
  return copy
}

test('questions and answers about neighbours poison nobody, and fill no table', async () => {
  const before = await standing()
  const ask = (sender: string, senderMac: string, target: string, reply: boolean): Buffer =>
    frame(reply ? lab.evil.gatewayMac : 'ff:ff:ff:ff:ff:ff', lab.evil.mac, arp(sender, senderMac, target, reply), 0x0806)
  const claims = [lab.victim, lab.friend].flatMap((v) => [ask(v.ipv4, lab.evil.mac, '169.254.1.1', true), ask(v.ipv4, lab.evil.mac, v.ipv4, false), ask('169.254.1.1', lab.evil.mac, v.ipv4, true)])
  const advertise = (claimed: string, to: string): Buffer => packet({ from: claimed, to, ttl: 255, payload: neighbour(136, claimed, lab.evil.mac) })
  const lies = [lab.victim, lab.friend].flatMap((v) => [advertise(v.ipv6, 'fe80::1'), advertise(v.ipv6, 'ff02::1'), advertise('fe80::1', v.ipv6), advertise('fe80::1', 'ff02::1')])
  assert.deepEqual(await lab.reached(...claims, ...lies.map((p) => lab.fromEvil(p))), [])
  // Thousands of strangers ask for the gateway: its table is one for the whole machine.
  const strangers = Array.from({ length: 1500 }, (_, i) => ask(`10.128.${200 + (i >> 8)}.${i & 255}`, lab.evil.mac, '169.254.1.1', false))
  const strangers6 = Array.from({ length: 1500 }, (_, i) => lab.fromEvil(packet({ from: `fe80::bad:${i.toString(16)}`, to: 'fe80::1', ttl: 255, payload: neighbour(135, 'fe80::1', lab.evil.mac) })))
  await lab.reached(...strangers, ...strangers6)
  assert.equal((await routerSays(lab, 'ip', 'neigh', 'show', 'dev', lab.evil.interface)).trim().split('\n').length, 2, 'the router knows the two addresses it was told, and has learnt none')
  assert.equal(await standing(), before)
  assert.equal((await lab.instance.exec('friend', ...dial(lab.victim.ipv4, 7000))).stdout, 'open\n')
  assert.equal((await lab.instance.exec('friend', ...dial(lab.victim.ipv6, 7000))).stdout, 'open\n')
})

function arp(sender: string, senderMac: string, target: string, reply: boolean): Buffer {
  const bytes = (text: string): readonly number[] => text.split('.').map(Number)
  return Buffer.concat([
    Buffer.from([0, 1, 8, 0, 6, 4, 0, reply ? 2 : 1]), Buffer.from(senderMac.replaceAll(':', ''), 'hex'), Buffer.from(bytes(sender)),
    Buffer.alloc(6), Buffer.from(bytes(target)), data,
  ])
}

/** 135 asks for, 136 claims an address; the option is the sender's link address. */
function neighbour(type: number, target: string, mac: string): Transport {
  const address = packet({ from: target, to: target, payload: { kind: 'raw', protocol: 59, data: Buffer.alloc(0) } }).subarray(8, 24)
  const option = Buffer.concat([Buffer.from([type === 135 ? 1 : 2, 1]), Buffer.from(mac.replaceAll(':', ''), 'hex')])
  return { kind: 'icmp', type, rest: type === 136 ? 0xa000_0000 : 0, data: Buffer.concat([address, option]) }
}

test('a source route leads nobody on, in either family', async () => {
  const hops = (to: string): Buffer => packet({ from: to, to, payload: { kind: 'raw', protocol: 59, data: Buffer.alloc(0) } })
  const v4 = (kind: number): Buffer => Buffer.concat([Buffer.from([kind, 7, 4]), hops(lab.victim.ipv4).subarray(12, 16), Buffer.from([0])])
  const loose = [131, 137].map((kind) => probe('ipv4', lab.evil, lab.friend, 'tcp', 7000, { options: v4(kind) }))
  assert.deepEqual((await send(...loose)).filter((line) => !line.startsWith('friend')), [])
  const via = (type: number): NonNullable<PacketSpec['extensions']> => [{ type: 43, body: Buffer.concat([Buffer.from([type, 1, 0, 0, 0, 0]), hops(lab.victim.ipv6).subarray(8, 24)]) }]
  const routed = [0, 2, 3, 4].flatMap((type) => [lab.friend, { ...lab.friend, ipv6: 'fe80::1' }, lab.victim].map((to) => probe('ipv6', lab.evil, to, 'tcp', 7000, { extensions: via(type) })))
  assert.deepEqual(await send(...routed), [])
})

test('IPv6 extension headers hide no port', async () => {
  const filler = (type: number, length = 6): { readonly type: number; readonly body: Buffer } => ({ type, body: Buffer.concat([Buffer.from([1, length - 2]), Buffer.alloc(length - 2)]) })
  const chains = [[filler(0)], [filler(60)], [filler(0), filler(60)], [filler(60, 14), filler(60)], [filler(51, 14)], [filler(135)], [filler(139)], [filler(140)], [filler(253)], Array.from({ length: 8 }, () => filler(60))]
  const packets = chains.flatMap((extensions) => [lab.victim, lab.friend].flatMap((to) => [7000, 7001].map((port) => probe('ipv6', lab.evil, to, 'tcp', port, { extensions }))))
  assert.deepEqual(await send(...packets), [])
})

test('a tunnel ends nowhere: IPIP, 6to4, GRE, ESP, VXLAN and Geneve', async () => {
  const inner = probe('ipv4', lab.friend, lab.victim)
  const inner6 = probe('ipv6', lab.friend, lab.victim)
  const ether = frame(lab.victim.mac, lab.friend.mac, inner)
  const gre = Buffer.concat([Buffer.from([0, 0, 8, 0]), inner])
  const vxlan = Buffer.concat([Buffer.from([8, 0, 0, 0, 0, 0, 1, 0]), ether])
  const geneve = Buffer.concat([Buffer.from([0, 0, 0x65, 0x58, 0, 0, 1, 0]), ether])
  const packets = (['ipv4', 'ipv6'] as const).flatMap((family) => {
    const ends = family === 'ipv4' ? ['169.254.1.1', '198.18.255.2', lab.friend.ipv4, lab.victim.ipv4, '203.0.113.9', '192.88.99.1'] : ['fe80::1', lab.friend.ipv6, lab.victim.ipv6, '2001:db8:1::9', '2002:cb00:7109::1']
    return ends.flatMap((to) => {
      const raw = (protocol: number, body: Buffer): Buffer => packet({ from: lab.evil[family], to, payload: { kind: 'raw', protocol, data: body } })
      const udp = (dport: number, body: Buffer): Buffer => packet({ from: lab.evil[family], to, payload: { kind: 'udp', sport: 5555, dport, data: body.toString('latin1') } })
      return [raw(4, inner), raw(41, inner6), raw(47, gre), raw(50, Buffer.concat([Buffer.alloc(8), inner])), raw(115, inner), udp(4789, vxlan), udp(8472, vxlan), udp(6081, geneve), udp(51820, inner)]
    })
  })
  assert.deepEqual(await send(...packets), [])
})

test('redirects and router advertisements turn nobody round', async () => {
  const before = await standing()
  const routes = async (name: string): Promise<string> => (await lab.instance.exec(name, 'sh', '-c', `ip route get ${lab.victim.ipv4}; ip route get ${lab.victim.ipv6}; ip route; ip -6 route; ip neigh`)).stdout.replace(/ (expires|cache) ?\S*/g, '')
  const friendBefore = await routes('friend')
  const quoted = probe('ipv4', lab.friend, lab.victim)
  const quoted6 = probe('ipv6', lab.friend, lab.victim)
  const evil4 = Buffer.from(lab.evil.ipv4.split('.').map(Number)).readUInt32BE()
  const redirects = [lab.evil.ipv4, '169.254.1.1', lab.victim.ipv4].flatMap((from) => [lab.friend.ipv4, lab.victim.ipv4, '169.254.1.1'].flatMap((to) =>
    [0, 1].map((code) => packet({ from, to, payload: { kind: 'icmp', type: 5, code, rest: evil4, data: quoted } }))))
  const advertisement = Buffer.concat([Buffer.alloc(8), Buffer.from([3, 4, 64, 0xc0, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0, 0, 0]), Buffer.alloc(16), data])
  const redirects6 = [lab.evil.ipv6, 'fe80::1'].flatMap((from) => [lab.friend.ipv6, 'ff02::1', 'fe80::1'].flatMap((to) => [
    packet({ from, to, ttl: 255, payload: { kind: 'icmp', type: 137, data: Buffer.concat([quoted6.subarray(8, 40), quoted6]) } }),
    packet({ from, to, ttl: 255, payload: { kind: 'icmp', type: 134, rest: 0x4000_0708, data: advertisement } }),
  ]))
  assert.deepEqual(await send(...redirects, ...redirects6), [])
  assert.equal(await standing(), before)
  assert.equal(await routes('friend'), friendBefore)
})

test('a forged error that quotes another\'s flow does not arrive, and its payload neither', async () => {
  const connection = lab.instance.spawn('friend', 'node', '-e', `const s=require('net').connect({host:'${lab.victim.ipv4}',port:7000,localPort:40404});s.on('connect',()=>console.log('open'));setInterval(()=>{},1e9)`)
  try {
    await new Promise((resolve) => connection.stdout?.once('data', resolve))
    for (const family of families) {
      const quote = (from: { readonly ipv4: string; readonly ipv6: string }, to: { readonly ipv4: string; readonly ipv6: string }, sport: number, dport: number): Buffer =>
        packet({ from: from[family], to: to[family], payload: { kind: 'tcp', sport, dport, flags: 'A', data: marker.repeat(4) } })
      const flows = [quote(lab.friend, lab.victim, 40404, 7000), quote(lab.victim, lab.friend, 7000, 40404), quote(lab.victim, lab.evil, 7000, 40404), quote(lab.friend, lab.victim, 40405, 7000)]
      const kinds = family === 'ipv4' ? [[3, 1], [3, 3], [3, 4], [4, 0], [11, 0], [12, 0]] as const : [[1, 0], [1, 4], [2, 0], [3, 0], [4, 0]] as const
      const packets = [lab.evil[family], lab.victim[family], lab.friend[family], family === 'ipv4' ? '169.254.1.1' : 'fe80::1'].flatMap((from) =>
        [lab.friend, lab.victim].flatMap((to) => flows.flatMap((flow) => kinds.map(([type, code]) => packet({ from, to: to[family], payload: { kind: 'icmp', type, code, rest: 68, data: flow } })))))
      assert.deepEqual(await send(...packets), [], family)
    }
  } finally {
    connection.kill('SIGKILL')
  }
})

test('router, link-local, metadata, broadcast, multicast and loopback addresses answer nothing and lead to nobody', async () => {
  const v4 = ['169.254.1.1', '198.18.255.2', '198.18.255.1', '169.254.169.254', '169.254.0.1', '127.0.0.1', '127.1.2.3', '0.0.0.0', '255.255.255.255', '10.128.255.255', '10.128.0.0', '224.0.0.1', '224.0.0.251', '239.1.1.1', '240.0.0.1', '198.51.100.7']
  const v6 = ['fe80::1', 'fe80::2', 'fd00:198:18::2', 'fd00:198:18::1', 'fd00:ec2::254', '::1', '::', 'ff02::1', 'ff02::2', 'ff05::1', 'ff0e::1', '2001:db8:7::7', 'fdbb:1::']
  const kinds = [...v4.map((to) => ['ipv4', to] as const), ...v6.map((to) => ['ipv6', to] as const)]
  const ports = [22, 53, 67, 80, 443, 546, 1900, 5353, 7000]
  const packets = kinds.flatMap(([family, to]) => [
    ...ports.flatMap((port) => (['tcp', 'udp'] as const).map((kind) => probe(family, lab.evil, { ...lab.victim, [family]: to }, kind, port))),
    packet({ from: lab.evil[family], to, payload: { kind: 'icmp', type: family === 'ipv4' ? 8 : 128, rest: 1, data } }),
    packet({ from: lab.evil[family], to, ttl: 1, payload: { kind: 'icmp', type: family === 'ipv4' ? 8 : 128, rest: 1, data } }),
  ])
  assert.deepEqual(await send(...packets), [])
  const answers = lab.card('evil').take()
  const accepted = answers.filter((f) => (f.readUInt16BE(12) === 0x0800 ? f[23] === 6 && ((f[47] ?? 0) & 0x12) === 0x12 : f[20] === 6 && ((f[67] ?? 0) & 0x12) === 0x12))
  assert.equal(accepted.length, 0, 'no handshake is answered')
})

test('a scan of all ports finds what policies open and nothing else', async () => {
  for (const kind of ['tcp', 'udp'] as const) {
    for (const family of families) {
      const head = 14 + (family === 'ipv4' ? 20 : 40)
      const sum = head + (kind === 'tcp' ? 16 : 6)
      const scan = async (to: { readonly ipv4: string; readonly ipv6: string }): Promise<readonly number[]> => {
        for (const card of lab.cards.values()) card.take()
        const first = probe(family, lab.evil, to, kind, 0)
        const { sent } = await lab.card('evil').sweep(1, 65_535, head + 2, sum, lab.fromEvil(first))
        assert.ok(sent > 65_000, `${sent} were sent`)
        await new Promise((resolve) => setTimeout(resolve, 100))
        await Promise.all(['friend', 'victim', '--outside'].map((name) => lab.card(name).drain()))
        assert.deepEqual([...lab.card('victim').take(), ...lab.card('--outside').take()], [])
        // Errors about answers that nobody waits for come back along their own path, and are not what was asked.
        const protocol = kind === 'tcp' ? 6 : 17
        return [...new Set(lab.card('friend').take().filter((f) => f[family === 'ipv4' ? 23 : 20] === protocol).map((f) => f.readUInt16BE(head + 2)))]
      }
      assert.deepEqual(await scan(lab.victim), [], `${kind} of victim`)
      // A port is open only when it is asked alone too: a flood may be refused for being one.
      assert.deepEqual((await scan(lab.friend)).filter((port) => port !== 7000), [], `${kind} of friend`)
      assert.match((await send(probe(family, lab.evil, lab.friend, kind))).join(), /^friend: [12]$/)
    }
  }
})

test('no helper of the connection table opens a way: FTP, SIP, IRC, TFTP, H.323, PPTP', async () => {
  const numbers = lab.evil.ipv4.split('.').join(',')
  const asks = [`PORT ${numbers},31,64\\r\\n`, `227 Entering Passive Mode (${lab.victim.ipv4.split('.').join(',')},27,88)\\r\\n`, `229 Entering Extended Passive Mode (|||7000|)\\r\\n`,
    `PRIVMSG x :\\001DCC SEND f 2155905041 8000\\001\\r\\n`, `INVITE sip:x SIP/2.0\\r\\nContact: <sip:x@${lab.evil.ipv4}:8000>\\r\\nContent-Type: application/sdp\\r\\n\\r\\nc=IN IP4 ${lab.evil.ipv4}\\r\\nm=audio 8000 RTP/AVP 0\\r\\n`]
  const say = `const s=require('net').connect(7000,'${lab.friend.ipv4}');s.on('connect',()=>{for(const m of ${JSON.stringify(asks)})s.write(m.replaceAll('\\\\r','\\r').replaceAll('\\\\n','\\n').replaceAll('\\\\001','\\u0001'));setTimeout(()=>process.exit(),400)})`
  await lab.instance.exec('evil', 'node', '-e', say)
  const tables = await lab.instance.router('conntrack', '-L', 'expect')
  assert.doesNotMatch(tables.stdout, /\d+ src=/, 'nothing is expected')
  const back = await lab.instance.exec('friend', ...dial(lab.evil.ipv4, 8000))
  assert.equal(back.stdout, 'ECONNREFUSED\n')
  assert.equal((await lab.instance.exec('evil', ...dial(lab.victim.ipv4, 7000))).stdout, 'ECONNREFUSED\n')
})
