import assert from 'node:assert/strict'
import { test } from 'node:test'
import { delta } from '../../src/engines/nftables/delta.ts'
import { render } from '../../src/engines/nftables/render.ts'
import { lowered, path, publishing } from '../../src/engines/nftables/testing.ts'
import { elementsHold, expectedElements, tableState } from '../../src/host/table-state.ts'
import { openSandbox } from './lib/sandbox.ts'

const now = Date.now()
const hour = 3_600_000
const workloads = ['a/client', 'a/server', 'b/worker'] as const
const externals = { 'registry': ['198.51.100.0/24', '2001:db8:1::/48'], 'wide': ['0.0.0.0/0', '::/0'], 'metadata!': ['169.254.169.254/32'] }
const paths = [
  path('a/client', 'a/server', 'tcp 80,443,8000-8100'), path('a/client', 'a/server', 'udp any', { expires: now + hour }), path('a/client', 'a/server', 'sctp 3868'),
  path('a/client', 'a/server', 'icmp'), path('a/client', 'external:registry', 'tcp 443'), path('b/worker', 'external:wide', 'udp 53,1000-2000'),
  path('b/worker', 'external:wide', 'icmp'), path('b/worker', 'external:metadata!', 'tcp 80', { expires: now + hour }),
  path('external:registry', 'a/server', 'tcp 8443', { via: publishing(443, '203.0.113.7', '2001:db8::7', '::cb00:7107') }),
]

test('a table that was just loaded is as it should be, and every change of its elements or rules is seen', async () => {
  const sandbox = await openSandbox()
  try {
    const state = async (): Promise<ReturnType<typeof tableState>> =>
      tableState((JSON.parse(await sandbox.must(['nft', '--json', '--numeric', 'list', 'table', 'inet', 'bulkhead'])) as { nftables: [] }).nftables)
    const { atoms, inventory, ids } = lowered({ workloads, externals, paths }, now)
    await sandbox.must(['nft', '-f', '-'], { input: render(atoms, inventory, { now }) })
    const loaded = await state()
    const expected = expectedElements(atoms, inventory, now)
    assert.equal(elementsHold(loaded, expected), true)

    const fewer = lowered({ workloads, externals, paths: paths.slice(1) }, now, ids)
    await sandbox.must(['nft', '-f', '-'], { input: delta({ atoms, inventory }, { atoms: fewer.atoms, inventory }, { now }) ?? '' })
    const changed = await state()
    assert.equal(changed.rules, loaded.rules, 'elements of policies are not part of the rules')
    assert.equal(elementsHold(changed, expected), false)
    assert.equal(elementsHold(changed, expectedElements(fewer.atoms, inventory, now)), true)

    const harms: readonly (readonly [change: string, undo: string])[] = [
      ['add element inet bulkhead port { 16 . 19 . tcp . 22 : 0x1 }', 'delete element inet bulkhead port { 16 . 19 . tcp . 22 }'],
      ['delete element inet bulkhead port { 16 . 19 . sctp . 3868 }', ''],
    ]
    for (const [change, undo] of harms) {
      await sandbox.must(['nft', change])
      assert.equal(elementsHold(await state(), expectedElements(fewer.atoms, inventory, now)), false, change)
      if (undo !== '') await sandbox.must(['nft', undo])
    }
    await sandbox.must(['nft', '-f', '-'], { input: render(atoms, inventory, { now }) })
    assert.equal((await state()).rules, loaded.rules, 'loaded again, the rules are listed the same')
    // The same path, for ever.
    await sandbox.must(['nft', 'delete element inet bulkhead protocol { 16 . 19 . udp }; add element inet bulkhead protocol { 16 . 19 . udp : 0x2 }'])
    assert.equal(elementsHold(await state(), expected), false)
    for (const change of ['insert rule inet bulkhead forward accept', 'add element inet bulkhead bogon4 { 9.9.9.9 }', 'add chain inet bulkhead more', 'chain inet bulkhead gate { policy accept; }']) {
      const before = (await state()).rules
      await sandbox.must(['nft', change])
      assert.notEqual((await state()).rules, before, change)
    }
  } finally {
    await sandbox.close()
  }
})

test('what is about to end may be there or not, and what has ended may not stay', () => {
  const soon = lowered({ workloads, externals, paths: [path('a/client', 'a/server', 'tcp 80', { expires: now + hour })] }, now)
  const element = (text: string[]): Pick<ReturnType<typeof tableState>, 'elements'> => {
    const { must } = expectedElements(soon.atoms, soon.inventory, now)
    return { elements: new Map([...must].map(([name, texts]) => [name, name === 'port' ? new Set(text) : texts])) }
  }
  const text = '16 . 19 . 6 . 80 : 1 until'
  const holds = (texts: string[], at: number): boolean => elementsHold(element(texts), expectedElements(soon.atoms, soon.inventory, at))
  assert.deepEqual([holds([text], now), holds([], now)], [true, false])
  assert.deepEqual([holds([text], now + hour - 1_000), holds([], now + hour - 1_000)], [true, true])
  assert.equal(holds(['16 . 19 . 6 . 80 : 1'], now), false)
})
