/** A log of changes that is not what was written: nothing is changed until a person has looked. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { dial, echo, eventually, lab, policy, withInstance } from './lib/instance.ts'
import type { ChangeEntry } from '../../src/audit/chain.ts'

const server = { script: echo(7000), ports: '[7000]' }
const open = lab({ client: {}, server }, policy('client', 'server', 7000))
const closed = lab({ client: {}, server })

test('with a line of the change log edited nothing is changed, until a person begins another log', () => withInstance(async (i) => {
  const file = join(i.state, 'default', 'changes.jsonl')
  const log = async (): Promise<{ entries: ChangeEntry[]; problem: unknown }> => JSON.parse((await i.bulkhead('audit', '--log', '--json')).stdout) as never
  const grant = 'lab/client -> lab/server tcp/7000 by ServicePolicy lab/client-to-server-tcp-7000'
  await i.up(closed, '--reason', 'CHG-7')
  const address = (await i.status()).workloads.find((w) => w.workload === 'lab/server')?.ipv4 ?? ''
  const whole = readFileSync(file, 'utf8')
  writeFileSync(file, whole.replace('CHG-7', 'CHG-6'))
  i.write(open)
  const refused = await i.bulkhead('apply', i.directory)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /change-log-broken/)
  assert.notEqual((await i.exec('client', ...dial(address, 7000))).stdout.trim(), 'open', 'nothing was opened')
  assert.match((await i.status()).changeLog.problem ?? '', /line 1/)
  assert.equal((await i.bulkhead('status')).code, 1)
  assert.equal((await i.bulkhead('audit', '--log')).code, 1)

  assert.equal((await i.bulkhead('audit', '--log', '--begin-anew', '--reason', 'looked at by Ada')).code, 0)
  assert.equal((await i.bulkhead('apply', i.directory)).code, 0)
  await eventually(async () => assert.equal((await i.exec('client', ...dial(address, 7000))).stdout.trim(), 'open'))
  await i.killAgent()
  assert.equal((await i.bulkhead('down', '--reason', 'weekend')).code, 0)
  const after = await log()
  assert.deepEqual(after.entries.map((e) => e.kind), ['begin', 'apply', 'down'])
  assert.deepEqual([after.problem, after.entries[1]?.opened, after.entries[2]?.reason], [null, [grant], 'weekend'])
}))
