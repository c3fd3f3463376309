import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { group, place, platformOf, service, workload } from '../model/testing.ts'
import { compile } from './compile.ts'
import { recompile } from './recompile.ts'
import { anyEgress, anyIngress, anyPlatform, anyService } from './testing.ts'
import type { Platform } from '../model/platform.ts'

/** The same objects with some taken out, and others put in at some place. */
function edited<T>(list: readonly T[], more: readonly T[], keep: readonly boolean[], at: number): readonly T[] {
  return list.filter((_, i) => keep[i] !== false).toSpliced(at % (list.length + 1), 0, ...more)
}

/** Above the line that halves and groups are written at. */
let line = 1

/** In a real set every document has a place of its own. */
function placed<T extends { readonly at: ReturnType<typeof place> }>(list: readonly T[]): readonly T[] {
  return list.map((policy) => ({ ...policy, at: place(++line) }))
}

const anywhere = anyPlatform.map((p): Platform => ({
  ...p, servicePolicies: placed(p.servicePolicies), egressPolicies: placed(p.egressPolicies), ingressPolicies: placed(p.ingressPolicies), federationPolicies: placed(p.federationPolicies),
}))

test('whatever policies come and go, the result is that of compiling anew', () => {
  fc.assert(
    fc.property(
      anywhere, fc.array(anyService, { maxLength: 3 }).map(placed), fc.array(anyEgress, { maxLength: 2 }).map(placed), fc.array(anyIngress, { maxLength: 2 }).map(placed), fc.array(fc.boolean(), { maxLength: 6 }), fc.nat(9),
      (before, services, egresses, ingresses, keep, at) => {
        const after: Platform = {
          ...before,
          servicePolicies: edited(before.servicePolicies, services, keep, at),
          egressPolicies: egresses.length === 0 ? before.egressPolicies : edited(before.egressPolicies, egresses, keep, at),
          ingressPolicies: edited(before.ingressPolicies, ingresses, keep, at),
        }
        const first = compile(before)
        const changed = recompile(before, first, after)
        assert.ok(changed)
        const { intent, diagnostics } = compile(after)
        assert.deepEqual(changed.intent, intent)
        assert.deepEqual(changed.diagnostics, diagnostics)
        assert.equal(changed.intent.paths.length, first.intent.paths.length - changed.closed.length + changed.opened.length)
        // And back again.
        assert.deepEqual(recompile(after, changed, before)?.intent, first.intent)
      },
    ),
    { numRuns: 500 },
  )
})

const workloads = [workload('a/x', { groups: ['g'] }), workload('a/y'), workload('a/z')]

test('a policy that is only written elsewhere closes and opens the same path', () => {
  const before = platformOf({ workloads, servicePolicies: [service('a/p', 'a/y', 'a/z', 'tcp 1', { at: place(3) })] })
  const after = { ...before, servicePolicies: [service('a/p', 'a/y', 'a/z', 'tcp 1', { at: place(4) })] }
  const changed = recompile(before, compile(before), after)
  assert.deepEqual([changed?.opened.length, changed?.closed.length, changed?.intent.paths[0]?.origin[0]?.at.line], [1, 1, 4])
})

test('a problem goes with its policy and comes with it', () => {
  const bad = service('a/p', 'a/y', 'a/x', 'tcp 1', { at: place(3) })
  const before = platformOf({ workloads, groups: [group('a/g', ['a/x'])], servicePolicies: [bad] })
  const without = { ...before, servicePolicies: [] }
  const compiled = compile(before)
  assert.equal(compiled.diagnostics.length, 1)
  const good = recompile(before, compiled, without)
  assert.deepEqual(good?.diagnostics, [])
  assert.deepEqual(good === undefined ? undefined : recompile(without, good, before)?.diagnostics, compiled.diagnostics)
})

test('when more than policies has changed, everything is compiled', () => {
  const before = platformOf({ workloads, servicePolicies: [] })
  const compiled = compile(before)
  for (const field of ['workloads', 'groups', 'externals', 'segments'] as const) assert.equal(recompile(before, compiled, { ...before, [field]: new Map<string, never>(before[field] as ReadonlyMap<string, never>) }), undefined, field)
  assert.equal(recompile(before, compiled, { ...before, federationPolicies: [] as Platform['federationPolicies'] }), undefined)
})
