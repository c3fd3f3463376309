import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { choosePairs, completePairs, drawnEach } from './choice.ts'
import type { Candidate } from './choice.ts'

interface Scene {
  readonly candidates: readonly Candidate[]
  readonly open: readonly (readonly [string, string])[]
  readonly seed: string
}

/** Workloads in enclaves of some size, some of them in two phases, with some paths. */
const scenes = fc.record({ count: fc.integer({ min: 52, max: 220 }), enclave: fc.integer({ min: 1, max: 60 }), paths: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 400 }), seed: fc.string({ maxLength: 6 }) })
  .map(({ count, enclave, paths, seed }): Scene => {
    const candidates = Array.from({ length: count }, (_, i) => {
      const n = i % 7 === 6 ? i - 1 : i
      const workload = `e${Math.floor(n / enclave)}/w${n}`
      return { workload, label: `${workload}@${n === i ? 'running' : 'task'}` }
    })
    const label = (n: number): string => candidates[n % count]?.label ?? ''
    return { candidates, open: paths.map(([a, b]) => [label(a), label(b)] as const), seed }
  })

test('where there are few pairs, and on request, all are tried', () => {
  const few = Array.from({ length: 50 }, (_, i) => ({ workload: `e/w${i}`, label: `e/w${i}@running` }))
  assert.equal(choosePairs(few, [], { seed: '1', all: false }).tried, 50 * 49)
  assert.ok(50 * 49 <= completePairs)
  const many = Array.from({ length: 80 }, (_, i) => ({ workload: `e/w${i}`, label: `e/w${i}@running` }))
  assert.equal(choosePairs(many, [], { seed: '1', all: true }).tried, 80 * 79)
  assert.ok(choosePairs(many, [], { seed: '1', all: false }).tried < 80 * 79)
})

test('every open pair is tried, everybody is refused and refuses, and the refused are bounded', () => {
  fc.assert(fc.property(scenes, ({ candidates, open, seed }) => {
    const { targets, tried, of } = choosePairs(candidates, open, { seed, all: false })
    const isOpen = new Set(open.filter(([a, b]) => a !== b).map((pair) => pair.join(' ')))
    for (const pair of isOpen) assert.ok(targets.get(pair.split(' ')[0] ?? '')?.includes(pair.split(' ')[1] ?? ''), pair)
    const refused = [...targets].flatMap(([from, list]) => list.map((to) => [from, to] as const)).filter((pair) => !isOpen.has(pair.join(' ')))
    const [begins, meets] = [new Set(refused.map(([from]) => from)), new Set(refused.map(([, to]) => to))]
    for (const { label } of candidates) assert.ok(begins.has(label) && meets.has(label), label)
    assert.ok(refused.length <= drawnEach * candidates.length, `${refused.length} refused pairs of ${candidates.length}`)
    assert.ok(refused.every(([from, to]) => from !== to))
    assert.equal(tried, isOpen.size + refused.length)
    assert.equal(of, candidates.length * (candidates.length - 1))
  }), { numRuns: 60 })
})

test('near misses are always among the refused: the way back, neighbours at the same port, the same workload in another phase', () => {
  fc.assert(fc.property(scenes, ({ candidates, open, seed }) => {
    const { targets } = choosePairs(candidates, open, { seed, all: false })
    const isOpen = new Set(open.map((pair) => pair.join(' ')))
    const closed = (from: string, to: string): boolean => from !== to && !isOpen.has(`${from} ${to}`)
    const enclaveOf = (label: string): string => label.split('/')[0] ?? ''
    for (const { label, workload } of candidates) {
      const mine = targets.get(label) ?? []
      const back = open.filter(([, to]) => to === label).map(([from]) => from).filter((from) => closed(label, from))
      assert.ok(back.length === 0 || back.some((to) => mine.includes(to)), `${label} tries the way back`)
      const opened = open.filter(([, to]) => to === label).length
      const neighbours = candidates.map((c) => c.label).filter((other) => enclaveOf(other) === enclaveOf(label) && closed(other, label))
      if (neighbours.length > 0 && opened < 20) assert.ok(neighbours.some((from) => targets.get(from)?.includes(label)), `a neighbour tries ${label}`)
      for (const sibling of candidates.filter((c) => c.workload === workload && closed(label, c.label))) assert.ok(mine.includes(sibling.label), `${label} tries ${sibling.label}`)
    }
  }), { numRuns: 40 })
})

test('the same seed chooses the same, another seed others, and in time all pairs come', () => {
  const candidates = Array.from({ length: 60 }, (_, i) => ({ workload: `e${i % 4}/w${i}`, label: `e${i % 4}/w${i}@running` }))
  const open = candidates.slice(1).map((c, i) => [candidates[i]?.label ?? '', c.label] as const)
  const chosen = (seed: string): readonly string[] => [...choosePairs(candidates, open, { seed, all: false }).targets].flatMap(([from, list]) => list.map((to) => `${from} ${to}`))
  assert.deepEqual(chosen('7'), chosen('7'))
  assert.notDeepEqual(chosen('7'), chosen('8'))
  const met = new Set(Array.from({ length: 150 }, (_, seed) => chosen(String(seed))).flat())
  assert.equal(met.size, 60 * 59)
})
