import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { place, platformOf, service, workload } from '../model/testing.ts'
import { keepUnchanged } from './keep.ts'
import { anyPlatform } from './testing.ts'
import type { Platform } from '../model/platform.ts'

test('a second reading of the same documents becomes the first one', () => {
  fc.assert(
    fc.property(anyPlatform, anyPlatform, (one, other) => {
      const again = structuredCloneOf(one)
      const kept = keepUnchanged(one, again)
      for (const field of Object.keys(one) as (keyof Platform)[]) if (!hasTwins(one[field])) assert.equal(kept[field], one[field], field)
      assert.deepEqual(kept, again)
      assert.deepEqual(keepUnchanged(other, one), one, 'whatever was there before, the result is the new reading')
    }),
    { numRuns: 200 },
  )
})

/** Objects of their own, all the way down. */
function structuredCloneOf(platform: Platform): Platform {
  return structuredClone(platform)
}

/** Random policies may share a name, which no loaded set has. */
function hasTwins(value: unknown): boolean {
  if (!Array.isArray(value)) return false
  const names = value.map((v: { enclave?: string; name?: string }) => `${v.enclave ?? ''} ${v.name ?? ''}`)
  return new Set(names).size < names.length
}

test('what has changed is the new object, and what has not is the old one', () => {
  const of = (port: number): Platform => platformOf({ workloads: [workload('a/x'), workload('a/y')], servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 1', { at: place(2) }), service('a/q', 'a/x', 'a/y', `tcp ${port}`, { at: place(3) })] })
  const [before, after] = [of(5), of(6)]
  const kept = keepUnchanged(before, after)
  assert.equal(kept.workloads, before.workloads)
  assert.equal(kept.servicePolicies[0], before.servicePolicies[0])
  assert.equal(kept.servicePolicies[1], after.servicePolicies[1])
  assert.equal(Object.isFrozen(kept.servicePolicies), true)
  assert.notEqual(keepUnchanged(before, { ...after, workloads: new Map([...after.workloads].slice(1)) }).workloads, before.workloads)
})
