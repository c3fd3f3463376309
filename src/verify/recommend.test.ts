/** Recommended policies, read back by the loader in place of those that were there, against the reference. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { recommend } from '../analysis/recommend.ts'
import { recommendedFiles } from '../analysis/recommend-text.ts'
import { compile } from '../intent/compile.ts'
import { loadPlatform } from '../model/load.ts'
import { referenceDecide } from './reference.ts'
import { documentSets } from './testing/arbitrary-set.ts'
import { flowsFrom, flowTapes } from './testing/arbitrary-flow.ts'
import { filesOf } from './testing/documents.ts'
import { formatFlow } from './testing/flow-text.ts'
import { platformOf } from './testing/load.ts'
import { documentsOf } from './testing/two-sets.ts'
import type { SeenFlow } from '../analysis/seen.ts'
import type { Flow } from '../model/platform.ts'

const policyKinds: ReadonlySet<string> = new Set(['ServicePolicy', 'EgressPolicy', 'IngressPolicy', 'FederationPolicy'])

test('recommended policies allow every flow that was seen, and between workloads nothing that was not', () => {
  const seen = { flows: 0, documents: 0, refused: 0 }
  const property = fc.property(documentSets(), flowTapes(60), flowTapes(60), (set, tape, other) => {
    const platform = platformOf(set)
    if (platform === undefined) return
    const flows = flowsFrom(platform, tape, 60).filter((flow) => referenceDecide(platform, flow, set.now) === 'allow').flatMap((flow) => seenFlow(flow, set.now, platform.workloads))
    const found = recommend(platform, compile(platform).intent, flows)
    assert.deepEqual(found.left, [])
    const topology = filesOf(documentsOf(set).filter(({ kind }) => !policyKinds.has(kind)))
    const files = Array.from(recommendedFiles(found), ([name, text]) => ({ path: `recommended/${name}`, absolute: `/documents/recommended/${name}`, text }))
    const loaded = loadPlatform([...topology, ...files], { now: set.now }).platform
    assert.ok(loaded !== undefined, files.map(({ text }) => text).join('---\n'))
    seen.documents += found.documents.length
    for (const { source, destination, protocol, port, phase } of flows) {
      seen.flows++
      const flow: Flow = { source, destination, protocol, port, phase }
      assert.equal(referenceDecide(loaded, flow, set.now), 'allow', formatFlow(flow))
    }
    const were = new Set(flows.map(keyOf))
    for (const flow of [...flowsFrom(loaded, other, 60), ...flowsFrom(platform, other, 60)]) {
      if (flow.source.kind !== 'workload' || flow.destination.kind !== 'workload' || referenceDecide(loaded, flow, set.now) === 'deny') continue
      // What a group opens among its members is not a policy and stays.
      if (!were.has(keyOf(flow))) assert.equal(referenceDecide({ ...loaded, groups: new Map() }, flow, set.now), 'deny', formatFlow(flow))
      seen.refused++
    }
  })
  fc.assert(property, { numRuns: 150, endOnFailure: true })
  assert.ok(seen.flows > 300 && seen.documents > 150 && seen.refused > 100, JSON.stringify(seen))
})

/** What a recorder can see: workloads and addresses. A published address is recorded as the workload behind it, so it is left out here. */
function seenFlow(flow: Flow, at: number, workloads: ReadonlyMap<string, { readonly phase: SeenFlow['phase'] }>): readonly SeenFlow[] {
  const { source, destination, protocol, port } = flow
  if (source.kind !== 'workload' || (destination.kind !== 'workload' && destination.kind !== 'address')) return []
  const phase = flow.phase ?? workloads.get(source.workload)?.phase
  return [{ source, destination, protocol, port, phase, first: at, last: at, times: 1, verdict: 'allow', policies: [] }]
}

function keyOf({ source, destination, protocol, port }: Pick<Flow, 'source' | 'destination' | 'protocol' | 'port'>): string {
  return JSON.stringify([source, destination, protocol, port], (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}
