/** Real packets through the real table, in namespaces of this test's own. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { render } from '../../src/engines/nftables/render.ts'
import { crafted, ends, lastsTo, open } from './lib/flows.ts'
import { lowered, path, publishing } from '../../src/engines/nftables/testing.ts'
import { fragments, packet } from './lib/packet.ts'
import { openRouter } from './lib/router.ts'
import type { Router } from './lib/router.ts'

const [a, b, c] = [ends.a, ends.b, ends.c]
const workloads = ['e/a', 'e/b', 'e/c'] as const
const described = {
  workloads,
  externals: { partner: ['198.51.100.0/24', '2001:db8:1::/48'], nearby: ['198.51.100.128/25'], metadata: ['169.254.0.0/16'] },
  paths: [
    path('e/a', 'e/b', 'tcp 5432'),
    path('e/a', 'e/b', 'udp 53'),
    path('e/a', 'e/b', 'tcp 8000-8100'),
    path('e/a', 'e/b', 'sctp 3868'),
    path('e/a', 'e/b', 'icmp'),
    path('e/b', 'e/c', 'udp any'),
    path('e/c', 'e/a', 'tcp 5432'),
    path('e/a', 'external:partner', 'tcp 443'),
    path('e/a', 'external:nearby', 'icmp'),
    path('e/b', 'external:partner', 'udp any'),
    path('e/c', 'external:metadata', 'tcp 80'),
    path('external:partner', 'e/c', 'tcp 8443', { via: publishing(443, '203.0.113.7', '2001:db8::7') }),
    path('external:nearby', 'e/c', 'udp 5353', { via: publishing(53, '203.0.113.7') }),
  ],
}
let router: Router
before(async () => {
  const { atoms, inventory } = lowered(described, Date.now())
  router = await openRouter(inventory, ['203.0.113.7', '2001:db8::7'], () => render(atoms, inventory, { now: Date.now() }))
})
beforeEach(() => router.refused())
after(() => router.close())

for (const family of ['ipv4', 'ipv6'] as const) {
  test(`an exact port is open, its replies pass, and the other way round is closed (${family})`, async () => {
    assert.deepEqual(await open(router, family, 'tcp', a, b, 5432), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'tcp', b, a, 5432), { there: false, answer: 'RA' })
    assert.deepEqual(await open(router, family, 'tcp', a, b, 5433), { there: false, answer: 'RA' })
    assert.deepEqual(await open(router, family, 'tcp', a, c, 5432), { there: false, answer: 'RA' })
    assert.deepEqual(await router.refused(), { policy: 3 })
  })
  test(`udp is open on its port and refused with an error elsewhere (${family})`, async () => {
    assert.deepEqual(await open(router, family, 'udp', a, b, 53), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'udp', a, b, 54), { there: false, answer: family === 'ipv4' ? '3/13' : '1/1' })
    assert.deepEqual(await open(router, family, 'udp', b, a, 53), { there: false, answer: family === 'ipv4' ? '3/13' : '1/1' })
    assert.deepEqual(await router.refused(), { policy: 2 })
  })
  test(`sctp is open on its port only (${family})`, async () => {
    assert.deepEqual(await open(router, family, 'sctp', a, b, 3868), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'sctp', a, b, 3869), { there: false, answer: family === 'ipv4' ? '3/13' : '1/1' })
    assert.deepEqual(await router.refused(), { policy: 1 })
  })
  test(`icmp is echo, one way (${family})`, async () => {
    assert.deepEqual(await open(router, family, 'icmp', a, b), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'icmp', b, a), { there: false, answer: family === 'ipv4' ? '3/13' : '1/1' })
    const timestamp = family === 'ipv4' ? 13 : 139
    assert.deepEqual(await router.exchange(['bhw0', crafted(family, a, b, { kind: 'icmp', type: timestamp })]).then(lastsTo('bhw1')), [])
    assert.deepEqual(await router.refused(), { policy: 2 })
  })
  test(`a range is open from its first port to its last (${family})`, async () => {
    for (const [port, isOpen] of [[7999, false], [8000, true], [8050, true], [8100, true], [8101, false]] as const) {
      assert.equal((await open(router, family, 'tcp', a, b, port)).there, isOpen, String(port))
    }
  })
  test(`a whole protocol is open on all ports but 0, and opens no other protocol (${family})`, async () => {
    for (const port of [1, 53, 65_535]) assert.deepEqual(await open(router, family, 'udp', b, c, port), { there: true, back: true })
    assert.equal((await open(router, family, 'udp', b, c, 0)).there, false)
    for (const protocol of ['tcp', 'sctp'] as const) assert.equal((await open(router, family, protocol, b, c, 53)).there, false)
  })
  test(`protocols that no policy can name are closed (${family})`, async () => {
    for (const protocol of [2, 4, 41, 47, 50, 51, 94, 103, 115, 136, 253]) {
      const sent = crafted(family, b, c, { kind: 'raw', protocol, data: Buffer.alloc(40, 7) })
      assert.deepEqual((await router.exchange(['bhw1', sent])).filter((line) => line.startsWith('bhw2')), [], String(protocol))
    }
  })
  test(`a fragmented packet is judged whole (${family})`, async () => {
    const long = 'x'.repeat(64)
    const allowed = fragments(crafted(family, a, b, { kind: 'udp', sport: 900, dport: 53, data: long }), 16)
    const refused = fragments(crafted(family, a, b, { kind: 'udp', sport: 901, dport: 54, data: long }), 16)
    assert.equal((await router.exchange(...allowed.map((f) => ['bhw0', f] as const))).filter((line) => line.startsWith('bhw1')).length >= 1, true)
    assert.deepEqual((await router.exchange(...refused.map((f) => ['bhw0', f] as const))).filter((line) => line.startsWith('bhw1')), [])
    // A later fragment alone, with nothing to belong to, goes nowhere.
    assert.deepEqual(await router.exchange(['bhw0', fragments(crafted(family, a, b, { kind: 'udp', sport: 902, dport: 53, data: long }), 16)[1] ?? Buffer.alloc(0)]), [])
  })
  test(`egress reaches the addresses of its External, translated, and their answers come back (${family})`, async () => {
    const inside = family === 'ipv4' ? '198.51.100.9' : '2001:db8:1::9'
    const outside = family === 'ipv4' ? '198.51.101.9' : '2001:db8:2::9'
    const partner = { name: 'outside', ipv4: inside, ipv6: inside }
    const stranger = { name: 'outside', ipv4: outside, ipv6: outside }
    assert.deepEqual(await open(router, family, 'tcp', a, partner, 443), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'tcp', a, partner, 80), { there: false, answer: 'RA' })
    assert.deepEqual(await open(router, family, 'tcp', a, stranger, 443), { there: false, answer: 'RA' })
    assert.deepEqual(await open(router, family, 'tcp', b, partner, 443), { there: false, answer: 'RA' })
    assert.deepEqual(await open(router, family, 'udp', b, partner, 9999), { there: true, back: true })
    assert.deepEqual(await router.refused(), { policy: 3 })
  })
  test(`an address of a workload that is not here is refused and seen (${family})`, async () => {
    const nobody = { name: 'bhw2', ipv4: '10.128.9.9', ipv6: 'fdbb:1::999' }
    assert.deepEqual(await open(router, family, 'tcp', a, nobody, 5432), { there: false, answer: 'RA' })
    assert.deepEqual(await router.refused(), { policy: 1 })
  })
  test(`the router itself answers nothing (${family})`, async () => {
    const gateways = family === 'ipv4' ? ['169.254.1.1', '192.0.2.1'] : ['2001:db8:ffff::1']
    for (const gateway of gateways) {
      const target = { name: 'bhw2', ipv4: gateway, ipv6: gateway }
      assert.deepEqual(await open(router, family, 'tcp', a, target, 22), { there: false, answer: 'RA' })
      assert.equal((await open(router, family, 'icmp', a, target)).there, false)
    }
    assert.deepEqual(await router.refused(), { input: 2 * gateways.length })
  })
  test(`a published address answers from its sources only, and no workload (${family})`, async () => {
    const published = { name: 'bhw2', ipv4: '203.0.113.7', ipv6: '2001:db8::7' }
    const client = { name: 'outside', ipv4: '198.51.100.9', ipv6: '2001:db8:1::9' }
    const stranger = { name: 'outside', ipv4: '198.51.101.9', ipv6: '2001:db8:2::9' }
    assert.deepEqual(await open(router, family, 'tcp', client, published, 443), { there: true, back: true })
    assert.deepEqual(await open(router, family, 'tcp', stranger, published, 443), { there: false, answer: 'RA' })
    assert.deepEqual(await open(router, family, 'tcp', client, published, 8443), { there: false, answer: 'RA' })
    assert.deepEqual(await router.refused(), { published: 2 })
    assert.deepEqual(await open(router, family, 'tcp', a, published, 443), { there: false, answer: 'RA' })
    assert.deepEqual(await router.refused(), { input: 1 })
  })
  test(`a private address answers nobody outside (${family})`, async () => {
    const client = { name: 'outside', ipv4: '198.51.100.9', ipv6: '2001:db8:1::9' }
    for (const port of [443, 8443, 5432]) assert.deepEqual(await open(router, family, 'tcp', client, c, port), { there: false })
    assert.deepEqual(await router.refused(), { published: 3 })
  })
  test(`a forged source goes nowhere, whoever it pretends to be (${family})`, async () => {
    const pretend = [b, c, { name: '', ipv4: '8.8.8.8', ipv6: '2620::8' }, { name: '', ipv4: '127.0.0.1', ipv6: '::1' }, { name: '', ipv4: '169.254.1.1', ipv6: 'fe80::1' }]
    for (const source of pretend) {
      for (const target of [b, c]) {
        const forged = packet({ from: source[family], to: target[family], payload: { kind: 'udp', sport: 1, dport: 53 } })
        assert.deepEqual(await router.exchange(['bhw0', forged]), [])
      }
    }
    // The kernel itself drops ::1 before any table sees it.
    assert.deepEqual(await router.refused(), { spoof: 2 * (family === 'ipv4' ? pretend.length : pretend.length - 1) })
  })
  test(`from outside nobody passes for a workload or for a reserved address (${family})`, async () => {
    const pretend = family === 'ipv4' ? ['10.128.0.10', '10.128.77.1', '127.0.0.1', '0.1.2.3', '224.0.0.5'] : ['fdbb:1::10', 'fdbb:1::ffff', '::1', 'fe80::5', 'ff02::5']
    for (const source of pretend) {
      for (const target of [b[family], family === 'ipv4' ? '203.0.113.7' : '2001:db8::7']) {
        const forged = packet({ from: source, to: target, payload: { kind: 'tcp', sport: 1, dport: 443, flags: 'S' } })
        assert.deepEqual(await router.exchange(['outside', forged]), [], `${source} to ${target}`)
      }
    }
    assert.equal(Object.keys(await router.refused()).every((reason) => reason === 'spoof'), true)
  })
}

test('IPv6 extension headers are not a way round', async () => {
  const headers = [0, 43, 60, 135].map((type) => ({ type, body: type === 43 ? Buffer.from([0, 0, 0, 0, 0, 0]) : Buffer.from([1, 4, 0, 0, 0, 0]) }))
  for (const extension of headers) {
    const sent = packet({ from: a.ipv6, to: b.ipv6, payload: { kind: 'udp', sport: 5, dport: 53 }, extensions: [extension] })
    assert.deepEqual((await router.exchange(['bhw0', sent])).filter((line) => line.startsWith('bhw1')), [], String(extension.type))
  }
  assert.deepEqual(await router.refused(), { invalid: headers.length })
})

test('a source route leads nobody on', async () => {
  for (const type of [131, 137]) {
    for (const [first, last] of [['169.254.1.1', b.ipv4], [b.ipv4, c.ipv4]] as const) {
      const options = Buffer.concat([Buffer.from([1, type, 7, 4]), Buffer.from(last.split('.').map(Number))])
      const sent = packet({ from: a.ipv4, to: first, payload: { kind: 'udp', sport: 5, dport: 53 }, options })
      assert.deepEqual((await router.exchange(['bhw0', sent])).filter((line) => line.startsWith('bhw2')), [], `${type} ${first}`)
      assert.deepEqual((await router.exchange(['bhw0', sent])).filter((line) => first !== b.ipv4 && line.startsWith('bhw1')), [], `${type} ${first}`)
    }
  }
})

test('fragments that overlap do not add up to a packet that was refused', async () => {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const whole = (dport: number): Buffer => crafted(family, a, b, { kind: 'udp', sport: 903, dport, data: 'x'.repeat(64) })
    const [head, tail] = fragments(whole(53), 16, 99)
    const [cover] = fragments(whole(54), 24, 99)
    for (const order of [[head, cover, tail], [cover, head, tail], [tail, cover, head]]) {
      const arrived = await router.exchange(...order.map((f) => ['bhw0', f ?? Buffer.alloc(0)] as const))
      assert.deepEqual(arrived.filter((line) => line.startsWith('bhw1') && line.includes(':54')), [])
    }
  }
})

test('IPv6 messages inside IPv4, and the other way round, are not echo', async () => {
  for (const [family, protocol, type] of [['ipv4', 58, 128], ['ipv6', 1, 8]] as const) {
    const data = Buffer.from([type, 0, 0, 0, 0, 1, 0, 1])
    assert.deepEqual((await router.exchange(['bhw0', crafted(family, a, b, { kind: 'raw', protocol, data })])).filter((line) => line.startsWith('bhw1')), [])
  }
})

test('multicast and broadcast of workloads reach nobody', async () => {
  for (const to of ['224.0.0.251', '255.255.255.255', 'ff02::1', 'ff05::1:3']) {
    const sent = packet({ from: to.includes(':') ? a.ipv6 : a.ipv4, to, payload: { kind: 'udp', sport: 5353, dport: 5353 } })
    const arrived = await router.exchange(['bhw0', sent])
    assert.deepEqual(arrived.filter((line) => !line.startsWith('bhw0')), [], to)
  }
})

test('the metadata address is closed unless an External says infrastructure', async () => {
  const metadata = { name: 'outside', ipv4: '169.254.169.254', ipv6: 'fd00:ec2::254' }
  assert.deepEqual(await open(router, 'ipv4', 'tcp', c, metadata, 80), { there: false, answer: 'RA' })
  assert.deepEqual(await router.refused(), { policy: 1 })
})

test('two policies on overlapping address ranges both hold', async () => {
  const far = { name: 'outside', ipv4: '198.51.100.9', ipv6: '' }
  const near = { name: 'outside', ipv4: '198.51.100.200', ipv6: '' }
  assert.deepEqual(await open(router, 'ipv4', 'icmp', a, near), { there: true, back: true })
  assert.equal((await open(router, 'ipv4', 'icmp', a, far)).there, false)
  for (const target of [near, far]) assert.deepEqual(await open(router, 'ipv4', 'tcp', a, target, 443), { there: true, back: true })
})
