import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { families, marker, openAttackLab, probe } from './lib/attack.ts'
import { frame, settleCards } from './lib/card.ts'
import { fragments, packet } from './lib/packet.ts'
import type { AttackLab, IpFamily } from './lib/attack.ts'

let lab: AttackLab

before(async () => {
  lab = await openAttackLab()
})
after(() => lab.close())

const send = (...packets: readonly Buffer[]): Promise<readonly string[]> => lab.reached(...packets.map((p) => lab.fromEvil(p)))
const etherType = { ipv4: 0x0800, ipv6: 0x86dd } as const
const uint16 = (...values: readonly number[]): Buffer => Buffer.from(values.flatMap((value) => [value >> 8, value & 255]))

for (const family of families) {
  test(`a frame of another kind carries nothing past the check: VLAN, QinQ, MPLS, PPPoE, 802.3, false types (${family})`, async () => {
    const type = etherType[family]
    const around = (to: number, ...parts: readonly Buffer[]): Buffer => frame(lab.evil.gatewayMac, lab.evil.mac, Buffer.concat(parts), to)
    const wrapped = (p: Buffer): readonly Buffer[] => [
      ...[0, 1, 5, 4095].flatMap((id) => [0x8100, 0x88a8, 0x9100].map((tag) => around(tag, uint16(id, type), p))),
      around(0x8100, uint16(0, 0x8100, 0, type), p),
      ...[0x8847, 0x8848].map((mpls) => around(mpls, Buffer.from([0, 0, 0x11, 0x40]), p)),
      around(0x8864, Buffer.from([0x11, 0]), uint16(1, p.length + 2, family === 'ipv4' ? 0x21 : 0x57), p),
      around(p.length + 8, Buffer.from([0xaa, 0xaa, 3, 0, 0, 0]), uint16(type), p),
      ...[0x0801, 0x0842, 0x22f0, 0x6558, 0x8870, 0x88cc, 0x88e5, 0x894f, etherType[family === 'ipv4' ? 'ipv6' : 'ipv4']].map((other) => around(other, p)),
    ]
    const closed = [probe(family, lab.evil, lab.victim), probe(family, lab.friend, lab.victim), probe(family, lab.victim, lab.friend), probe(family, lab.evil, lab.friend, 'tcp', 7001)]
    assert.match((await send(probe(family, lab.evil, lab.friend))).join(), /^friend: \d$/, 'as it is, a packet along an open path arrives')
    assert.deepEqual(await lab.reached(...closed.flatMap(wrapped)), [])
  })

  test(`who may only answer begins nothing, whatever its ports and flags say (${family})`, async () => {
    const answers = [
      ...['S', 'SA', 'A', 'PA', 'FA', 'R', 'FPU', ''].map((flags, i) => ({ kind: 'tcp', sport: 7000, dport: 45_000 + i, flags, ack: 9, data: marker }) as const),
      { kind: 'udp', sport: 7000, dport: 45_100, data: marker } as const,
    ]
    for (const card of lab.cards.values()) card.take()
    lab.card('friend').send(...answers.map((payload) => frame(lab.friend.gatewayMac, lab.friend.mac, packet({ from: lab.friend[family], to: lab.evil[family], payload }))))
    await settleCards(lab.cards.values())
    assert.deepEqual(lab.card('evil').take().filter((f) => f.includes(marker)), [])
  })

  test(`a protocol that names more ends than one, or none, reaches none of them: SCTP with every chunk, UDP-Lite, DCCP (${family})`, async () => {
    const to = [lab.victim[family], lab.friend[family]]
    // Addresses of others among the parameters, as multi-homing and changes of address have them.
    const address = Buffer.from(lab.victim.ipv4.split('.').map(Number))
    const parameters = Buffer.concat([uint16(5, 8), address, uint16(0xc001, 16, 0, 1, 5, 8), address, Buffer.from(`${marker}!`)])
    const chunks = to.flatMap((end) => Array.from({ length: 256 }, (_, chunk) => packet({ from: lab.evil[family], to: end, payload: { kind: 'sctp', sport: 7000, dport: 7000, chunk, tag: chunk === 1 ? 0 : 7, parameters } })))
    const udp = packet({ from: lab.evil[family], to: lab.friend[family], payload: { kind: 'udp', sport: 7000, dport: 7000, data: marker } }).subarray(family === 'ipv4' ? 20 : 40)
    const others = to.flatMap((end) => [33, 136].map((protocol) => packet({ from: lab.evil[family], to: end, payload: { kind: 'raw', protocol, data: udp } })))
    assert.deepEqual(await send(...chunks, ...others), [])
  })
}

test('options of an IPv4 packet move no port, and none of the 256 opens a way', async () => {
  const address = Buffer.from(lab.victim.ipv4.split('.').map(Number))
  const every = Array.from({ length: 256 }, (_, kind) => probe('ipv4', lab.evil, lab.victim, 'tcp', 7000, { options: Buffer.concat([Buffer.from([kind, 8, 4, 0]), address]) }))
  assert.deepEqual(await send(...every), [])
  // The open port stands where the ports of a packet without options are.
  const hiding = [Buffer.alloc(40, 1), Buffer.from([0x94, 4, 0x1b, 0x58]), Buffer.from([1, 1, 0x1b, 0x58]), Buffer.concat([uint16(7000, 7000), Buffer.alloc(4)])]
  assert.deepEqual(await send(...hiding.flatMap((options) => (['tcp', 'udp'] as const).map((kind) => probe('ipv4', lab.evil, lab.friend, kind, 7001, { options })))), [])
})

test('lengths that are not those of the packet hide nothing', async () => {
  const altered = (p: Buffer, alter: (head: Buffer) => void): Buffer => {
    const copy = Buffer.from(p)
    alter(copy)
    copy.writeUInt16BE(0, 10)
    let sum = 0
    for (let i = 0; i < Math.min(((copy[0] ?? 0) & 15) * 4, copy.length - 1); i += 2) sum += copy.readUInt16BE(i)
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
    copy.writeUInt16BE(~sum & 0xffff, 10)
    return copy
  }
  const closed = [probe('ipv4', lab.evil, lab.victim), probe('ipv4', lab.evil, lab.friend, 'tcp', 7001), probe('ipv4', lab.evil, lab.friend, 'udp', 7001)]
  const four = closed.flatMap((p) => [
    ...[0, 1, 4, 6, 15].map((words) => altered(p, (head) => void (head[0] = 0x40 | words))),
    ...[0, 19, 20, 24, 28, 40, 0xffff].map((length) => altered(p, (head) => void head.writeUInt16BE(length, 2))),
    ...[0x8000, 0x4000, 0xc000, 0x2000, 0x1fff].map((flags) => altered(p, (head) => void head.writeUInt16BE(flags, 6))),
  ])
  const six = [probe('ipv6', lab.evil, lab.victim), probe('ipv6', lab.evil, lab.friend, 'udp', 7001)].flatMap((p) => [
    ...[0, 1, 8, 0xffff].map((length) => {
      const copy = Buffer.from(p)
      copy.writeUInt16BE(length, 4)
      return copy
    }),
    behind(p, 0, Buffer.concat([Buffer.from([0, 0, 0xc2, 4]), uint16(0, p.length - 32)]), 0),
  ])
  assert.deepEqual(await send(...four, ...six), [])
})

/** With an IPv6 header of that type in front of all others, and a length of its own perhaps. */
function behind(p: Buffer, type: number, extension: Buffer, length = p.length - 40 + extension.length): Buffer {
  const head = Buffer.from(p.subarray(0, 40))
  const front = Buffer.from(extension)
  front[0] = head[6] ?? 0
  head[6] = type
  head.writeUInt16BE(length, 4)
  return Buffer.concat([head, front, p.subarray(40)])
}

test('a part of an IPv6 packet that is the whole of it, or stands behind other headers, opens no port', async () => {
  const whole = Buffer.from([0, 0, 0, 0, 0, 0, 0, 9])
  const hop = Buffer.from([0, 0, 1, 4, 0, 0, 0, 0])
  const ways = (p: Buffer): readonly Buffer[] => [
    behind(p, 44, whole), ...fragments(p, 24, 901).map((part) => behind(part, 0, hop)), ...fragments(p, 24, 902).map((part) => behind(part, 60, hop)),
    ...fragments(behind(p, 60, hop), 32, 903), behind(behind(p, 44, whole), 44, whole),
  ]
  const closed = [[lab.victim, 7000], [lab.friend, 7001], [lab.friend, 7002]] as const
  for (const [to, port] of closed) for (const kind of ['tcp', 'udp'] as const) assert.deepEqual(await send(...ways(probe('ipv6', lab.evil, to, kind, port))), [], `${to.name} ${kind}/${port}`)
})

test('a second path of one connection is judged as the first: MP_JOIN, ADD_ADDR, a datagram flow that moves', async () => {
  // MPTCP is option 30 of a first packet; its kinds 0, 1 and 3 begin, join and add an address.
  const subflow = (family: IpFamily, to: { readonly ipv4: string; readonly ipv6: string }, sport: number, option: readonly number[]): Buffer =>
    packet({ from: lab.evil[family], to: to[family], payload: { kind: 'tcp', sport, dport: 7000, flags: 'S', options: Buffer.from(option), data: marker } })
  const address = lab.victim.ipv4.split('.').map(Number)
  const options = [[30, 4, 0, 1], [30, 12, 0x10, 1, 1, 2, 3, 4, 5, 6, 7, 8], [30, 8, 0x30, 1, ...address]]
  for (const family of families) {
    assert.match((await send(subflow(family, lab.friend, 45_999, options[0] ?? []))).join(), /^friend: \d$/, `${family}: the connection is open`)
    assert.deepEqual(await send(...options.map((option, i) => subflow(family, lab.victim, 46_010 + i, option))), [], `${family}: a subflow to another`)
    const flow = (to: { readonly ipv4: string; readonly ipv6: string }, sport: number): Buffer => packet({ from: lab.evil[family], to: to[family], payload: { kind: 'udp', sport, dport: 7000, data: marker } })
    assert.match((await send(flow(lab.friend, 46_001))).join(), /^friend: \d$/, `${family}: the flow is open`)
    assert.deepEqual(await send(flow(lab.victim, 46_001)), [], `${family}: and goes nowhere else`)
  }
})
