import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { families, marker, openAttackLab, routerSays } from './lib/attack.ts'
import { frame, settleCards } from './lib/card.ts'
import { packet, tcpFlags } from './lib/packet.ts'
import type { AttackLab } from './lib/attack.ts'

let lab: AttackLab
let routerMac: string
let outsideMac: string

before(async () => {
  lab = await openAttackLab()
  const [link] = JSON.parse(await routerSays(lab, 'ip', '-json', 'link', 'show', 'dev', 'bhu0')) as { address: string }[]
  routerMac = link?.address ?? ''
  outsideMac = /link\/ether (\S+)/.exec((await lab.instance.bulkhead('exec', '--outside', '--', 'ip', 'link', 'show', 'eth0')).stdout)?.[1] ?? ''
})
after(() => lab.close())

const workloads = ['evil', 'friend', 'victim'] as const

/** Every frame with the marker that reached a workload, after these were sent from outside. */
async function reachedInside(...packets: readonly Buffer[]): Promise<readonly (readonly [string, Buffer])[]> {
  for (const card of lab.cards.values()) card.take()
  lab.card('--outside').send(...packets.map((p) => frame(routerMac, outsideMac, p)))
  await settleCards(lab.cards.values())
  return workloads.flatMap((name) => lab.card(name).take().filter((f) => f.includes(marker)).map((f) => [name, f] as const))
}

const allowed = { ipv4: '203.0.113.5', ipv6: '2001:db8:1::5' } as const
const published = { ipv4: '198.51.100.7', ipv6: '2001:db8:7::7' } as const
const numbers = { tcp: 6, udp: 17 } as const

test('from outside the whole private range is silent', async () => {
  for (const family of families) {
    // Every workload, their neighbours, and every 97th address of a range of 65,536.
    const own = workloads.map((name) => lab[name][family])
    const sampled = Array.from({ length: 676 }, (_, i) => (family === 'ipv4' ? `10.128.${(i * 97) >> 8}.${(i * 97) & 255}` : `fdbb:1::${(i * 97).toString(16)}`))
    const packets = [...own, ...sampled].flatMap((to, i) => [
      ...(i < own.length ? [22, 80, 443, 7000, 7001] : [7000]).flatMap((dport) => (['tcp', 'udp'] as const).map((kind) =>
        packet({ from: allowed[family], to, payload: kind === 'tcp' ? { kind, sport: 1000 + i, dport, flags: 'S', data: marker } : { kind, sport: 1000 + i, dport, data: marker } }))),
      packet({ from: allowed[family], to, payload: { kind: 'icmp', type: family === 'ipv4' ? 8 : 128, rest: i, data: Buffer.from(marker) } }),
    ])
    assert.deepEqual(await reachedInside(...packets), [], family)
    for (const to of own) {
      const raw = Array.from({ length: 256 }, (_, protocol) => packet({ from: allowed[family], to, payload: { kind: 'raw', protocol, data: Buffer.from(marker.repeat(3)) } }))
      assert.deepEqual(await reachedInside(...raw), [], `${family}: every protocol number`)
    }
  }
})

test('not one of the 65,536 private IPv4 addresses answers outside, or hears from there', async () => {
  const each = 4096
  for (let first = 0; first < 65_536; first += each) {
    const packets = Array.from({ length: each }, (_, i) => {
      const to = `10.128.${(first + i) >> 8}.${(first + i) & 255}`
      return packet({ from: allowed.ipv4, to, payload: { kind: 'tcp', sport: 1000 + i, dport: 7000, flags: 'S', data: marker } })
    })
    assert.deepEqual(await reachedInside(...packets), [], `from 10.128.${first >> 8}.0 on`)
    const answers = lab.card('--outside').take().filter((f) => f.readUInt16BE(12) === 0x0800 && f[26] === 10 && f[27] === 128)
    assert.deepEqual(answers, [], 'no private address speaks')
  }
})

test('a published address opens by a first packet from its sources and port, and by no other source, flags or port', async () => {
  for (const family of families) {
    const others = family === 'ipv4'
      ? ['192.0.2.1', '203.0.114.5', lab.friend.ipv4, lab.victim.ipv4, '10.128.9.9', '127.0.0.1', '169.254.1.1', '169.254.169.254', '0.0.0.0', '224.0.0.1', '255.255.255.255', '198.18.255.2', published.ipv4]
      : ['2001:db8:9::5', lab.friend.ipv6, lab.victim.ipv6, '::1', '::', 'fe80::1', 'ff02::1', 'fd00:ec2::254', published.ipv6, 'fdbb:1::9']
    let sport = 10_000
    const combinations = Array.from({ length: 256 }, (_, bits) => Object.entries(tcpFlags).filter((_, i) => ((bits >> i) & 1) === 1).map(([flag]) => flag).join(''))
    const make = (from: string, to: string, dport: number): readonly Buffer[] =>
      combinations.map((flags) => packet({ from, to, payload: { kind: 'tcp', sport: ++sport, dport, flags, seq: 7, ack: 9, data: marker } }))
    const first = await reachedInside(packet({ from: allowed[family], to: published[family], payload: { kind: 'tcp', sport: ++sport, dport: 80, flags: 'S', data: marker } }))
    assert.deepEqual(first.map(([name]) => name), ['victim'], `${family}: the way in is open`)
    for (const from of others) {
      assert.deepEqual(await reachedInside(...make(from, published[family], 80), ...make(from, lab.victim[family], 7000)), [], `${family}: not from ${from}`)
    }
    assert.deepEqual(await reachedInside(...[7000, 79, 81, 443].flatMap((port) => make(allowed[family], published[family], port))), [], `${family}: no other port`)
    assert.deepEqual(await reachedInside(...[80, 7000].flatMap((port) => make(allowed[family], lab.victim[family], port))), [], `${family}: not without translation`)
    const flagged = await reachedInside(...make(allowed[family], published[family], 80))
    const tcp = 14 + (family === 'ipv4' ? 20 : 40)
    const seen = flagged.map(([name, f]) => ({ name, port: f.readUInt16BE(tcp + 2), flags: (f[tcp + 13] ?? 0) & 0x17 }))
    assert.deepEqual([...new Set(seen.map(({ name, port, flags }) => `${name} ${port} ${flags}`))], ['victim 7000 2'], `${family}: a first packet is a SYN without ACK, FIN and RST`)
  }
})

test('no other protocol, fragment or error comes in through a published address', async () => {
  for (const family of families) {
    const to = published[family]
    const others = [
      packet({ from: allowed[family], to, payload: { kind: 'udp', sport: 1, dport: 80, data: marker } }),
      packet({ from: allowed[family], to, payload: { kind: 'sctp', sport: 1, dport: 80, chunk: 1 } }),
      packet({ from: allowed[family], to, payload: { kind: 'icmp', type: family === 'ipv4' ? 8 : 128, rest: 1, data: Buffer.from(marker) } }),
      ...Array.from({ length: 256 }, (_, protocol) => protocol).filter((protocol) => protocol !== numbers.tcp).map((protocol) => packet({ from: allowed[family], to, payload: { kind: 'raw', protocol, data: Buffer.from(marker.repeat(3)) } })),
    ]
    const quoted = packet({ from: lab.victim[family], to: allowed[family], payload: { kind: 'tcp', sport: 7000, dport: 4444, flags: 'A', data: marker.repeat(3) } })
    const inner = packet({ from: to, to: allowed[family], payload: { kind: 'tcp', sport: 80, dport: 4444, flags: 'A', data: marker.repeat(3) } })
    const kinds = family === 'ipv4' ? [3, 11, 12] : [1, 2, 3, 4]
    const errors = [quoted, inner].flatMap((flow) => [to, lab.victim[family]].flatMap((end) => kinds.map((type) => packet({ from: allowed[family], to: end, payload: { kind: 'icmp', type, rest: 68, data: flow } }))))
    assert.deepEqual(await reachedInside(...others, ...errors), [], family)
  }
})

test('nobody outside passes for a neighbour, a router or a workload on the uplink', async () => {
  const before = await routerSays(lab, 'sh', '-c', 'ip route show table 100; ip -6 route show table 100; ip rule; ip neigh show nud permanent')
  const advertisement = packet({ from: 'fe80::bad', to: 'ff02::1', ttl: 255, payload: { kind: 'icmp', type: 134, rest: 0x4000_0708, data: Buffer.concat([Buffer.alloc(8), Buffer.from(marker)]) } })
  const redirect = packet({ from: '198.18.255.1', to: '198.18.255.2', payload: { kind: 'icmp', type: 5, code: 1, rest: 0xc612_ff01, data: packet({ from: '198.18.255.2', to: '203.0.113.5', payload: { kind: 'udp', sport: 1, dport: 1, data: marker } }) } })
  assert.deepEqual(await reachedInside(advertisement, redirect), [])
  for (const name of workloads) for (const family of families) {
    const forged = packet({ from: lab.evil[family], to: lab.friend[family], payload: { kind: 'tcp', sport: 5, dport: 7000, flags: 'S', data: marker } })
    assert.deepEqual(await reachedInside(forged), [], name)
  }
  assert.equal(await routerSays(lab, 'sh', '-c', 'ip route show table 100; ip -6 route show table 100; ip rule; ip neigh show nud permanent'), before)
})
