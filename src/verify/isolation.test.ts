/** What is said of the separation of two parties, over random sets and machines, against the reference evaluator. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { strengths } from '../analysis/isolation/finding.ts'
import { isolation } from '../analysis/isolation/isolation.ts'
import { party, partyKinds } from '../analysis/isolation/party.ts'
import { compile } from '../intent/compile.ts'
import { referenceDecide } from './reference.ts'
import { documentSets } from './testing/arbitrary-set.ts'
import { flowsFrom, flowTapes } from './testing/arbitrary-flow.ts'
import { formatFlow } from './testing/flow-text.ts'
import { platformOf } from './testing/load.ts'
import type { Sharing } from '../analysis/isolation/finding.ts'
import type { Isolation } from '../analysis/isolation/isolation.ts'
import type { LiveFacts } from '../analysis/isolation/live.ts'
import type { Party } from '../analysis/isolation/party.ts'
import type { Platform, WorkloadId } from '../model/platform.ts'

const flowsEach = 30

/** Every enclave, environment, stack and peer, and a few workloads. */
function partiesOf(platform: Platform): readonly Party[] {
  const names = { workload: [...platform.workloads.keys()].slice(0, 4), enclave: platform.enclaves.keys(), environment: platform.environments.keys(), stack: platform.stacks.keys(), platform: [platform.name], peer: platform.peers.keys() }
  return partyKinds.flatMap((kind) => [...names[kind]].map((name) => party(platform, kind, name)))
}

function pairsOf(platform: Platform, limit: number): readonly (readonly [Party, Party])[] {
  const parties = partiesOf(platform)
  return parties.flatMap((a, i) => parties.slice(i + 1).map((b) => [a, b] as const)).slice(0, limit)
}

const kernel: ReadonlySet<string> = new Set(['enclave', 'container', 'identity', 'policy'])

const rank = (answer: Isolation, place: number): number => strengths.indexOf(answer.layers[place]?.strength ?? 'none')

test('separation is symmetric, and no layer is stronger than what was found on the machine', () => {
  const seen = { pairs: 0, contradicted: 0, crowded: 0 }
  const facts = fc.record({ enforced: fc.boolean(), mismatches: fc.option(fc.nat(2)), sandbox: fc.boolean(), tried: fc.integer({ min: 1, max: 4 }), share: fc.integer({ min: 1, max: 4 }) })
  fc.assert(
    fc.property(documentSets(), facts, (set, { enforced, mismatches, sandbox, tried, share }) => {
      const platform = platformOf(set)
      if (platform === undefined) return
      const { intent } = compile(platform)
      const here: ReadonlySet<WorkloadId> = new Set([...platform.workloads.keys()].filter((_, i) => i % share === 0))
      const live: LiveFacts = { enforced, why: undefined, verified: mismatches === null ? undefined : { at: 0, mismatches, pairs: { tried, of: 4 } }, sandbox, here }
      const good: LiveFacts = { ...live, enforced: true, verified: { at: 0, mismatches: 0, pairs: { tried: 4, of: 4 } } }
      const bad = !enforced || (mismatches ?? 0) > 0
      for (const [a, b] of pairsOf(platform, 12)) {
        seen.pairs++
        const [documents, machine, well] = [undefined, live, good].map((facts) => isolation(platform, intent, [a, b], { now: set.now, ...(facts === undefined ? {} : { live: facts }) })) as [Isolation, Isolation, Isolation]
        assert.deepEqual(isolation(platform, intent, [b, a], { now: set.now, live }), machine)
        const [ours, theirs] = machine.between.map(({ workloads }) => workloads.some((w) => here.has(w.id)))
        for (const [place, finding] of machine.layers.entries()) {
          assert.ok(rank(machine, place) <= rank(documents, place), `${finding.layer}: the machine adds nothing to what the documents promise`)
          assert.ok(rank(machine, place) <= rank(well, place), `${finding.layer}: nor do bad news`)
          if (finding.sharing !== 'separate' && finding.sharing !== 'partly') assert.equal(finding.strength, 'none', finding.layer)
          if (finding.strength === 'none') assert.equal(finding.enforcedBy, undefined, finding.layer)
          if (bad && ours === true && theirs === true && kernel.has(finding.layer)) {
            seen.contradicted++
            assert.equal(finding.strength, 'none', finding.layer)
          }
          if (ours === true && theirs === true && finding.layer === 'host') {
            seen.crowded++
            assert.notEqual(finding.sharing, 'separate')
          }
        }
      }
    }),
    { numRuns: 120 },
  )
  assert.ok(seen.pairs > 300 && seen.contradicted > 100 && seen.crowded > 100, JSON.stringify(seen))
})

test('no two parties are called separate by policy when a flow between them is allowed', () => {
  const seen = { joined: 0, separate: 0 }
  fc.assert(
    fc.property(documentSets(), flowTapes(flowsEach), (set, tape) => {
      const platform = platformOf(set)
      if (platform === undefined) return
      const { intent } = compile(platform)
      for (const flow of flowsFrom(platform, tape, flowsEach)) {
        const { source, destination } = flow
        if (source.kind !== 'workload' || destination.kind !== 'workload' || source.workload === destination.workload) continue
        const [a, b] = [source, destination].map(({ workload }) => party(platform, 'workload', workload)) as [Party, Party]
        const sharing: Sharing | undefined = isolation(platform, intent, [a, b], { now: set.now }).layers.at(-1)?.sharing
        const allowed = referenceDecide(platform, flow, set.now) === 'allow'
        if (allowed) assert.equal(sharing, 'partly', formatFlow(flow))
        seen[sharing === 'separate' ? 'separate' : 'joined']++
      }
    }),
    { numRuns: 80 },
  )
  assert.ok(seen.joined > 50 && seen.separate > 50, JSON.stringify(seen))
})
