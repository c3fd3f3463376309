import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grantLine } from '../host/grants.ts'
import { sealed } from './chain.ts'
import { auditWorkload } from './workload.ts'
import { workloadLines } from './workload-text.ts'
import { setOf, standing, verificationOf } from './testing.ts'
import { summaryOf } from './verification.ts'
import type { ChangeEvent } from '../host/journal.ts'
import type { AgentStatus } from '../host/report.ts'
import type { ChangeEntry } from './chain.ts'

const now = Date.parse('2026-11-22T12:00:00Z')
const set = setOf(`
apiVersion: bulkhead.dev/v1
kind: Enclave
metadata: {name: a}
spec: {}
---
apiVersion: bulkhead.dev/v1
kind: Workload
metadata: {name: api, enclave: a}
spec: {}
---
apiVersion: bulkhead.dev/v1
kind: Workload
metadata: {name: db, enclave: a}
spec: {ports: [5432]}
---
apiVersion: bulkhead.dev/v1
kind: ServicePolicy
metadata: {name: api-to-db, enclave: a}
spec: {source: api, destination: db, protocol: tcp, port: 5432}
---
apiVersion: bulkhead.dev/v1
kind: ServicePolicy
metadata: {name: old, enclave: a}
spec: {source: api, destination: db, protocol: udp, port: 53, expires: '2026-11-22T11:00:00Z'}
`, Date.parse('2026-11-22T10:00:00Z'))

function logOf(...events: readonly ChangeEvent[]): readonly ChangeEntry[] {
  const entries: ChangeEntry[] = []
  for (const event of events) entries.push(sealed(event, entries.at(-1), '2026-11-22T10:00:00.000Z'))
  return entries
}

const [tcp] = set.intent.paths.filter((p) => p.protocol === 'tcp').map(grantLine)
const up: ChangeEvent = { kind: 'up', actor: { uid: 1000, user: 'ada' }, reason: 'CHG-1, approved by grace', opened: [tcp ?? ''] }

test('a path is told with its document, the change that gave it and what was tried', () => {
  const audit = auditWorkload(standing(set, { entries: logOf(up), verification: verificationOf(set, [{ from: 'a/api@running', to: 'a/db@running', open: ['tcp/5432'] }]) }), 'a/db', undefined, now)
  const [path] = audit.paths.filter((p) => p.traffic === 'tcp 5432')
  assert.deepEqual(path?.policies.map((p) => `${p.kind} ${p.name} ${p.file}:${p.line}`), ['ServicePolicy a/api-to-db set.yaml:16'])
  assert.deepEqual([path?.direction, path?.since?.seq, path?.since?.reason, path?.probed], ['in', 1, 'CHG-1, approved by grace', { result: 'open', what: 'tcp/5432' }])
  assert.equal(audit.spiffeId, 'spiffe://bulkhead.internal/enclave/a/workload/db')
})

test('what does not run on this machine is not called well here', () => {
  const verification = verificationOf(set, [])
  const verify: ChangeEvent = { kind: 'verify', verification: summaryOf(verification) }
  const replica = (workload: string): AgentStatus['workloads'][number] => ({ workload, replica: 0, phase: 'running', interface: '', netns: '', ipv4: '', ipv6: '', task: undefined, failed: undefined })
  const agent: AgentStatus = {
    pid: 1, mode: 'host', since: '', documents: { directory: '', sha256: set.documents.sha256, files: 1 }, enforced: true, paths: 1, gateways: [], peers: [], problems: [], refused: [], drift: [], foreignTables: [], recorder: undefined,
    workloads: [replica('a/db')], changeLog: { lines: 1, head: undefined, problem: undefined },
  }
  const audit = (id: 'a/api' | 'a/db') => auditWorkload({ ...standing(set, { entries: logOf(up, verify), verification }), agent }, id, { allowed: [], refused: [], lost: 0 }, now)
  assert.deepEqual([audit('a/db').well, audit('a/db').unseen], [true, []])
  assert.deepEqual([audit('a/api').well, audit('a/api').unseen], [false, ['no replica of it runs on this machine']])
})

test('of a closed path that the log gives no beginning, none is told', () => {
  const lines = workloadLines(auditWorkload(standing(set, { entries: logOf(up) }), 'a/db', undefined, now), (_, text) => text, () => '')
  const after = (what: string): string => lines.slice(lines.findIndex((line) => line.includes(what))).join('\n')
  assert.match(after('open from a/api tcp 5432'), /since change 1, up/)
  assert.doesNotMatch(after('closed from a/api udp 53').split('tried')[0] ?? '', /since/)
})

test('what has expired is told as closed, and as not tried', () => {
  const audit = auditWorkload(standing(set, {}), 'a/db', undefined, now)
  const [path] = audit.paths.filter((p) => p.traffic === 'udp 53')
  assert.deepEqual([path?.closed, path?.probed.result, path?.since], ['it has expired', 'not tried', undefined])
})

test('a path that was closed and opened again is as old as the second time', () => {
  const audit = auditWorkload(standing(set, { entries: logOf(up, { kind: 'revoke', closed: [tcp ?? ''] }, { ...up, kind: 'apply', reason: 'CHG-3' }) }), 'a/api', undefined, now)
  assert.deepEqual(audit.paths.filter((p) => p.traffic === 'tcp 5432').map((p) => [p.direction, p.since?.seq, p.since?.reason]), [['out', 3, 'CHG-3']])
})

test('a verification of other documents proves nothing of these, nor one that the log does not know', () => {
  const other = { ...verificationOf(set, []), documents: { directory: '/x', sha256: 'other' } }
  const audit = auditWorkload(standing(set, { verification: other }), 'a/db', undefined, now)
  assert.equal(audit.verification, undefined)
  assert.ok(audit.paths.every((p) => p.probed.result === 'not tried'))
  assert.equal(audit.well, false)
})

test('a mismatch on the path is told, and nothing is well then', () => {
  const mismatch = { id: 1, from: 'a/api@running', to: 'a/db@running', protocol: 'tcp', family: 4, address: '10.0.0.1', port: 5432, expect: 'allow', outcome: 'refused', detail: '', likelyCause: '' } as const
  const audit = auditWorkload(standing(set, { verification: { ...verificationOf(set, []), mismatches: [mismatch], good: false } }), 'a/db', undefined, now)
  assert.deepEqual(audit.paths.find((p) => p.traffic === 'tcp 5432')?.probed, { result: 'not as it should be', what: 'tcp/5432 was refused' })
  assert.equal(audit.well, false)
})

test('text says what nobody could see, and drives no terminal', () => {
  const audit = auditWorkload(standing(set, { entries: logOf({ ...up, reason: 'evil \u001b[2J' }), unseen: ['no agent answers'] }), 'a/db', undefined, now)
  const text = workloadLines(audit, (_, t) => t, () => '').join('\n')
  assert.match(text, /not seen no agent answers/)
  assert.match(text, /not seen nothing was recorded/)
  assert.match(text, /not shown to be well/)
  assert.ok(!text.includes('\u001b'))
})
