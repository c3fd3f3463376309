/** What happens to flows that are under way when the table changes, expires, is tampered with or is gone. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { delta } from '../../src/engines/nftables/delta.ts'
import { render } from '../../src/engines/nftables/render.ts'
import { crafted, ends, lastsTo, open } from './lib/flows.ts'
import { connect } from './lib/connection.ts'
import { lowered, path, publishing } from '../../src/engines/nftables/testing.ts'
import { describe, hosts, packet } from './lib/packet.ts'
import { openRouter } from './lib/router.ts'
import type { Path } from '../../src/intent/intent.ts'
import type { RenderOptions } from '../../src/engines/nftables/render.ts'
import type { IpFamily } from './lib/flows.ts'
import type { Transport } from './lib/packet.ts'
import type { Router } from './lib/router.ts'
import type { lowered as Lowered } from '../../src/engines/nftables/testing.ts'

const { a, b, c } = ends
const families = ['ipv4', 'ipv6'] as const
const partner = { name: 'outside', ipv4: '198.51.100.9', ipv6: '2001:db8:1::9' }
const published = { name: 'bhw2', ipv4: '203.0.113.7', ipv6: '2001:db8::7' }
const externals = { partner: ['198.51.100.0/24', '2001:db8:1::/48'] }
const paths = {
  database: path('e/a', 'e/b', 'tcp 5432', { document: 'ServicePolicy e/database' }),
  ping: path('e/a', 'e/b', 'icmp', { document: 'ServicePolicy e/ping' }),
  names: path('e/a', 'e/b', 'udp 53', { document: 'ServicePolicy e/names' }),
  other: path('e/c', 'e/b', 'tcp 5432', { document: 'ServicePolicy e/database' }),
  out: path('e/a', 'external:partner', 'tcp 443', { document: 'EgressPolicy e/out' }),
  in: path('external:partner', 'e/c', 'tcp 8443', { document: 'IngressPolicy e/in', via: publishing(443, '203.0.113.7', '2001:db8::7') }),
}

function state(list: readonly Path[], before?: ReturnType<typeof Lowered>): ReturnType<typeof Lowered> {
  return lowered({ workloads: ['e/a', 'e/b', 'e/c'], externals, paths: list }, Date.now(), before?.ids)
}

async function withRouter(list: readonly Path[], body: (router: Router, first: ReturnType<typeof Lowered>) => Promise<void>, options: Omit<RenderOptions, 'now'> = {}): Promise<void> {
  const first = state(list)
  const router = await openRouter(first.inventory, ['203.0.113.7', '2001:db8::7'], () => render(first.atoms, first.inventory, { now: Date.now(), ...options }))
  try {
    await body(router, first)
  } finally {
    await router.close()
  }
}

async function change(router: Router, before: ReturnType<typeof Lowered>, list: readonly Path[]): Promise<ReturnType<typeof Lowered>> {
  const next = state(list, before)
  const text = delta(before, next, { now: Date.now() })
  if (text === undefined) throw new Error('not a change of elements')
  await router.apply(text)
  return next
}

test('revoking a path stops its connection in both directions and no other', async () => {
  await withRouter(Object.values(paths), async (router, first) => {
    for (const family of families) {
      const doomed = await connect(router, family, a, b, 5432)
      const out = await connect(router, family, a, partner, 443)
      const into = await connect(router, family, partner, published, 443)
      for (const each of [doomed, out, into]) assert.deepEqual(await each.talk(), { there: true, back: true })
      const without = await change(router, first, [paths.ping, paths.names, paths.other])
      for (const each of [doomed, out, into]) assert.deepEqual(await each.talk(), { there: false, back: false })
      const kept = await connect(router, family, c, b, 5432)
      await change(router, without, Object.values(paths))
      assert.deepEqual(await kept.talk(), { there: true, back: true })
    }
  })
})

test('a change elsewhere, and a second load of the whole table, leave connections alone', async () => {
  await withRouter([paths.database, paths.out], async (router, first) => {
    const kept = [await connect(router, 'ipv4', a, b, 5432), await connect(router, 'ipv6', a, partner, 443)]
    const next = await change(router, first, Object.values(paths))
    for (const each of kept) assert.deepEqual(await each.talk(), { there: true, back: true })
    await router.apply(render(next.atoms, next.inventory, { now: Date.now() }))
    for (const each of kept) assert.deepEqual(await each.talk(), { there: true, back: true })
  })
})

test('an element that stays is not put there anew: its time counts from when it came', async () => {
  const ending: Path = { ...paths.database, expires: Date.now() + 3_600_000 }
  await withRouter([ending, paths.names], async (router, first) => {
    const timeout = async (): Promise<string | undefined> =>
      /16 \. 19 \. tcp \. 5432 timeout (\S+) expires/.exec(await router.sandbox.must(['nft', 'list', 'map', 'inet', 'bulkhead', 'port']))?.[1]
    const whole = await timeout()
    assert.notEqual(whole, undefined)
    await change(router, first, [ending, paths.other])
    assert.equal(await timeout(), whole)
  })
})

test('a path whose last-but-one policy goes stays open with its connections', async () => {
  const second = path('e/a', 'e/b', 'tcp 5000-6000', { document: 'ServicePolicy e/range' })
  await withRouter([paths.database, second], async (router, first) => {
    const kept = await connect(router, 'ipv4', a, b, 5432)
    const next = await change(router, first, [second])
    assert.deepEqual(await kept.talk(), { there: true, back: true })
    await change(router, next, [paths.ping])
    assert.deepEqual(await kept.talk(), { there: false, back: false })
  })
})

test('a path closes at its instant without anybody doing anything', async () => {
  // A busy machine may take longer to get there than the path lasts; then it gets more time.
  for (const lasting of [3_000, 15_000, 60_000]) if (await closesAfter(lasting)) return
  assert.fail('the machine is too slow to see a path open that lasts a minute')
})

/** False when the instant came before the connections stood. */
async function closesAfter(lasting: number): Promise<boolean> {
  let stood = false
  const soon = Date.now() + lasting
  const ending = Object.values(paths).map((p): Path => ({ ...p, expires: soon }))
  await withRouter(ending, async (router) => {
    if (soon - Date.now() < lasting / 2) return
    const running = [await connect(router, 'ipv4', a, b, 5432), await connect(router, 'ipv6', a, partner, 443), await connect(router, 'ipv4', partner, published, 443)]
    const talks = []
    for (const each of running) talks.push(await each.talk())
    stood = Date.now() < soon
    if (!stood) return
    for (const talk of talks) assert.deepEqual(talk, { there: true, back: true })
    await sleep(Math.max(0, soon - Date.now()) + 100)
    for (const each of running) assert.deepEqual(await each.talk(), { there: false, back: false })
    assert.equal((await open(router, 'ipv4', 'tcp', a, b, 5432)).there, false)
    assert.equal((await open(router, 'ipv6', 'icmp', a, b)).there, false)
    assert.equal((await open(router, 'ipv4', 'tcp', partner, published, 443)).there, false)
  })
  return stood
}

test('a path that has lapsed in the kernel can still be taken out', async () => {
  const ending: Path = { ...paths.database, expires: Date.now() + 1000 }
  await withRouter([ending, paths.ping], async (router, first) => {
    await sleep(1100)
    await change(router, first, [paths.names])
    assert.deepEqual(await open(router, 'ipv4', 'udp', a, b, 53), { there: true, back: true })
    assert.equal((await open(router, 'ipv4', 'icmp', a, b)).there, false)
  })
})

/** An error about the packet given, as `from` would send it. */
function errorAbout(family: IpFamily, from: string, to: string, about: Buffer, type?: number): Buffer {
  return packet({ from, to, payload: { kind: 'icmp', type: type ?? (family === 'ipv4' ? 3 : 1), code: family === 'ipv4' ? 3 : 4, data: about } })
}

test('an error comes back along its own path, about traffic in both directions', async () => {
  await withRouter(Object.values(paths), async (router) => {
    for (const family of families) {
      const sent = crafted(family, a, b, { kind: 'udp', sport: 777, dport: 53 })
      await router.exchange(['bhw0', sent])
      assert.equal((await router.exchange(['bhw1', errorAbout(family, b[family], a[family], sent)]).then(lastsTo('bhw0'))).length, 1)
      const answer = crafted(family, b, a, { kind: 'udp', sport: 53, dport: 777 })
      await router.exchange(['bhw1', answer])
      assert.equal((await router.exchange(['bhw0', errorAbout(family, a[family], b[family], answer)]).then(lastsTo('bhw1'))).length, 1)
      const leaving = (await router.exchangeRaw(['bhw0', crafted(family, a, partner, { kind: 'tcp', sport: 778, dport: 443, flags: 'S' })])).get('outside')?.[0]
      const router1 = family === 'ipv4' ? '198.18.0.1' : '2620::1'
      const seen = family === 'ipv4' ? '192.0.2.1' : '2001:db8:ffff::1'
      const about = errorAbout(family, router1, seen, leaving ?? Buffer.alloc(0), family === 'ipv4' ? 11 : 3)
      assert.equal((await router.exchange(['outside', about]).then(lastsTo('bhw0'))).length, 1)
    }
    assert.deepEqual(await router.refused(), {})
  })
})

test('an error comes back whichever lookup permits its connection', async () => {
  const far = { name: 'outside', ipv4: '198.51.100.10', ipv6: '2001:db8:1::10' }
  const list = [
    path('e/a', 'e/b', 'tcp 80'), path('e/a', 'e/b', 'udp 100-200'), path('e/a', 'e/b', 'sctp any'), path('e/a', 'e/b', 'icmp'),
    path('e/a', 'external:partner', 'tcp any'), path('e/a', 'external:partner', 'udp 100-200'), path('e/a', 'external:partner', 'sctp 5'), path('e/a', 'external:partner', 'icmp'),
    paths.in,
  ]
  const flows = (family: IpFamily): readonly Transport[] => [
    { kind: 'tcp', sport: 5000, dport: 80, flags: 'S' }, { kind: 'udp', sport: 5000, dport: 150 }, { kind: 'sctp', sport: 5000, dport: 5, chunk: 1 },
    { kind: 'icmp', type: family === 'ipv4' ? 8 : 128, rest: 5000 << 16 },
  ]
  await withRouter(list, async (router) => {
    for (const family of families) {
      const cases = [...[b, far].flatMap((to) => flows(family).map((payload) => [a, to, payload] as const)), [partner, published, { kind: 'tcp', sport: 5000, dport: 443, flags: 'S' }] as const]
      for (const [from, to, payload] of cases) {
        const seen = (await router.exchangeRaw([from.name, crafted(family, from, to, payload)])).get(to.name)?.[0] ?? Buffer.alloc(60)
        const { from: client, to: server } = hosts(seen)
        const back = (await router.exchange([to.name, errorAbout(family, server, client, seen)])).filter((line) => line.startsWith(from.name))
        assert.equal(back.length, 1, `${family} ${to.name} ${describe(seen)}`)
      }
    }
    assert.deepEqual(await router.refused(), {})
  })
})

test('a forged error does not arrive, whether it quotes another flow, a closed one or none', async () => {
  await withRouter([paths.database, paths.names, paths.other, path('e/b', 'e/c', 'tcp 1'), paths.out], async (router) => {
    for (const family of families) {
      const theirs = await connect(router, family, a, b, 5432)
      // c has a path to b by the same policy, so group and path id alone would not tell the two apart.
      await connect(router, family, c, b, 5432)
      const quoted = theirs.packet('there')
      for (const [end, from, to] of [['bhw2', c, a], ['bhw2', c, b], ['bhw0', a, b]] as const) {
        const forged = errorAbout(family, from[family], to[family], end === 'bhw0' ? crafted(family, b, a, { kind: 'udp', sport: 9, dport: 9 }) : quoted)
        assert.deepEqual((await router.exchange([end, forged])).filter((line) => !line.startsWith(end)), [], `${end} to ${to[family]}`)
      }
      const outside = errorAbout(family, partner[family], a[family], quoted)
      assert.deepEqual((await router.exchange(['outside', outside])).filter((line) => !line.startsWith('outside')), [])
      const redirect = packet({ from: b[family], to: a[family], payload: { kind: 'icmp', type: family === 'ipv4' ? 5 : 137, code: 1, data: quoted } })
      assert.deepEqual((await router.exchange(['bhw1', redirect])).filter((line) => !line.startsWith('bhw1')), [])
    }
    assert.equal((await router.refused())['icmp-error'], 8)
  })
})

test('an error about a revoked path does not arrive', async () => {
  await withRouter([paths.names, paths.ping], async (router, first) => {
    for (const family of families) {
      const sent = crafted(family, a, b, { kind: 'udp', sport: 779, dport: 53 })
      await router.exchange(['bhw0', sent])
      await change(router, first, [paths.ping])
      assert.deepEqual(await router.exchange(['bhw1', errorAbout(family, b[family], a[family], sent)]), [])
      await change(router, state([paths.ping], first), [paths.names, paths.ping])
    }
  })
})

test('without its table the router is closed, not open', async () => {
  await withRouter(Object.values(paths), async (router, first) => {
    const running = await connect(router, 'ipv4', a, b, 5432)
    await router.sandbox.must(['nft', 'delete', 'table', 'inet', 'bulkhead'])
    assert.deepEqual(await running.talk(), { there: false, back: false })
    for (const family of families) {
      for (const [from, to] of [[a, b], [a, partner], [partner, c]] as const) assert.equal((await open(router, family, 'tcp', from, to, 5432)).there, false)
    }
    await router.apply(render(first.atoms, first.inventory, { now: Date.now() }))
    assert.deepEqual(await running.talk(), { there: true, back: true })
  })
})

test('one foreign accept in the first chain opens nothing, and is seen', async () => {
  await withRouter([paths.database], async (router) => {
    for (const rule of [['insert', 'rule', 'inet', 'bulkhead', 'forward', 'accept'], ['insert', 'rule', 'inet', 'bulkhead', 'original', 'accept']]) await router.sandbox.must(['nft', ...rule])
    for (const family of families) for (const port of [5432, 22]) assert.equal((await open(router, family, 'tcp', a, b, port)).there, false)
    assert.deepEqual(await router.refused(), { gate: 4 })
  })
})

test('one identity cannot have more connections than its limit, and others go on', async () => {
  await withRouter([paths.names, paths.other, paths.database], async (router) => {
    let there = 0
    for (let i = 0; i < 8; i++) if ((await open(router, 'ipv4', 'udp', a, b, 53)).there) there++
    assert.equal(there, 5)
    assert.deepEqual(await router.refused(), { limit: 3 })
    assert.deepEqual(await open(router, 'ipv4', 'tcp', c, b, 5432), { there: true, back: true })
    // What has ended counts no longer.
    await router.sandbox.must(['conntrack', '-D', '-p', 'udp'])
    await sleep(110)
    assert.deepEqual(await open(router, 'ipv4', 'udp', a, b, 53), { there: true, back: true })
  }, { connectionLimit: 5 })
})

test('a flow that nobody answers counts once, however many packets it sends', async () => {
  await withRouter([paths.names], async (router) => {
    for (let i = 0; i < 20; i++) {
      assert.equal((await router.exchange(['bhw0', crafted('ipv4', a, b, { kind: 'udp', sport: 888, dport: 53 })]).then(lastsTo('bhw1'))).length, 1)
    }
    assert.deepEqual(await router.refused(), {})
  }, { connectionLimit: 5 })
})
