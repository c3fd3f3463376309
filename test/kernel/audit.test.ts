/** Every change is written down before it is made, and one command tells all of it. */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { dial, echo, eventually, lab, policy, withInstance } from './lib/instance.ts'
import type { ChangeEntry } from '../../src/audit/chain.ts'
import type { WorkloadAudit } from '../../src/audit/workload.ts'

const server = { script: echo(7000), ports: '[7000]' }
const open = lab({ client: {}, server }, policy('client', 'server', 7000))
const closed = lab({ client: {}, server })

test('changes are written down with their reason, `audit` tells who may talk, since when and as tried, and all of it can be signed', () => withInstance(async (i) => {
  const log = async (): Promise<{ entries: ChangeEntry[]; problem: unknown }> => JSON.parse((await i.bulkhead('audit', '--log', '--json')).stdout) as never
  const audit = async (): Promise<WorkloadAudit> => JSON.parse((await i.bulkhead('audit', 'server', '--json')).stdout) as never
  const grant = 'lab/client -> lab/server tcp/7000 by ServicePolicy lab/client-to-server-tcp-7000'

  await i.up(open, '--reason', 'CHG-7, approved by Grace')
  assert.equal(statSync(join(i.state, 'default', 'changes.jsonl')).mode & 0o777, 0o600)
  const address = (await i.status()).workloads.find((w) => w.workload === 'lab/server')?.ipv4 ?? ''
  await eventually(async () => assert.equal((await i.exec('client', ...dial(address, 7000))).stdout.trim(), 'open'))
  await i.exec('client', ...dial(address, 7001))
  assert.equal((await i.verify()).good, true)

  await eventually(async () => {
    const seen = await audit()
    assert.deepEqual(seen.recent?.refused.map((r) => [r.source.workload, r.port]).slice(0, 1), [['lab/client', 7001]])
    assert.ok(seen.recent.allowed.some((r) => r.port === 7000))
  })
  const seen = await audit()
  assert.equal(seen.well, true, JSON.stringify(seen.unseen))
  assert.equal(seen.spiffeId, 'spiffe://bulkhead.internal/enclave/lab/workload/server')
  const [path, ...more] = seen.paths
  assert.deepEqual(more, [])
  assert.deepEqual([path?.direction, path?.source, path?.traffic, path?.probed.result, path?.since?.reason], ['in', 'lab/client', 'tcp 7000', 'open', 'CHG-7, approved by Grace'])

  const [evidence, key] = [join(i.state, 'evidence.json'), join(i.state, 'key')]
  assert.equal((await i.bulkhead('evidence', 'key', '--key', key)).code, 0)
  assert.equal((await i.bulkhead('evidence', '--out', evidence, '--key', key, '--profile', 'satre')).code, 0)
  const checked = await i.bulkhead('evidence', 'verify', evidence, '--key', `${key}.pub`)
  assert.equal(checked.code, 0, checked.stderr)
  assert.doesNotMatch(checked.stdout, /remark/, 'everything was seen, and agrees')

  i.write(closed.replace('kind: Workload', 'kind: Worklaod'))
  assert.notEqual((await i.bulkhead('apply', i.directory)).code, 0)
  i.write(closed)
  assert.equal((await i.bulkhead('apply', i.directory, '--reason', 'CHG-8')).code, 0)
  const { entries, problem } = await log()
  assert.equal(problem, null)
  assert.deepEqual(entries.map((e) => e.kind), ['up', 'verify', 'refused', 'revoke'])
  assert.deepEqual([entries[0]?.opened, entries[3]?.closed, entries[3]?.reason], [[grant], [grant], 'CHG-8'])
  assert.equal(entries[1]?.verification?.good, true)
  assert.match(entries[2]?.details?.join() ?? '', /unknown-kind/)
}))
