import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flowLine } from './flows-text.ts'
import type { VerdictRecord } from '../observe/verdict.ts'

const plain = (_: string, text: string): string => text
const at = { file: 'policies/db.yaml', line: 7, column: 3 }
const denied: VerdictRecord = {
  kind: 'verdict', time: '2026-11-21T19:27:34.744913Z', count: 1, verdict: 'deny', reason: 'policy', protocol: 'tcp', port: 5433,
  source: { address: '10.128.0.2', workload: 'lab/api', phase: 'running' }, destination: { address: '10.128.0.3', workload: 'lab/db', phase: 'running' },
  interfaces: { in: 'bh1', out: 'bh2' }, probe: false, nearest: { origin: [{ document: 'ServicePolicy lab/api-to-db', at }], why: 'its `port` is 5432, not 5433' },
}

test('a refusal is one line that ends with the nearest policy and where it stands', () => {
  assert.equal(
    flowLine(denied, plain),
    '2026-11-21T19:27:34.744913Z deny  lab/api -> lab/db tcp/5433 policy; nearest: ServicePolicy lab/api-to-db (policies/db.yaml:7:3), but its `port` is 5432, not 5433',
  )
})

test('a merged record says how many packets it stands for, a probe that it is one, a phase when it is not the usual one', () => {
  const line = flowLine({ ...denied, count: 12, probe: true, source: { ...denied.source, phase: 'task' } }, plain)
  assert.match(line, /lab\/api@task -> /)
  assert.match(line, /\(12 times\) \[probe\]$/)
})

test('a forged address is shown beside the one who used it', () => {
  const { nearest, ...rest } = denied
  assert.ok(nearest)
  assert.match(flowLine({ ...rest, reason: 'spoof', source: { ...denied.source, address: '10.0.0.9' } }, plain), /lab\/api \(as 10\.0\.0\.9\) -> .* spoof$/)
})

test('an allowed connection names its policies; one without any stands out', () => {
  const { nearest, ...rest } = denied
  assert.ok(nearest)
  const allowed: VerdictRecord = { ...rest, verdict: 'allow', event: 'new', policies: ['ServicePolicy lab/api-to-db'] }
  assert.match(flowLine(allowed, plain), /allow lab\/api -> lab\/db tcp\/5433 new by ServicePolicy lab\/api-to-db$/)
  const { policies, ...unaccounted } = allowed
  assert.ok(policies)
  assert.match(flowLine({ ...unaccounted, reason: 'unaccounted' }, plain), /unaccounted: no policy is known for it$/)
})

test('losses are lines of their own', () => {
  assert.match(flowLine({ kind: 'loss', time: denied.time, of: 'denied', lost: 3 }, plain), /lost {2}3 refused packets have no record$/)
})

test('whatever a record on disk holds, no control character reaches the terminal', () => {
  const evil = '\u001b[2Jx\u0007\r\n\u009b31m\u202e'
  const record = {
    ...denied, time: evil, reason: evil, protocol: evil, event: evil, explanation: evil, policies: [evil],
    source: { address: evil, workload: evil, phase: evil }, destination: { address: evil, externals: [evil] },
    nearest: { origin: [{ document: evil, at: { file: evil, line: 1, column: 1 } }], why: evil },
  } as unknown as VerdictRecord
  for (const variant of [record, { ...record, verdict: 'allow' } as VerdictRecord, { ...record, nearest: undefined } as unknown as VerdictRecord]) {
    assert.doesNotMatch(flowLine(variant, plain), /[\p{Cc}\p{Cf}]/u)
  }
})
