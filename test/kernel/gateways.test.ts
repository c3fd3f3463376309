/** Packets to, from and between gateways, through the real table. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { admit, admissionsOf, revokeAdmissions } from '../../src/engines/nftables/admission.ts'
import { delta } from '../../src/engines/nftables/delta.ts'
import { render } from '../../src/engines/nftables/render.ts'
import { addressOf } from '../../src/engines/nftables/testing.ts'
import { crafted, open } from './lib/flows.ts'
import { at4and6, ends, gatewayEnds, groups, labOf, published, site } from './lib/gateway-lab.ts'
import { describe, fragments, packet } from './lib/packet.ts'
import { openRouter } from './lib/router.ts'
import type { End, IpFamily } from './lib/flows.ts'
import type { Router } from './lib/router.ts'

const [a, b, c] = [ends.a, ends.b, ends.c]
const { outbound, inbound, resolver } = gatewayEnds
const ipFamilies = ['ipv4', 'ipv6'] as const
const refusedTcp = { there: false, answer: 'RA' }
const told = [site('').ipv4, site('').ipv6, '198.51.100.9', '2001:db8:1::9'].map(addressOf)
const { atoms, inventory } = labOf()
const whole = (): string => render(atoms, inventory, { now: Date.now(), connectionLimit: 20 })

let router: Router
before(async () => {
  router = await openRouter(inventory, published, whole)
})
beforeEach(async () => {
  await router.apply(whole())
  await router.apply(admit(groups.a, told, 60))
  await router.refused()
})
after(() => router.close())

for (const family of ipFamilies) {
  test(`a connection to an admitted address arrives at the gateway as it was sent, and is answered in the name of who was asked (${family})`, async () => {
    assert.deepEqual(await open(router, family, 'tcp', a, site('bhg-out'), 443), { there: true, back: true })
    for (const port of [8000, 8100]) assert.deepEqual(await open(router, family, 'tcp', a, site('bhg-out'), port), { there: true, back: true })
    const [seen] = await router.exchange(['bhw0', crafted(family, a, site(''), { kind: 'tcp', sport: 4000, dport: 443, flags: 'S' })])
    const [from, to] = family === 'ipv4' ? [`${a.ipv4}:4000`, '8.8.4.4:443'] : [`[${a.ipv6}]:4000`, '[2600::44]:443']
    assert.equal(seen, `bhg-out: tcp ${from} > ${to} S`)
    assert.deepEqual(await router.refused(), {})
  })

  test(`other ports, other addresses, other workloads and other protocols are refused as they always were (${family})`, async () => {
    assert.deepEqual(await open(router, family, 'tcp', a, site('bhg-out'), 444), refusedTcp)
    assert.deepEqual(await open(router, family, 'tcp', a, at4and6('bhg-out', '8.8.8.8', '2600::88'), 443), refusedTcp)
    assert.deepEqual(await open(router, family, 'tcp', b, site('bhg-out'), 443), refusedTcp)
    assert.equal((await open(router, family, 'udp', a, site('bhg-out'), 443)).there, false)
    assert.equal((await open(router, family, 'icmp', a, site('bhg-out'))).there, false)
    assert.deepEqual(await router.refused(), { policy: 5 })
  })

  test(`what is open to the address in itself goes straight, and what only a name opens does not (${family})`, async () => {
    const partner = (name: string): End => at4and6(name, '198.51.100.9', '2001:db8:1::9')
    assert.deepEqual(await open(router, family, 'tcp', a, partner('outside'), 8443), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'tcp', a, partner('bhg-out'), 443), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'tcp', a, site('bhg-out'), 8443), { there: true, back: true })
  })

  test(`an admission that is revoked, or that ends, stops what it led at once (${family})`, async () => {
    const sport = 4100
    const data = crafted(family, a, site(''), { kind: 'tcp', sport, dport: 443, flags: 'A', seq: 1001, ack: 5001 })
    assert.deepEqual(await established(family, sport), ['bhg-out'])
    assert.deepEqual(await whereTo('bhw0', data), ['bhg-out'])
    await router.apply(revokeAdmissions(told.map((address) => ({ group: groups.a, address }))))
    assert.deepEqual(await whereTo('bhw0', data), [])
    assert.deepEqual(await router.refused(), { policy: 1 })
    await router.apply(revokeAdmissions(told.map((address) => ({ group: groups.a, address }))))
    await router.apply(admit(groups.a, told, 60))
    assert.deepEqual(await open(router, family, 'tcp', a, site('bhg-out'), 443), { there: true, back: true })
  })

  test(`a policy that leaves takes its connections with it, though the address stays admitted (${family})`, async () => {
    const sport = 4200
    const data = crafted(family, a, site(''), { kind: 'tcp', sport, dport: 443, flags: 'A', seq: 1001, ack: 5001 })
    assert.deepEqual(await established(family, sport), ['bhg-out'])
    const after = labOf((p) => p.ports.some((r) => r.from === 443))
    const change = delta({ atoms, inventory }, after, { now: Date.now() })
    assert.ok(change !== undefined && change !== '')
    await router.apply(change)
    assert.deepEqual(await whereTo('bhw0', data), [])
    const reply = crafted(family, site(''), a, { kind: 'tcp', sport: 443, dport: sport, flags: 'A', seq: 5001, ack: 1001 })
    assert.deepEqual(await whereTo('bhg-out', reply), [])
    assert.deepEqual(await open(router, family, 'tcp', a, site('bhg-out'), 8000), { there: true, back: true }, 'others go on')
  })

  test(`a table that is gone leads nobody anywhere (${family})`, async () => {
    await router.apply('delete table inet bulkhead')
    const found = await router.exchange(['bhw0', crafted(family, a, site(''), { kind: 'tcp', sport: 4300, dport: 443, flags: 'S' })],
      ['bhw0', crafted(family, a, outbound, { kind: 'tcp', sport: 4301, dport: 443, flags: 'S' })],
      ['bhg-out', crafted(family, outbound, site(''), { kind: 'tcp', sport: 4302, dport: 443, flags: 'S' })])
    assert.deepEqual(found.filter((line) => line.includes('tcp')), [])
  })

  test(`nobody asks a gateway itself for anything but the resolver for names (${family})`, async () => {
    for (const from of [a, b]) {
      for (const gateway of [outbound, inbound]) {
        for (const port of [443, 8080, 15_100, 15_443, 53]) assert.equal((await open(router, family, 'tcp', from, gateway, port)).there, false, `${gateway.name} ${port}`)
        for (const protocol of ['udp', 'icmp'] as const) assert.equal((await open(router, family, protocol, from, gateway, protocol === 'udp' ? 53 : 0)).there, false)
      }
      for (const protocol of ['udp', 'tcp'] as const) assert.deepEqual(await open(router, family, protocol, from, resolver, 53), { there: true, back: true })
      for (const port of [443, 853, 5353]) assert.deepEqual(await open(router, family, 'tcp', from, resolver, port), refusedTcp)
    }
    assert.equal((await open(router, family, 'tcp', a, at4and6('bhg-in', '203.0.113.80', '2001:db8:80::1'), 15_443)).there, false, 'nor by its published address')
  })

  test(`nobody is a gateway but by its cable (${family})`, async () => {
    const forged = [outbound, inbound, resolver].flatMap((gateway) => [
      ['bhw0', crafted(family, gateway, c, { kind: 'tcp', sport: 4400, dport: 8080, flags: 'S' })] as const,
      ['bhw0', crafted(family, gateway, inbound, { kind: 'tcp', sport: 4401, dport: 15_443, flags: 'S' })] as const,
      ['bhw0', crafted(family, gateway, site(''), { kind: 'tcp', sport: 4402, dport: 443, flags: 'S' })] as const,
      ['outside', crafted(family, gateway, at4and6('', ...published), { kind: 'tcp', sport: 4403, dport: 15_443, flags: 'S' })] as const,
    ])
    assert.deepEqual(await router.exchange(...forged), [])
    assert.deepEqual(await router.refused(), { spoof: forged.length })
  })

  test(`the outbound gateway speaks in others' names only to answer (${family})`, async () => {
    const sent = [
      crafted(family, site(''), a, { kind: 'tcp', sport: 443, dport: 4500, flags: 'S' }),
      crafted(family, site(''), a, { kind: 'tcp', sport: 443, dport: 4501, flags: 'SA' }),
      crafted(family, site(''), a, { kind: 'tcp', sport: 443, dport: 4502, flags: 'A' }),
      crafted(family, site(''), a, { kind: 'udp', sport: 443, dport: 4503 }),
      crafted(family, a, resolver, { kind: 'udp', sport: 4504, dport: 53 }),
      crafted(family, a, resolver, { kind: 'tcp', sport: 4505, dport: 53, flags: 'S' }),
      crafted(family, a, resolver, { kind: 'tcp', sport: 4506, dport: 53, flags: 'SA' }),
      crafted(family, a, b, { kind: 'tcp', sport: 4507, dport: 22, flags: 'S' }),
      crafted(family, a, inbound, { kind: 'tcp', sport: 4508, dport: 15_443, flags: 'A' }),
      crafted(family, b, site(''), { kind: 'tcp', sport: 4509, dport: 443, flags: 'S' }),
    ]
    for (const data of sent) assert.deepEqual(await whereTo('bhg-out', data), [], describe(data))
  })

  test(`the outbound gateway goes where some policy leads it, and nowhere else (${family})`, async () => {
    for (const port of [443, 8000, 8443]) assert.deepEqual(await open(router, family, 'tcp', outbound, site('outside'), port), { there: true, back: true }, String(port))
    assert.deepEqual(await open(router, family, 'tcp', outbound, site('outside'), 16_443), { there: true, back: true }, 'a peer\'s gateway')
    for (const port of [80, 53, 22, 15_443]) assert.deepEqual(await open(router, family, 'tcp', outbound, site('outside'), port), refusedTcp, String(port))
    assert.equal((await open(router, family, 'udp', outbound, site('outside'), 443)).there, false)
    const closed = family === 'ipv4'
      ? ['10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', '192.0.2.1', '192.0.2.5', '169.254.169.254', '127.0.0.1', '203.0.113.80', '198.18.0.1']
      : ['fd00::1', 'fd00:ec2::254', 'fe80::2', '::1', '64:ff9b::a00:1', '2001:db8:80::1']
    for (const address of closed) {
      const [there] = await router.exchange(['bhg-out', crafted(family, outbound, at4and6('', address, address), { kind: 'tcp', sport: 4600, dport: 443, flags: 'S' })]).then((lines) => lines.filter((line) => line.startsWith('outside')))
      assert.equal(there, undefined, address)
    }
    for (const to of [a, b, c]) for (const port of [443, 22, 8080, 5432]) assert.deepEqual(await open(router, family, 'tcp', outbound, to, port), refusedTcp)
    assert.deepEqual(await open(router, family, 'udp', outbound, resolver, 53), { there: true, back: true })
  })

  test(`the resolver asks its servers, and nobody else (${family})`, async () => {
    const server = at4and6('outside', '192.0.2.53', '2001:db8:53::1')
    for (const protocol of ['udp', 'tcp'] as const) {
      assert.deepEqual(await open(router, family, protocol, resolver, server, 53), { there: true, back: true })
      assert.equal((await open(router, family, protocol, resolver, site('outside'), 53)).there, false)
      assert.equal((await open(router, family, protocol, resolver, server, 443)).there, false)
      assert.equal((await open(router, family, protocol, resolver, a, 53)).there, false)
    }
  })

  test(`from outside only the published ends of the inbound gateway answer, each to its own sources (${family})`, async () => {
    const client = at4and6('outside', '198.51.101.9', '2001:db8:2::9')
    const stranger = at4and6('outside', '198.51.102.9', '2001:db8:3::9')
    assert.equal((await enter(family, client, 443)), `${inbound[family]}:443`)
    assert.equal((await enter(family, client, 15_443)), `${inbound[family]}:15443`)
    assert.equal((await enter(family, stranger, 15_443)), `${inbound[family]}:15443`)
    assert.equal((await enter(family, stranger, 8443)), `${inbound[family]}:8443`, 'the trust bundle, while there are Peers')
    assert.equal((await enter(family, stranger, 443)), undefined)
    for (const port of [80, 8080, 53, 15_100]) assert.equal((await enter(family, client, port)), undefined, String(port))
    for (const gateway of [inbound, outbound, resolver]) for (const port of [443, 53, 15_443]) assert.equal((await open(router, family, 'tcp', client, gateway, port)).there, false)
  })

  test(`the inbound gateway goes on to the workloads that some policy leads it to, and to where Peers have their bundles (${family})`, async () => {
    assert.deepEqual(await open(router, family, 'tcp', inbound, site('outside'), 9443), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'tcp', outbound, site('outside'), 9443), refusedTcp)
    assert.deepEqual(await open(router, family, 'tcp', inbound, c, 8080), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'tcp', inbound, c, 9001), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'tcp', inbound, b, 5432), { there: true, back: true })
    for (const [to, port] of [[c, 8081], [b, 22], [a, 8080], [site('outside'), 443], [outbound, 15_443]] as const) assert.deepEqual(await open(router, family, 'tcp', inbound, to, port), refusedTcp)
    assert.deepEqual(await open(router, family, 'tcp', c, inbound, 8080), refusedTcp)
  })

  test(`an encrypted path goes from gateway to gateway, and not straight (${family})`, async () => {
    assert.deepEqual(await open(router, family, 'tcp', a, { ...b, name: 'bhg-out' }, 5432), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'tcp', a, b, 22), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'tcp', outbound, inbound, 15_443), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'tcp', c, { ...b, name: 'bhg-out' }, 5432), refusedTcp)
    assert.deepEqual(await open(router, family, 'tcp', a, at4and6('bhg-out', '10.128.0.200', 'fdbb:1::200'), 9000), { there: true, back: true }, 'a peer\'s workload')
    assert.deepEqual(await open(router, family, 'tcp', a, at4and6('bhg-out', '10.128.0.200', 'fdbb:1::200'), 9001), refusedTcp)
    assert.deepEqual(await open(router, family, 'tcp', b, at4and6('bhg-out', '10.128.0.200', 'fdbb:1::200'), 9000), refusedTcp)
  })

  test(`fragments are led whole or not at all (${family})`, async () => {
    const first = (dport: number): readonly Buffer[] => fragments(crafted(family, a, site(''), { kind: 'tcp', sport: 4700, dport, flags: 'S', data: 'x'.repeat(40) }), 24)
    assert.deepEqual(await whereTo('bhw0', ...first(443)), ['bhg-out'])
    assert.deepEqual(await whereTo('bhw0', ...first(444)), [])
    assert.deepEqual(await whereTo('bhw0', first(443)[1] ?? Buffer.alloc(0)), [])
  })

  test(`connections of gateways are no workload's, and one client does not fill the inbound one (${family})`, async () => {
    for (let i = 0; i < 24; i++) assert.equal((await whereTo('bhg-out', crafted(family, outbound, site(''), { kind: 'tcp', sport: 5000 + i, dport: 443, flags: 'S' }))).length, 1, String(i))
    const client = at4and6('outside', '198.51.101.77', '2001:db8:2:77::9')
    const other = at4and6('outside', '198.51.101.78', '2001:db8:2:78::9')
    const entered: boolean[] = []
    for (let i = 0; i < 7; i++) entered.push((await enter(family, client, 443)) !== undefined)
    assert.deepEqual(entered, [...Array<boolean>(5).fill(true), false, false])
    assert.notEqual(await enter(family, other, 443), undefined)
    for (let i = 0; i < 20; i++) assert.equal((await whereTo('bhw0', crafted(family, a, site(''), { kind: 'tcp', sport: 6000 + i, dport: 443, flags: 'S' }))).length, 1, String(i))
    assert.deepEqual(await whereTo('bhw0', crafted(family, a, site(''), { kind: 'tcp', sport: 7000, dport: 443, flags: 'S' })), [])
    assert.deepEqual(await open(router, family, 'tcp', inbound, c, 8080), { there: true, back: true })
  })
}

test('an admission lasts as it was told, at least for the time that every packet gives it again', async () => {
  const seconds = async (): Promise<readonly number[]> =>
    admissionsOf(JSON.parse(await router.sandbox.must(['nft', '-j', 'list', 'ruleset']))).filter(({ group, address }) => group === groups.a && address.bits === told[0]?.bits).map((each) => each.seconds)
  assert.ok(((await seconds())[0] ?? 0) > 3590)
  await router.apply(admit(groups.a, told, 7200))
  assert.ok(((await seconds())[0] ?? 0) > 7190)
  await open(router, 'ipv4', 'tcp', a, site('bhg-out'), 443)
  const [left = 0] = await seconds()
  assert.ok(left > 3590 && left <= 3600)
  const kept = admissionsOf(JSON.parse(await router.sandbox.must(['nft', '-j', 'list', 'ruleset'])))
  assert.equal(kept.length, told.length)
  await router.apply(render(atoms, inventory, { now: Date.now(), admitted: kept }))
  assert.deepEqual(await open(router, 'ipv6', 'tcp', a, site('bhg-out'), 443), { there: true, back: true })
})

/** The ends, beside the sender, at which something arrives. */
async function whereTo(from: string, ...sent: readonly Buffer[]): Promise<readonly string[]> {
  const arrived = await router.exchangeRaw(...sent.map((data) => [from, data] as const))
  return [...arrived].filter(([name, list]) => name !== from && list.length > 0).map(([name]) => name)
}

/** A connection of `a` to the site on port 443, with its handshake. */
async function established(family: IpFamily, sport: number): Promise<readonly string[]> {
  const there = await whereTo('bhw0', crafted(family, a, site(''), { kind: 'tcp', sport, dport: 443, flags: 'S', seq: 1000 }))
  await whereTo('bhg-out', crafted(family, site(''), a, { kind: 'tcp', sport: 443, dport: sport, flags: 'SA', seq: 5000, ack: 1001 }))
  await whereTo('bhw0', crafted(family, a, site(''), { kind: 'tcp', sport, dport: 443, flags: 'A', seq: 1001, ack: 5001 }))
  return there
}

let ports = 30_000

/** Where a first packet to the published address comes out, when its answer comes back from there. */
async function enter(family: IpFamily, client: End, port: number): Promise<string | undefined> {
  const sport = ports++
  const to = at4and6('', ...published)
  const [there] = (await router.exchangeRaw(['outside', crafted(family, client, to, { kind: 'tcp', sport, dport: port, flags: 'S', seq: 1000 })])).get('bhg-in') ?? []
  if (there === undefined) return undefined
  const answer = packet({ from: inbound[family], to: client[family], payload: { kind: 'tcp', sport: port, dport: sport, flags: 'SA', seq: 5000, ack: 1001 } })
  const back = (await router.exchangeRaw(['bhg-in', answer])).get('outside') ?? []
  assert.equal(back.length, 1, 'the answer comes back')
  return describe(there).split(' > ')[1]?.replace(/ .*/, '').replace(/[[\]]/g, '')
}
