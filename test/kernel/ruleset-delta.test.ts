/** Changing a live table by elements must end where loading the whole table anew would have ended. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { hosted } from './lib/platforms.ts'
import { platformOf } from '../../src/verify/testing/load.ts'
import { twoSets } from '../../src/verify/testing/two-sets.ts'
import { generatedNow } from '../../src/verify/testing/words.ts'
import { delta } from '../../src/engines/nftables/delta.ts'
import { render } from '../../src/engines/nftables/render.ts'
import { lowered, path, publishing } from '../../src/engines/nftables/testing.ts'
import { openSandbox } from './lib/sandbox.ts'
import type { Path } from '../../src/intent/intent.ts'
import type { Sandbox } from './lib/sandbox.ts'

const now = Date.now()
const hour = 3_600_000
const all = ['e/a', 'e/b', 'e/c', 'e/d'] as const
const externals = { wide: ['0.0.0.0/0', '::/0'], left: ['198.51.100.0/24', '2001:db8::/32'], right: ['198.51.100.128/25', '198.51.101.0/24'], top: ['128.0.0.0/1', '8000::/1'] }

const what = fc.oneof(
  fc.constantFrom('icmp', 'tcp any', 'udp any', 'sctp 1'),
  fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 4 })).map(([from, more]) => `tcp ${from}-${from + more}`),
)
const direct = fc.tuple(fc.constantFrom(...all), fc.constantFrom(...all), what)
const outward = fc.tuple(fc.constantFrom(...all), fc.constantFrom(...Object.keys(externals)).map((name) => `external:${name}`), what)
const opened = fc.tuple(fc.oneof(direct, outward), fc.constantFrom('A', 'B', 'C'), fc.constantFrom(undefined, now + 10 * hour, now + 20 * hour))
  .map(([[s, d, t], document, expires]) => path(s, d, t, { document, ...(expires === undefined ? {} : { expires }) }))
const published = fc.tuple(fc.constantFrom('wide', 'left', 'right'), fc.constantFrom(...all), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 }))
  .map(([source, target, port, inner]) => path(`external:${source}`, target, `tcp ${inner}`, { via: publishing(port, '203.0.113.7', '2001:db8:ffff::7') }))
const stateOf = fc.record({
  workloads: fc.subarray([...all], { minLength: 2 }),
  paths: fc.array(fc.oneof({ weight: 4, arbitrary: opened }, { weight: 1, arbitrary: published }), { maxLength: 10 }),
})

let sandbox: Sandbox
before(async () => {
  sandbox = await openSandbox()
})
after(() => sandbox.close())

test('a change of elements leads to the same table as a load of the whole', async () => {
  await fc.assert(fc.asyncProperty(stateOf, stateOf, async (one, other) => {
    const first = lowered({ ...one, externals, paths: one.paths.filter((p) => inside(p, one.workloads)) }, now)
    const next = lowered({ ...other, externals, paths: other.paths.filter((p) => inside(p, other.workloads)) }, now, first.ids)
    const text = delta(first, next, { now })
    assert.ok(text !== undefined)
    await load(render(first.atoms, first.inventory, { now }))
    await load(text)
    const changed = await list()
    await load(render(next.atoms, next.inventory, { now }))
    assert.deepEqual(changed, await list())
  }), { numRuns: 60 })
})

test('so it does where platforms change that have gateways', async () => {
  let changed = 0
  await fc.assert(fc.asyncProperty(twoSets(), fc.boolean(), async ({ before: one, after: other }, back) => {
    const [old, wanted] = (back ? [other, one] : [one, other]).map(platformOf)
    if (old === undefined || wanted === undefined) return
    const first = hosted(old, { now: generatedNow, uplink: true, gateways: true })
    const next = hosted(wanted, { now: generatedNow, uplink: true, gateways: true, before: first.ids })
    const text = delta(first, next, { now: generatedNow })
    if (text === undefined || text === '') return
    changed++
    await load(first.text)
    await load(text)
    const found = await list()
    await load(next.text)
    assert.deepEqual(found, await list(), text)
  }), { numRuns: 15, endOnFailure: true })
  assert.ok(changed > 2, `${changed}`)
})

test('no change is no text, and another uplink is no change of elements', () => {
  const state = lowered({ workloads: [...all], externals, paths: [path('e/a', 'e/b', 'tcp 1')] }, now)
  assert.equal(delta(state, state, { now }), '')
  assert.equal(delta(state, { ...state, inventory: { ...state.inventory, uplink: { interface: 'other' } } }, { now }), undefined)
})

function inside(p: Path, workloads: readonly string[]): boolean {
  return [p.source, p.destination].every((end) => end.kind !== 'workload' || workloads.includes(end.workload))
}

async function load(text: string): Promise<void> {
  await sandbox.must(['nft', '-f', '-'], { input: text })
}

/** The table without what differs between two loads: handles, counts, time that is left, the order of a hash. */
async function list(): Promise<unknown> {
  const { nftables } = JSON.parse(await sandbox.must(['nft', '-j', 'list', 'table', 'inet', 'bulkhead'])) as { readonly nftables: readonly unknown[] }
  return nftables.slice(1).map(steady)
}

function steady(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(steady)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key]) => !['handle', 'expires', 'packets', 'bytes', 'map-handle'].includes(key))
  return Object.fromEntries(entries.map(([key, inner]) => [key, key === 'timeout' ? typeof inner : key === 'elem' && Array.isArray(inner) ? inner.map((e) => JSON.stringify(steady(e))).sort() : steady(inner)]))
}
