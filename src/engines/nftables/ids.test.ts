import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '../../base/fault.ts'
import { assignClasses, assignGroups, assignPaths, documentsOf, formatIds, noIds, parseIds, pathKey } from './ids.ts'
import { firstIdentityGroup } from './inventory.ts'
import { platformOf } from './testing.ts'
import type { IdTable } from './ids.ts'
import type { WorkloadId } from '../../model/platform.ts'

const workload = fc.tuple(fc.constantFrom('a', 'b', '__proto__'), fc.constantFrom('x', 'y', 'constructor')).map(([e, w]): WorkloadId => `${e}/${w}`)
const history = fc.array(fc.uniqueArray(workload, { maxLength: 6 }), { maxLength: 6 })

function grown(steps: readonly (readonly WorkloadId[])[]): IdTable {
  return steps.reduce((table, workloads) => assignGroups(table, platformOf({ workloads, paths: [] })), noIds)
}

test('an identity keeps its group for ever, and no group is given twice', () => {
  fc.assert(fc.property(history, fc.uniqueArray(workload), (steps, more) => {
    const before = grown(steps)
    const table = assignGroups(before, platformOf({ workloads: more, paths: [] }))
    for (const [identity, group] of before.groups) assert.equal(table.groups.get(identity), group)
    assert.equal(new Set(table.groups.values()).size, table.groups.size)
    for (const id of more) for (const phase of ['running', 'staging', 'task'] as const) assert.ok((table.groups.get(`${id}@${phase}`) ?? 0) >= firstIdentityGroup)
  }))
})

test('a table is the same after it was written and read', () => {
  fc.assert(fc.property(history, fc.array(fc.string()), (steps, names) => {
    const table = assignClasses(assignPaths(grown(steps), names.map((name) => pathKey([name]))), names)
    const read = parseIds(formatIds(table))
    assert.deepEqual(new Map([...read.groups].sort()), new Map([...table.groups].sort()))
    assert.deepEqual([read.nextGroup, read.nextPath, read.nextClass], [table.nextGroup, table.nextPath, table.nextClass])
    assert.equal(formatIds(read), formatIds(table))
  }))
})

test('a path id stands for a set of documents, in whatever order they are named', () => {
  const table = assignPaths(noIds, [pathKey(['B', 'A']), pathKey(['A', 'B', 'A']), pathKey(['C'])])
  assert.equal(table.paths.size, 2)
  assert.deepEqual(documentsOf(table, table.paths.get(pathKey(['A', 'B'])) ?? 0), ['A', 'B'])
  assert.deepEqual(documentsOf(table, 99), [])
})

test('nothing new gives the same table', () => {
  const table = grown([['a/x']])
  assert.equal(assignGroups(table, platformOf({ workloads: ['a/x'], paths: [] })), table)
})

test('a damaged table is refused, never repaired by guessing', () => {
  const good = JSON.parse(formatIds(grown([['a/x', 'a/y']]))) as Record<string, unknown>
  const groups = good['groups'] as Record<string, number>
  const damaged = [
    'not json', '[', 'null', '{}',
    JSON.stringify({ ...good, groups: { ...groups, 'a/y@task': groups['a/x@task'] } }),
    JSON.stringify({ ...good, groups: { ...groups, 'a/y@task': 2 } }),
    JSON.stringify({ ...good, groups: { ...groups, 'a/y@task': '17' } }),
    JSON.stringify({ ...good, nextGroup: 17 }),
    JSON.stringify({ ...good, nextPath: undefined }),
  ]
  for (const text of damaged) assert.throws(() => parseIds(text), (error) => isFault(error) && error.code === 'state-unreadable', text)
})
