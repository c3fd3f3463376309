import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sealed } from './chain.ts'
import { isolationOptions } from './live-facts.ts'
import { setOf, standing, verificationOf } from './testing.ts'
import { auditWorkload } from './workload.ts'
import { checkProfile } from './profiles/check.ts'
import { summaryOf } from './verification.ts'
import type { ChangeEvent } from '../host/journal.ts'
import type { AgentStatus } from '../host/report.ts'
import type { ChangeEntry } from './chain.ts'
import type { Standing } from './in-force.ts'
import type { Verification } from './verification.ts'

const now = Date.parse('2026-11-22T12:00:00Z')
const set = setOf(['Enclave\nmetadata: {name: a}\nspec: {}', 'Workload\nmetadata: {name: x, enclave: a}\nspec: {}', 'Workload\nmetadata: {name: y, enclave: a}\nspec: {ports: [80]}', 'ServicePolicy\nmetadata: {name: p, enclave: a}\nspec: {source: x, destination: y, protocol: tcp, port: 80}'].map((t) => `apiVersion: bulkhead.dev/v1\nkind: ${t}\n`), now)
const good = verificationOf(set, [{ from: 'a/x@running', to: 'a/y@running', open: ['tcp/80'] }])

const agent: AgentStatus = {
  pid: 1, mode: 'host', since: '', documents: { directory: '', sha256: set.documents.sha256, files: 4 }, enforced: true, paths: 1, gateways: [], peers: [], problems: [], refused: [], drift: [], foreignTables: [], recorder: undefined,
  workloads: ['a/x', 'a/y'].map((workload) => ({ workload, replica: 0, phase: 'running', interface: '', netns: '', ipv4: '', ipv6: '', task: undefined, failed: undefined })),
  changeLog: { lines: 1, head: undefined, problem: undefined },
}

/** Verified as said, and then something happened. */
function after(verification: Verification, ...events: readonly ChangeEvent[]): Standing {
  const entries: ChangeEntry[] = []
  // The clock steps back before each line: only the numbers tell what came later.
  for (const event of [{ kind: 'up' } as const, { kind: 'verify', verification: summaryOf(verification) } as const, ...events]) entries.push(sealed(event, entries.at(-1), new Date(now - entries.length * 60_000).toISOString()))
  return { ...standing(set, { entries, verification }), agent }
}

const change = (kind: ChangeEvent['kind'], more: Partial<ChangeEvent> = {}): ChangeEvent => ({ kind, ...more })

test('a verification counts until something comes that it has not tried, also when the documents are the same again and the clock has stepped back', () => {
  const verified = (...events: readonly ChangeEvent[]): boolean => isolationOptions(after(good, ...events), now).live?.verified !== undefined
  const same = { directory: '', sha256: set.documents.sha256, files: 4 }
  assert.equal(verified(), true)
  for (const still of [change('expired', { closed: ['g'] }), change('refused'), change('adopt'), change('apply', { documents: same })]) assert.equal(verified(still), true, still.kind)
  for (const over of [change('drift', { details: ['x'] }), change('up'), change('down'), change('failed'), change('apply', { opened: ['g'] }), change('revoke', { closed: ['g'] }), change('adopt', { opened: ['g'] }), change('apply', { documents: { ...same, sha256: 'f' } })]) {
    assert.equal(verified(over), false, over.kind)
  }
  assert.equal(verified(change('up'), change('verify', { verification: summaryOf(good) })), true, 'until it is verified again')
})

test('an older verification that is put in the place of a later one counts for nothing, and what the later one found wrong still counts', () => {
  const bad = { ...good, ended: '2026-11-22T11:00:00.000Z', good: false, deviations: [{ what: 'x' }] } as unknown as Verification
  const again = { ...good, ended: '2026-11-22T11:00:00.000Z' }
  const replaced = (later: Verification): Standing => after(good, change('verify', { verification: summaryOf(later) }))
  assert.equal(isolationOptions(replaced(bad), now).live?.verified?.mismatches, 1)
  assert.equal(isolationOptions(replaced(again), now).live?.verified, undefined)
  assert.equal(replaced(bad).verified?.changed?.kind, 'verify')
  assert.equal(auditWorkload(replaced(bad), 'a/x', { allowed: [], refused: [], lost: 0 }, now).well, false)
})

test('what a verification has found wrong counts until another one, also where it is a table that is wider and no attempt', () => {
  const wider = { ...good, good: false, reading: { verdict: 'wider', acceptable: false, differences: [] } } as unknown as Verification
  for (const events of [[], [change('drift')]]) assert.equal(isolationOptions(after(wider, ...events), now).live?.verified?.mismatches, 1)
})

test('without an agent, or with one that enforces other documents, nothing is claimed of the machine', () => {
  assert.deepEqual([isolationOptions({ ...after(good), agent: undefined }, now).live?.enforced, isolationOptions({ ...after(good), agent: { ...agent, documents: { directory: '', sha256: 'f', files: 1 } } }, now).live?.enforced], [false, false])
  assert.equal(isolationOptions({ ...after(good), at: undefined }, now).live, undefined)
})

test('an audit and a profile say that the verification is older than the last change', () => {
  const audit = (standing: Standing) => auditWorkload(standing, 'a/x', { allowed: [], refused: [], lost: 0 }, now)
  assert.deepEqual([audit(after(good)).well, audit(after(good)).paths[0]?.probed], [true, { result: 'open', what: 'tcp/80' }])
  const late = audit(after(good, change('drift')))
  assert.deepEqual([late.well, late.paths[0]?.probed], [false, { result: 'not tried', what: 'it was open before change 3, drift' }])
  const asked = (standing: Standing) => checkProfile({ name: 'p', about: 'x', controls: [{ id: '1', title: 't', source: 's', question: 'q', ask: 'verified-recently' }] }, standing, now).answers[0]
  assert.equal(asked(after(good))?.outcome, 'pass')
  assert.deepEqual([asked(after(good, change('up')))?.outcome, asked(after(good, change('up')))?.facts[0]?.what], ['fail', 'the last verification was before change 3, up'])
  assert.equal(asked({ ...after(good), agent: { ...agent, enforced: false } })?.outcome, 'fail')
  assert.match(asked(after({ ...good, pairs: { tried: 2, of: 9, seed: '1' } }))?.facts[0]?.what ?? '', /10 probes, between 2 of 9 pairs, 0 mismatches/)
})
