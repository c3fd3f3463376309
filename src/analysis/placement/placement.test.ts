import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { accepted, doc } from '../../model/testing/set.ts'
import { place, platformOf, workload } from '../../model/testing.ts'
import { placementProblems } from './assignment.ts'
import { feasibility, mostDivisions } from './feasible.ts'
import { network } from './flow.ts'
import { poolsOf } from './pools.ts'
import type { Environment, Host, Layer, Platform, Workload, WorkloadId } from '../../model/platform.ts'

const at = place()

interface Case {
  readonly hosts: readonly { readonly layer: Layer | undefined; readonly drain: boolean; readonly assigned: readonly number[] }[]
  readonly workloads: readonly { readonly replicas: number; readonly spread: number; readonly layer: Layer | undefined; readonly owner: number }[]
  readonly capacity: number
  readonly separate: boolean
  /** Whether the environment of each owner shares no host with the others. */
  readonly alone: readonly boolean[]
}

const layer = fc.constantFrom<Layer | undefined>(undefined, 'app', 'database')
const anyCase: fc.Arbitrary<Case> = fc.record({
  hosts: fc.array(fc.record({ layer: fc.option(layer, { nil: undefined, freq: 2 }), drain: fc.constantFrom(false, false, false, true), assigned: fc.array(fc.nat(2), { minLength: 3, maxLength: 3 }) }), { minLength: 1, maxLength: 3 }),
  workloads: fc.array(fc.record({ replicas: fc.integer({ min: 1, max: 3 }), spread: fc.integer({ min: 1, max: 3 }), layer, owner: fc.nat(1) }), { minLength: 1, maxLength: 3 })
    .map((list) => list.map((w) => ({ ...w, spread: Math.min(w.spread, w.replicas) }))),
  capacity: fc.integer({ min: 1, max: 4 }),
  separate: fc.boolean(),
  alone: fc.array(fc.constantFrom(false, false, true), { minLength: 2, maxLength: 2 }),
})

function platformFrom({ hosts, workloads, capacity, separate, alone }: Case): Platform {
  const made = workloads.map((w, i): Workload => workload(`e${w.owner}/w${i}`, { replicas: w.replicas, spread: w.spread, layer: w.layer, segment: 's' }))
  const base = platformOf({ workloads: made })
  return {
    ...base,
    stacks: new Map([['default', { kind: 'Stack', name: 'default', tenancy: 'shared', cidrs: [], peeredCidrs: [], layers: [], layerHosts: separate ? 'separate' : 'shared', account: undefined, at }]]),
    segments: new Map([['s', { kind: 'IsolationSegment', name: 's', instances: 9, instanceType: 't', egress: 'open', entitled: undefined, replicasPerInstance: capacity, at }]]),
    environments: new Map(alone.map((one, i): [string, Environment] => [`env${i}`, { kind: 'Environment', name: `env${i}`, stack: 'default', owner: `o${i}`, defaultSegment: undefined, isolation: one ? 'host' : undefined, members: [], at }])),
    enclaves: new Map([0, 1].map((i) => [`e${i}`, { kind: 'Enclave', name: `e${i}`, environment: `env${i}`, segment: 's', at }])),
    hosts: new Map(hosts.map((h, i): [string, Host] => [`h${i}`, {
      kind: 'Host', name: `h${i}`, stack: 'default', segment: 's', layer: h.layer, instanceType: undefined, labels: new Map(), drain: h.drain, at,
      assigned: made.flatMap((w, j) => ((h.assigned[j] ?? 0) > 0 ? [{ workload: w.id, replicas: h.assigned[j] ?? 0, at }] : [])),
    }])),
  }
}

/** One way of assigning, judged rule by rule; `owners` are judged only where the solver is asked. */
function honours(c: Case, counts: readonly (readonly number[])[], owners: boolean): boolean {
  const whole = c.workloads.every((w, j) => {
    const on = counts.map((host) => host[j] ?? 0)
    return on.reduce((a, b) => a + b, 0) === w.replicas && on.filter((n) => n > 0).length >= w.spread
  })
  return whole && c.hosts.every((h, i) => {
    const here = c.workloads.filter((_, j) => (counts[i]?.[j] ?? 0) > 0)
    const load = (counts[i] ?? []).reduce((a, b) => a + b, 0)
    if (here.length > 0 && h.drain) return false
    if (load > c.capacity) return false
    if (here.some((w) => h.layer !== undefined && w.layer !== h.layer)) return false
    if (c.separate && new Set(here.map((w) => w.layer)).size > 1) return false
    return !owners || new Set(here.map((w) => w.owner)).size < 2 || !here.some((w) => c.alone[w.owner])
  })
}

function* everyWay(c: Case, j = 0): Generator<readonly (readonly number[])[]> {
  const w = c.workloads[j]
  if (w === undefined) {
    yield c.hosts.map(() => [])
    return
  }
  for (const rest of everyWay(c, j + 1)) for (const column of splits(w.replicas, c.hosts.length)) yield rest.map((row, i) => [column[i] ?? 0, ...row])
}

function splits(n: number, parts: number): readonly (readonly number[])[] {
  if (parts === 0) return n === 0 ? [[]] : []
  return Array.from({ length: n + 1 }, (_, first) => splits(n - first, parts - 1).map((rest) => [first, ...rest])).flat()
}

test('whether an assignment can exist is what trying all of them says', () => {
  const seen = { possible: 0, impossible: 0 }
  fc.assert(fc.property(anyCase, (c) => {
    const [pool] = poolsOf(platformFrom(c))
    assert.ok(pool)
    const found = feasibility(pool)
    const truth = [...everyWay(c)].some((counts) => honours(c, counts, true))
    assert.equal(found.kind, truth ? 'possible' : 'impossible')
    seen[truth ? 'possible' : 'impossible']++
    const told = placementProblems(platformFrom(c)).filter((d) => d.code === 'no-placement')
    assert.equal(told.length, truth ? 0 : 1)
  }), { numRuns: 1_500 })
  assert.ok(Math.min(seen.possible, seen.impossible) > 200, JSON.stringify(seen))
})

test('an assignment is accepted exactly when each rule, taken by itself, holds of it', () => {
  const seen = { good: 0, bad: 0 }
  fc.assert(fc.property(anyCase, fc.nat(1_000_000), (c, at) => {
    // Half of them are whole, so that few rules are broken.
    const ways = at % 2 === 0 ? [...everyWay(c)] : [c.hosts.map((h) => c.workloads.map((_, j) => h.assigned[j] ?? 0))]
    const counts = ways[at % ways.length] ?? []
    fc.pre(counts.some((row) => row.some((n) => n > 0)))
    const platform = platformFrom({ ...c, hosts: c.hosts.map((h, i) => ({ ...h, assigned: counts[i] ?? [] })) })
    const told = placementProblems(platform).filter((d) => d.code === 'misplaced' || d.code === 'unassigned')
    const good = honours(c, counts, false)
    assert.equal(told.length === 0, good, told.map((d) => d.message).join('\n'))
    seen[good ? 'good' : 'bad']++
  }), { numRuns: 3_000 })
  assert.ok(Math.min(seen.good, seen.bad) > 100, JSON.stringify(seen))
})

test('a flow takes a detour where the short way is taken', () => {
  const net = network(4)
  for (const [from, to, capacity] of [[0, 1, 1], [0, 2, 1], [1, 2, 1], [1, 3, 1], [2, 3, 1]] as const) net.add(from, to, capacity)
  assert.equal(net.flow(0, 3, 5), 2)
})

const segment = (rest = '{instances: 4, instanceType: t, capacity: {replicasPerInstance: 2}}') => doc('IsolationSegment', 'name: s', rest)
const stack = doc('Stack', 'name: main', '{layerHosts: separate, layers: [app, database]}') + doc('Environment', 'name: main', '{stack: main}')
const enclave = doc('Enclave', 'name: e', '{environment: main, segment: s}')
const app = (name: string, rest = '') => doc('Workload', `name: ${name}, enclave: e`, `{layer: app${rest}}`)
const db = doc('Workload', 'name: db, enclave: e', '{layer: database}')
const host = (name: string, rest = '') => doc('Host', `name: ${name}`, `{stack: main, segment: s${rest}}`)
const said = (...parts: readonly string[]): readonly string[] => placementProblems(accepted([segment(), stack, enclave, ...parts].join(''))).map((d) => `${d.severity} ${d.code}: ${d.message}${d.help === undefined ? '' : ` (${d.help})`}`)
const none = (hosts: string) => `error no-placement: no assignment to the ${hosts} of segment \`s\` of stack \`main\` carries its workloads: `

test('what an assignment breaks is told with figures, and where the workload would fit', () => {
  const two = app('a', ', replicas: 2') + db
  assert.deepEqual(said(two, host('h1', ', workloads: [{workload: e/a, replicas: 2}]'), host('h2', ', workloads: [e/db]')), [])
  assert.deepEqual(said(two, host('h1', ', workloads: [e/a, e/db]'), host('h2', ', workloads: [e/a]')), [
    'error misplaced: host `h1` has workloads of two layers, which stack `main` keeps apart: `e/a` (`app`) and `e/db` (`database`)',
  ])
  assert.deepEqual(said(app('a', ', replicas: 3') + db, host('h1', ', workloads: [{workload: e/a, replicas: 3}]'), host('h2'), host('h3', ', workloads: [e/db]')), [
    'error misplaced: host `h1` holds 2 replicas, and 3 are assigned to it: 3 of `e/a`',
  ])
  assert.deepEqual(said(db, app('a'), host('h1', ', layer: app, workloads: [e/db]'), host('h2', ', layer: database'), host('h3', ', drain: true, workloads: [e/a]')), [
    'error misplaced: `e/db` is assigned to host `h1`, where it does not belong: the host is of layer `app` and the workload of layer `database` (it fits `h2`)',
    'error misplaced: `e/a` is assigned to host `h3`, which is drained (it fits `h1`)',
  ])
  const elsewhere = doc('Host', 'name: other', '{workloads: [e/a]}') + doc('Host', 'name: pool', '{stack: main, workloads: [e/b]}')
  assert.deepEqual(said(app('a'), app('b'), host('h1'), elsewhere), [
    'error misplaced: `e/a` is assigned to host `other`, where it does not belong: the host is of stack `default` and the workload of `main` (it fits `h1`)',
    'error misplaced: `e/b` is assigned to host `pool`, where it does not belong: the host is of no segment and the workload of segment `s` (it fits `h1`)',
  ])
  assert.deepEqual(said(app('a', ', replicas: 2, spread: 2'), host('h1', ', workloads: [{workload: e/a, replicas: 2}]'), host('h2')), [
    'error misplaced: `e/a` has to be on 2 hosts, and is on 1: `h1`',
  ])
  assert.deepEqual(said(app('a'), host('h1', ', workloads: [{workload: e/a, replicas: 2}]')), ['error misplaced: `e/a` has 1 replicas, and 2 are assigned to hosts'])
  assert.deepEqual(said(app('a', ', replicas: 2'), host('h1', ', workloads: [e/a]')), ['warning unassigned: 1 of 2 replicas of `e/a` are assigned to no host'])
  // Who assigns nothing lets somebody else place.
  assert.deepEqual(said(app('a', ', replicas: 2'), host('h1')), [])
})

test('where no assignment exists the figures say why', () => {
  assert.deepEqual(said(app('a'), host('h1', ', layer: database')), [`${none('1 host')}none of them is for \`e/a\` (layer \`app\`)`])
  assert.deepEqual(said(app('a', ', replicas: 3, spread: 3'), host('h1'), host('h2'), host('h3', ', drain: true')), [`${none('2 hosts (1 more is drained)')}\`e/a\` has to be on 3 hosts, and 2 are for it (layer \`app\`)`])
  assert.deepEqual(said(app('a', ', replicas: 5'), host('h1'), host('h2')), [`${none('2 hosts')}they hold 4 replicas (2 each), and 5 are to run`])
  assert.deepEqual(said(app('a', ', replicas: 3'), db, host('h1'), host('h2')), [`${none('2 hosts')}layer \`app\` needs 2, layer \`database\` needs 1, and they share none`])
})

test('a pool of many hosts and layers is decided in time, or said not to be', () => {
  const hosts = Array.from({ length: 60 }, (_, i) => ({ layer: undefined, drain: false, assigned: [i] }))
  const workloads = Array.from({ length: 60 }, (_, i) => ({ replicas: 2, spread: 2, layer: (['app', 'database', undefined] as const)[i % 3], owner: i % 2 }))
  const [pool] = poolsOf(platformFrom({ hosts, workloads, capacity: 2, separate: true, alone: [true, true] }))
  assert.ok(pool)
  const began = performance.now()
  assert.ok(['possible', 'undecided'].includes(feasibility(pool).kind))
  assert.ok(performance.now() - began < 60_000 && mostDivisions > 0)
})

test('moving a workload from a drained host to another is accepted, and its name stays the operator\'s', () => {
  const before = said(app('a'), host('h1', ', workloads: [e/a]'), host('h2'))
  const after = said(app('a'), host('h1', ', drain: true'), host('h2', ', workloads: [e/a]'))
  assert.deepEqual([before, after], [[], []])
  const ids: readonly WorkloadId[] = [...accepted([segment(), stack, enclave, app('a'), host('h1')].join('')).workloads.keys()]
  assert.deepEqual(ids, ['e/a'])
})
