/** Answers to listings that no kernel gave: damaged, hostile and huge. What real ones mean is tested with the kernel. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressSet } from '../../net/address-set.ts'
import { prefix } from '../../net/prefix.ts'
import { readRuleset } from './read.ts'
import type { ReadContext } from './read.ts'

const context: ReadContext = {
  uplinkGroup: 1,
  groups: [1, 16, 17],
  interfaces: [
    { name: 'wa', group: 16, addresses: addressSet([prefix('10.1.0.2'), prefix('fd00::2')]) },
    { name: 'wb', group: 17, addresses: addressSet([prefix('10.1.0.3'), prefix('fd00::3')]) },
    { name: 'up', group: 1, addresses: undefined },
  ],
}

const key = { concat: [{ meta: { key: 'iifgroup' } }, { meta: { key: 'oifgroup' } }, { meta: { key: 'l4proto' } }, { payload: { protocol: 'th', field: 'dport' } }] }
const back = { concat: [{ meta: { key: 'oifgroup' } }, { meta: { key: 'iifgroup' } }, { meta: { key: 'l4proto' } }, { payload: { protocol: 'th', field: 'sport' } }] }

function rule(chain: string, handle: number, ...expr: readonly unknown[]): unknown {
  return { rule: { family: 'inet', table: 't', chain, handle, expr } }
}

function mapped(looked: unknown): unknown {
  return { mangle: { key: { meta: { key: 'mark' } }, value: { map: { key: looked, data: '@port' } } } }
}

/** One map that opens paths, looked up in both directions. */
function listing(elements: readonly unknown[]): { nftables: readonly unknown[] } {
  return {
    nftables: [
      { metainfo: { version: '1.0.6', json_schema_version: 1 } },
      { table: { family: 'inet', name: 't', handle: 1 } },
      { map: { family: 'inet', name: 'port', table: 't', type: ['devgroup', 'devgroup', 'inet_proto', 'inet_service'], handle: 2, map: 'mark', elem: elements } },
      { chain: { family: 'inet', table: 't', name: 'f', handle: 1, type: 'filter', hook: 'forward', prio: 0, policy: 'drop' } },
      { chain: { family: 'inet', table: 't', name: 'o', handle: 2 } },
      { chain: { family: 'inet', table: 't', name: 'r', handle: 3 } },
      rule('f', 4, { vmap: { key: { ct: { key: 'direction' } }, data: { set: [['original', { goto: { target: 'o' } }], ['reply', { goto: { target: 'r' } }]] } } }),
      rule('o', 5, mapped(key), { mangle: { key: { ct: { key: 'mark' } }, value: { meta: { key: 'mark' } } } }, { accept: null }),
      rule('r', 6, mapped(back), { accept: null }),
    ],
  }
}

const element = [{ concat: [16, 17, 'tcp', 5432] }, 7]

test('a listing is read without a kernel', () => {
  const { paths, unreadable, leaks } = readRuleset(listing([element]), context)
  assert.deepEqual([unreadable, leaks.filter(({ kind }) => kind === 'established' || kind === 'reply')], [[], []])
  assert.deepEqual(paths.map(({ source, destination, ports, mark, continues, replies }) => [source.group, destination.group, ports, mark, continues, replies]), [
    [16, 17, [{ from: 5432, to: 5432 }], 7, true, true],
  ])
})

test('what an element keeps closed opens when the element ends, and no earlier than the last of them', () => {
  const hold = (...elem: readonly unknown[]): unknown => ({ set: { family: 'inet', name: 'hold', table: 't', type: 'inet_service', handle: 3, elem } })
  const first = rule('o', 3, { match: { op: '==', left: { payload: { protocol: 'th', field: 'dport' } }, right: '@hold' } }, { drop: null })
  const opening = (...elem: readonly unknown[]): unknown => {
    const { nftables } = listing([element, [{ elem: { val: { concat: [16, 17, 'tcp', 5433] }, timeout: 60, expires: 40 } }, 8]])
    const { paths, unreadable } = readRuleset({ nftables: [...nftables.slice(0, 2), hold(...elem), ...nftables.slice(2, -2), first, ...nftables.slice(-2)] }, context)
    assert.deepEqual(unreadable, [])
    return paths.map(({ ports, since, expires, replies }) => [ports[0]?.from, since, expires, replies])
  }
  const held = (port: number, expires: number): unknown => ({ elem: { val: port, timeout: 60, expires } })
  assert.deepEqual(opening(held(80, 10)), [[5432, 0, undefined, true], [5433, 0, 40, true]])
  assert.deepEqual(opening(held(5432, 10), held(5433, 30)), [[5432, 10, undefined, true], [5433, 30, 40, true]])
  assert.deepEqual(opening(held(5432, 0), held(5433, 40)), [[5432, 1, undefined, true]])
  assert.deepEqual(opening(5432, held(5433, 41)), [])
})

test('any value is an answer, and none but a ruleset is understood', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      const { kind, unreadable } = readRuleset(json, context)
      assert.equal(kind, 'read')
      assert.ok(unreadable.length > 0 || (typeof json === 'object' && json !== null && 'nftables' in json))
    }),
  )
})

/** Replaces, removes or doubles one node of a tree, chosen by the numbers. */
function damaged(json: unknown, steps: readonly number[], by: unknown): unknown {
  const [step, ...rest] = steps
  if (step === undefined || typeof json !== 'object' || json === null) return by
  if (Array.isArray(json)) {
    const at = step % (json.length + 1)
    if (rest.length === 0 && step % 3 === 0) return json.toSpliced(at, 1)
    return at === json.length ? [...json, by, ...json.slice(0, 1)] : json.map((each, i) => (i === at ? damaged(each, rest, by) : (each as unknown)))
  }
  const names = Object.keys(json)
  const name = names[step % Math.max(1, names.length)]
  if (name === undefined) return by
  if (rest.length === 0 && step % 3 === 0) return Object.fromEntries(Object.entries(json).filter(([each]) => each !== name))
  return { ...json, [name]: damaged((json as Record<string, unknown>)[name], rest, by) }
}

const fragments: readonly unknown[] = [
  null, -1, 1e30, '', '@port', '*', { accept: null }, { goto: { target: 'o' } }, { jump: { target: 'f' } }, { range: [9, 3] }, { prefix: { addr: 1, len: 99 } },
  { concat: [] }, { set: [] }, { set: [{ concat: [16] }] }, { '&': [1] }, { '<<': [{ meta: { key: 'mark' } }, 4_000_000_000] }, { xt: null }, ['a', ['b']], { map: {} },
]

test('a damaged listing is an answer too, in bounded time', () => {
  const damages = fc.array(fc.tuple(fc.array(fc.nat(30), { minLength: 1, maxLength: 9 }), fc.oneof(fc.constantFrom(...fragments), fc.jsonValue())), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(damages, (list) => {
      const json = list.reduce<unknown>((tree, [steps, by]) => damaged(tree, steps, by), listing([element]))
      assert.equal(readRuleset(json, context).kind, 'read')
    }),
    { numRuns: 1_500 },
  )
})

test('chains that lead in a circle are reported, and count as open', () => {
  const circle = { nftables: [...listing([element]).nftables, rule('o', 7, { jump: { target: 'o' } })] }
  const { unreadable, paths } = readRuleset(circle, context)
  assert.ok(unreadable.some(({ what }) => what.includes('nested deeper')))
  assert.ok(paths.some(({ destination }) => destination.group === 'any'))
})

test('a set that is not listed, an element that makes no sense and a flag that is not known are reported', () => {
  const words = (json: unknown): string => JSON.stringify(readRuleset(json, context).unreadable)
  assert.match(words({ nftables: listing([element]).nftables.filter((each) => !JSON.stringify(each).startsWith('{"map"')) }), /@port/)
  assert.match(words(listing([[{ concat: [16, 'x y', 'tcp', 1] }, 7]])), /an element of @port/)
  assert.match(words({ nftables: [{ table: { family: 'inet', name: 't', handle: 1, flags: 't' } }] }), /the table's flags/)
})

test('names that every object inherits are no keys', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    for (const left of [{ ct: { key: name } }, { meta: { key: name } }, { payload: { protocol: name, field: 'dport' } }]) {
      const { unreadable } = readRuleset({ nftables: [...listing([element]).nftables, rule('f', 9, { match: { op: '==', left, right: 1 } }, { accept: null })] }, context)
      assert.equal(unreadable.length, 1, `${name} ${JSON.stringify(unreadable)}`)
    }
  }
})

test('a dormant table judges nothing', () => {
  const json = { nftables: [{ table: { family: 'inet', name: 't', handle: 1, flags: ['dormant'] } }, ...listing([element]).nftables.slice(2)] }
  assert.equal(readRuleset(json, context).noTable, true)
})

test('the cost grows with the elements, not with their square', () => {
  const many = (count: number): readonly unknown[] =>
    Array.from({ length: count }, (_, i) => [{ concat: [16 + (i % 500), 16 + (Math.floor(i / 500) % 500), 'tcp', 1 + Math.floor(i / 250_000)] }, 1 + i])
  const groups = Array.from({ length: 500 }, (_, i) => 16 + i)
  const interfaces = groups.map((group, i) => ({ name: `w${i}`, group, addresses: addressSet([prefix(`10.1.${i >> 8}.${i & 255}`)]) }))
  const began = performance.now()
  const { paths, survivesRevocation, unreadable } = readRuleset(listing(many(20_000)), { uplinkGroup: 1, groups, interfaces })
  assert.deepEqual([paths.length, survivesRevocation, unreadable], [20_000, false, []])
  // Seconds where the square would be minutes; a busy machine counts too.
  assert.ok(performance.now() - began < 20_000)
})
