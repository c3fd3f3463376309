/** Explanations against the reference, and what they propose against the loader: the text is read back with the set and tried. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasErrors } from '../base/diagnostic.ts'
import { explain } from '../analysis/explain.ts'
import { propose } from '../analysis/proposal.ts'
import { compile } from '../intent/compile.ts'
import { loadPlatform } from '../model/load.ts'
import { referenceDecide } from './reference.ts'
import { documentSets } from './testing/arbitrary-set.ts'
import { flowsFrom, flowTapes } from './testing/arbitrary-flow.ts'
import { changeHolds } from './testing/change-holds.ts'
import { filesOf } from './testing/documents.ts'
import { formatFlow } from './testing/flow-text.ts'
import { platformOf } from './testing/load.ts'
import { documentsOf } from './testing/two-sets.ts'
import type { Proposed } from '../analysis/proposal.ts'
import type { Flow, Platform } from '../model/platform.ts'
import type { Document } from './testing/documents.ts'
import type { DocumentSet } from './testing/arbitrary-set.ts'

const flowsEach = 12

test('explain gives the verdict of the reference, and a flow passes exactly when every boundary on its way lets it', () => {
  const seen = { allow: 0, deny: 0, several: 0 }
  const property = fc.property(documentSets(), flowTapes(40), (set, tape) => {
    const platform = platformOf(set)
    if (platform === undefined) return
    const { intent } = compile(platform)
    for (const flow of flowsFrom(platform, tape, 40)) {
      const verdict = referenceDecide(platform, flow, set.now)
      const answer = explain(platform, intent, flow, set.now)
      assert.equal(answer.verdict, verdict, formatFlow(flow))
      seen[verdict]++
      if (answer.boundaries.length === 0) assert.equal(verdict, 'deny')
      if (answer.boundaries.length > 1) seen.several++
      const sound = flow.protocol === 'icmp' ? flow.port === undefined : flow.port !== undefined && flow.port >= 1 && flow.port <= 65_535
      if (sound && answer.boundaries.length > 0) assert.equal(answer.boundaries.every((b) => b.verdict !== 'deny') ? 'allow' : 'deny', verdict, formatFlow(flow))
    }
  })
  fc.assert(property, { numRuns: 150, endOnFailure: true })
  assert.ok(seen.allow > 300 && seen.deny > 300 && seen.several > 100, JSON.stringify(seen))
})

test('what would open a refused flow, pasted into the set, opens it; without any part of it the flow stays closed', () => {
  const seen = { possible: 0, impossible: 0, edits: 0, several: 0, externals: 0 }
  const property = fc.property(documentSets(), flowTapes(flowsEach), (set, tape) => {
    const platform = platformOf(set)
    if (platform === undefined) return
    const { intent, diagnostics } = compile(platform)
    if (hasErrors(diagnostics)) return
    for (const flow of flowsFrom(platform, tape, flowsEach)) {
      if (referenceDecide(platform, flow, set.now) === 'allow') continue
      const proposed = propose(platform, intent, flow, undefined, set.now)
      seen[proposed.kind]++
      if (proposed.kind === 'impossible') continue
      const text = `${formatFlow(flow)}\n${proposed.documents.map(({ yaml }) => yaml).join('---\n')}`
      const opened = reload(set, proposed)
      assert.equal(referenceDecide(opened, flow, set.now), 'allow', text)
      if (proposed.edits.length > 0) seen.edits++
      if (proposed.documents.length > 1) seen.several++
      if (proposed.documents.some(({ owner }) => owner === undefined)) seen.externals++
      for (const left of proposed.documents) {
        // Without its External a policy would not even load.
        if (left.owner === undefined) continue
        const fewer = reload(set, { ...proposed, documents: proposed.documents.filter((one) => one !== left) })
        assert.equal(referenceDecide(fewer, flow, set.now), 'deny', text)
      }
      for (const other of flowsFrom(opened, tape, flowsEach)) {
        if (other.source.kind === 'external' || other.destination.kind === 'external') continue
        const opens = referenceDecide(platform, other, set.now) === 'deny' && referenceDecide(opened, other, set.now) === 'allow'
        if (opens) assert.ok(proposed.opens.some((change) => changeHolds(change, other, platform, opened)), `${formatFlow(other)} is told of\n${text}`)
      }
    }
  })
  fc.assert(property, { numRuns: 60, endOnFailure: true })
  assert.ok(seen.possible > 60 && seen.impossible > 30 && seen.edits > 0 && seen.several > 5 && seen.externals > 2, JSON.stringify(seen))
})

/** The set with the proposed text in files of its own and the proposed exceptions in its Groups; it must load. */
function reload(set: DocumentSet, proposed: Extract<Proposed, { readonly kind: 'possible' }>): Platform {
  const documents = documentsOf(set).map((document) => withExceptions(document, proposed))
  const added = proposed.documents.map(({ yaml }, i) => ({ path: `added-${i}.yaml`, absolute: `/documents/added-${i}.yaml`, text: yaml }))
  const loaded = loadPlatform([...filesOf(documents), ...added], { now: set.now })
  assert.ok(loaded.platform !== undefined, JSON.stringify(loaded.diagnostics.filter((d) => d.severity === 'error').map((d) => d.message)))
  assert.ok(!hasErrors(compile(loaded.platform).diagnostics), JSON.stringify(compile(loaded.platform).diagnostics.map((d) => d.message)))
  return loaded.platform
}

function withExceptions(document: Document, { edits }: Extract<Proposed, { readonly kind: 'possible' }>): Document {
  const mine = edits.filter(({ enclave, group }) => document.kind === 'Group' && document.metadata.enclave === enclave && document.metadata.name === group)
  if (mine.length === 0) return document
  const exceptions = [...((document.spec['exceptions'] ?? []) as readonly unknown[]), ...mine.map(({ exception }) => exception)]
  return { ...document, spec: { ...document.spec, exceptions } }
}

/** The reference knows no requests, so these are told by their own rule: a policy without `http` takes all of them. */
test('a request is allowed by the paths whose `http` takes it, and by those that look at none', () => {
  const lines = [
    '{"apiVersion":"bulkhead.dev/v1","kind":"Enclave","metadata":{"name":"a"}}',
    '{"apiVersion":"bulkhead.dev/v1","kind":"Workload","metadata":{"name":"x","enclave":"a"}}',
    '{"apiVersion":"bulkhead.dev/v1","kind":"External","metadata":{"name":"pypi"},"spec":{"domains":["pypi.org"]}}',
    '{"apiVersion":"bulkhead.dev/v1","kind":"EgressPolicy","metadata":{"name":"p","enclave":"a"},"spec":{"source":"x","destination":"external:pypi","protocol":"tcp","port":443,"http":{"methods":["GET"],"paths":["/simple/*"]}}}',
  ]
  const { platform } = loadPlatform([{ path: 'a.yaml', absolute: '/a.yaml', text: lines.join('\n---\n') }], { now: 0 })
  assert.ok(platform !== undefined)
  const { intent } = compile(platform)
  const flow: Flow = { source: { kind: 'workload', workload: 'a/x' }, destination: { kind: 'name', name: 'pypi.org' }, protocol: 'tcp', port: 443, phase: undefined }
  const ask = (method: string, path: string): string => explain(platform, intent, flow, 0, { method, path }).verdict
  assert.equal(ask('GET', '/simple/six/'), 'allow')
  assert.equal(ask('GET', '/pypi'), 'deny')
  assert.equal(ask('POST', '/simple/six/'), 'deny')
  const proposed = propose(platform, intent, flow, { method: 'POST', path: '/legacy/' }, 0)
  assert.ok(proposed.kind === 'possible')
  assert.deepEqual(proposed.documents.map(({ document }) => (document['spec'] as Record<string, unknown>)['http']), [{ methods: ['POST'], paths: ['/legacy/'] }])
})
