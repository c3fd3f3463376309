import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasErrors } from '../base/diagnostic.ts'
import { compile } from '../intent/compile.ts'
import { decide } from '../intent/decide.ts'
import { referenceDecide } from './reference.ts'
import { allowRules, denyRules } from './reference/rules.ts'
import { agreement } from './testing/agreement.ts'
import { platformOf } from './testing/load.ts'
import type { Flow, Platform } from '../model/platform.ts'
import type { Verdict } from './testing/agreement.ts'
import type { DocumentSet } from './testing/arbitrary-set.ts'

/** How many sets are drawn, and how many of them must be accepted for the property to have been tried often enough. */
const drawn = 1_500
const wanted = 1_000
const flowsEach = 100
/** Milliseconds spent on making a disagreement smaller. */
const shrinkFor = 20_000
/** Every rule must have decided this many of the 100,000 flows or more. */
const least = 20

test('the intent decides every flow as the reference does, and every rule had its say', () => {
  const seen = new Map<string, number>()
  const verdicts = { allow: 0, deny: 0 }
  const sets = { accepted: 0, notLoaded: 0, notCompiled: 0 }
  const witness = (rule: string): void => void seen.set(rule, (seen.get(rule) ?? 0) + 1)

  const property = agreement(flowsEach, (set) => {
    const platform = platformOf(set)
    if (platform === undefined) return void sets.notLoaded++
    const { intent, diagnostics } = compile(platform)
    if (hasErrors(diagnostics)) return void sets.notCompiled++
    sets.accepted++
    return {
      platform,
      one: (flow) => decide(platform, intent, flow, set.now).verdict,
      other: (flow) => {
        const verdict = referenceDecide(platform, flow, set.now, witness)
        verdicts[verdict]++
        return verdict
      },
    }
  })
  const found = fc.check(property, { numRuns: drawn, endOnFailure: true })
  if (found.failed) fc.assert(property, { seed: found.seed, path: found.counterexamplePath ?? '', interruptAfterTimeLimit: shrinkFor })

  assert.ok(sets.accepted >= wanted, `enough sets are accepted: ${JSON.stringify(sets)}`)
  assert.ok(sets.accepted * 2 >= drawn, `at least half of the sets are accepted: ${JSON.stringify(sets)}`)
  assert.ok(verdicts.allow * 10 >= verdicts.allow + verdicts.deny, `at least a tenth of the flows is allowed: ${JSON.stringify(verdicts)}`)
  const rare = [...allowRules, ...denyRules].map((rule) => ({ rule, times: seen.get(rule) ?? 0 })).filter(({ times }) => times < least)
  assert.deepEqual(rare, [], `every rule decides at least ${least} flows`)
})

/** Deciders with one mistake each: a property that lets one of them pass could not see that mistake in the intent either. */
const mistaken: Readonly<Record<string, (platform: Platform, flow: Flow, now: number) => Verdict>> = {
  'ignores expires': (platform, flow) => referenceDecide(platform, flow, Number.NEGATIVE_INFINITY),
  'lets a policy live one millisecond too long': (platform, flow, now) => referenceDecide(platform, flow, now - 1),
  'ignores the phase asked for': (platform, flow, now) => referenceDecide(platform, { ...flow, phase: undefined }, now),
  'takes every external for infrastructure': (platform, flow, now) =>
    referenceDecide({ ...platform, externals: mapValues(platform.externals, (external) => ({ ...external, infrastructure: true })) }, flow, now),
  'lets a wildcard hold the name itself': (platform, flow, now) =>
    referenceDecide(
      { ...platform, externals: mapValues(platform.externals, (external) => ({ ...external, domains: external.domains.flatMap((d) => [d, { ...d, below: false }]) })) },
      flow, now,
    ),
  'takes the consent of the group for enough': (platform, flow, now) =>
    referenceDecide({ ...platform, workloads: mapValues(platform.workloads, (workload) => ({ ...workload, groups: ['inner', 'outer'] })) }, flow, now),
  'forgets nested groups': (platform, flow, now) =>
    referenceDecide({ ...platform, groups: mapValues(platform.groups, (group) => ({ ...group, members: group.members.filter(({ kind }) => kind !== 'group') })) }, flow, now),
  'opens ranges one port too far': (platform, flow, now) =>
    referenceDecide(
      {
        ...platform,
        servicePolicies: platform.servicePolicies.map((policy) => ({
          ...policy,
          traffic: { ...policy.traffic, ports: policy.traffic.ports.map((item) => (item.kind === 'range' ? { ...item, to: item.to + 1 } : item)) },
        })),
      },
      flow, now,
    ),
  'opens a federation on its imports alone': (platform, flow, now) => {
    const exports = platform.federationPolicies.flatMap((policy) => policy.imports)
    const everywhere = [...platform.enclaves.keys()].map((enclave) => ({ ...emptyFederation, name: enclave, enclave, expires: undefined, exports }))
    return referenceDecide({ ...platform, federationPolicies: [...platform.federationPolicies, ...everywhere] }, flow, now)
  },
  'lets workloads reach published addresses': (platform, flow, now) =>
    referenceDecide(flow.source.kind === 'workload' ? { ...platform, ingressPolicies: [] } : platform, flow, now),
  'shows the addresses of workloads to externals': (platform, flow, now) =>
    referenceDecide({ ...platform, addresses: [] }, flow, now),
  'decides requests for bare addresses': (platform, flow, now) =>
    referenceDecide({ ...platform, egressPolicies: platform.egressPolicies.map((policy) => ({ ...policy, http: undefined })) }, flow, now),
  'selects a workload together with itself': (platform, flow, now) => {
    const servicePolicies = platform.servicePolicies.map((policy) => ({
      ...policy,
      source: policy.source.flatMap((ref) => [ref, ...(ref.kind === 'enclave' ? everyWorkload(platform, ref.enclave) : [])]),
      destination: policy.destination.flatMap((ref) => [ref, ...(ref.kind === 'enclave' ? everyWorkload(platform, ref.enclave) : [])]),
    }))
    return referenceDecide({ ...platform, servicePolicies }, flow, now)
  },
}

const emptyFederation = { kind: 'FederationPolicy', imports: [], encryption: undefined, at: { file: 'mistake.yaml', line: 1, column: 1 } } as const

function everyWorkload(platform: Platform, enclave: string) {
  return [...platform.workloads.values()].filter((w) => w.enclave === enclave).map(({ id, at }) => ({ kind: 'workload', workload: id, at }) as const)
}

function mapValues<K, V>(map: ReadonlyMap<K, V>, change: (value: V) => V): ReadonlyMap<K, V> {
  return new Map(Array.from(map, ([key, value]) => [key, change(value)]))
}

for (const [mistake, decideWrongly] of Object.entries(mistaken)) {
  test(`a decider that ${mistake} is found out`, () => {
    const found = fc.check(agreement(flowsEach, (set) => facing(set, decideWrongly)), { numRuns: 300, endOnFailure: true })
    assert.ok(found.failed, 'some flow of some platform tells the two apart')
  })
}

function facing(set: DocumentSet, decideWrongly: (platform: Platform, flow: Flow, now: number) => Verdict) {
  const platform = platformOf(set)
  if (platform === undefined) return undefined
  return {
    platform,
    one: (flow: Flow) => decideWrongly(platform, flow, set.now),
    other: (flow: Flow) => referenceDecide(platform, flow, set.now),
  }
}
