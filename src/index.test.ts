/** The library as another program uses it, by the package's name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { analyse, diffText, readEnd, widens } from 'bulkhead'
import * as library from './index.ts'
import type { Analysis } from 'bulkhead'

const scene = [
  'kind: Enclave\nmetadata: {name: lab}',
  'kind: Workload\nmetadata: {name: api, enclave: lab}',
  'kind: Workload\nmetadata: {name: db, enclave: lab}\nspec: {ports: [5432]}',
  'kind: Guardrail\nmetadata: {name: g}\nspec: {never: {source: lab/db, destination: lab/api}}',
].map((text) => `apiVersion: bulkhead.dev/v1\n${text}\n`).join('---\n')
const policy = (source: string, destination: string): string => `---\npolicy: {source: ${source}, destination: ${destination}, protocol: tcp, port: 5432}\n`

function analysed(text: string): Analysis {
  const { analysis, diagnostics } = analyse([{ path: 'lab.yaml', text }], { now: 0 })
  assert.ok(analysis !== undefined, JSON.stringify(diagnostics))
  return analysis
}

test('documents in, answers out', () => {
  const lab = analysed(scene + policy('api', 'db'))
  assert.deepEqual(lab.matrix(0).map((row) => [row.source, row.destination, row.ports]), [['lab/api', 'lab/db', '5432']])
  const [api, db] = ['api', 'db'].map((text) => {
    const read = readEnd(lab.platform, text)
    assert.ok(read.ok)
    return read.value
  })
  assert.ok(api !== undefined && db !== undefined)
  const asked = { source: db, destination: api, protocol: 'tcp', port: 5432, phase: undefined } as const
  assert.equal(lab.explain(asked, 0).verdict, 'deny')
  const proposed = lab.propose(asked, 0)
  assert.equal(proposed.kind === 'possible' && proposed.breaks.length, 1)
  assert.deepEqual(lab.reach([api], 'from', 0).reached.map(({ end }) => end), ['lab/db'])
  assert.ok(lab.prove().every(({ broken }) => broken === undefined))
  assert.deepEqual([lab.lint(0, 0).length, lab.test(0).length, lab.recommend([]).documents.length], [0, 0, 0])
  const changed = lab.diff(analysed(scene + policy('db', 'api')), 0)
  assert.ok(widens(changed))
  assert.match(diffText(changed), /^closed .*\nopened .*\n1 opened, 1 closed\n$/)
  assert.match(diffText(lab.whatIf({ remove: lab.platform.servicePolicies }, 0)), /^closed /)
})

test('the name of the package leads to the library', () => {
  assert.equal(analyse, library.analyse)
})

test('documents with an error give no analysis and all that is wrong', () => {
  const { analysis, diagnostics } = analyse([{ path: 'a.yaml', text: 'kind: Nonsense\n' }])
  assert.equal(analysis, undefined)
  assert.ok(diagnostics.some(({ code }) => code === 'unknown-kind'))
})

test('a guardrail that does not hold is an answer', () => {
  assert.deepEqual(analysed(scene + policy('db', 'api')).prove().map(({ broken }) => broken?.length), [1])
})
