/** `bulkhead recommend`, from records to documents that load. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { command as check } from './check.ts'
import { command } from './recommend.ts'
import { folderOf, labWith, runCommand } from './testing.ts'
import type { VerdictRecord } from '../observe/verdict.ts'

const policies = '---\npolicy: {source: api, destination: db, protocol: tcp, port: any}\n---\npolicy: {source: web, destination: api, protocol: tcp, port: 8080}\n' +
  '---\napiVersion: bulkhead.dev/v1\nkind: External\nmetadata: {name: net}\nspec: {cidrs: [203.0.113.0/24]}\n' +
  '---\napiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: {name: out, enclave: lab}\nspec: {source: [api, web], destination: external:net, protocol: tcp, port: any}\n' +
  '---\napiVersion: bulkhead.dev/v1\nkind: External\nmetadata: {name: clients}\nspec: {cidrs: [192.0.2.0/24]}\n' +
  '---\napiVersion: bulkhead.dev/v1\nkind: IngressPolicy\nmetadata: {name: in, enclave: lab}\nspec: {source: external:clients, destination: web, protocol: tcp, port: 80, authentication: none, publish: {address: 198.51.100.1, port: 443}}\n'

function record(minute: number, source: string, destination: string, port: number, more: Partial<VerdictRecord> = {}): string {
  const end = (text: string): VerdictRecord['source'] => (/^[0-9.]+$/.test(text) ? { address: text } : { address: '10.128.0.9', workload: `lab/${text}`, phase: 'running', replica: 0 })
  const value: VerdictRecord = {
    kind: 'verdict', time: `2030-01-01T00:${String(minute).padStart(2, '0')}:00.000000Z`, count: 1, verdict: 'allow', event: 'new', reason: 'policy',
    source: end(source), destination: end(destination), protocol: 'tcp', port, sourcePort: 40_000 + minute, interfaces: { in: '', out: '' }, probe: false, ...more,
  }
  return `${JSON.stringify(value)}\n`
}

const folder = folderOf({
  'set/lab.yaml': labWith(policies),
  'topology/lab.yaml': labWith(''),
  'flows.jsonl':
    record(1, 'api', 'db', 5432) + record(2, 'api', 'db', 5432) + record(3, 'api', 'db', 5432, { event: 'end', sourcePort: 40_002 }) +
    record(4, 'api', '203.0.113.9', 443) + record(5, '192.0.2.4', 'web', 443, { policies: ['IngressPolicy lab/in'] }) +
    record(6, 'web', 'db', 5432, { verdict: 'deny' }) + record(7, 'web', 'db', 5432, { probe: true }) +
    '{"kind":"session","time":"2030-01-01T00:00:00Z","event":"started"}\nnonsense\n',
})
after(() => rmSync(folder, { recursive: true, force: true }))

test('what was used is recommended with the evidence as comments, and what nobody used is named', async () => {
  const { code, stdout, stderr } = await runCommand(folder, command, ['flows.jsonl', 'set'])
  assert.equal(code, 0)
  assert.match(stderr, /1 line is not a record and was left out/)
  assert.match(
    stdout,
    /^# --- lab\.yaml ---\n# seen 2 times from 2030-01-01T00:01:00\.000Z to 2030-01-01T00:03:00\.000Z\n# {3}2 x lab\/api -> lab\/db tcp 5432 in running\napiVersion: bulkhead\.dev\/v1\nkind: ServicePolicy\nmetadata:\n {2}name: api-to-db-tcp-5432\n/,
  )
  assert.match(stdout, /kind: EgressPolicy\nmetadata:\n {2}name: api-to-net-tcp-443\n {2}enclave: lab\nspec:\n {2}source: api\n {2}destination: external:net\n {2}protocol: tcp\n {2}port: 443\n {2}phases:\n {4}- running\n/)
  assert.match(stdout, /kind: IngressPolicy\nmetadata:\n {2}name: in\n/)
  assert.match(stdout, /\n# {3}ServicePolicy lab\/web-to-api-tcp-8080 \(lab\.yaml:23\): not used since 2030-01-01T00:01:00\.000Z, when the records begin\n/)
  assert.match(stdout, /\n# {3}ServicePolicy lab\/api-to-db-tcp-any \(lab\.yaml:21\): used 2 times, last 2030-01-01T00:03:00\.000Z\n/)
  assert.doesNotMatch(stdout, /web-to-db/)
})

test('what was refused is covered when that is asked for', async () => {
  const { stdout } = await runCommand(folder, command, ['flows.jsonl', 'set', '--denied'])
  assert.match(stdout, /seen 3 times from .*, some of them refused\n(#.*\n)+apiVersion: bulkhead\.dev\/v1\nkind: ServicePolicy\nmetadata:\n {2}name: 2-workloads-to-db-tcp-5432\n/)
})

test('machines get documents, evidence and uses', async () => {
  const answer = JSON.parse((await runCommand(folder, command, ['flows.jsonl', 'set', '--json'])).stdout) as { documents: unknown[]; uses: { name: string; times: number }[]; left: unknown[] }
  assert.equal(answer.documents.length, 3)
  assert.deepEqual(answer.uses.map(({ name, times }) => [name, times]), [['lab/web-to-api-tcp-8080', 0], ['lab/api-to-db-tcp-any', 2], ['lab/out', 1], ['lab/in', 1]])
})

test('files are written one for each enclave, load with the rest, and are never written over', async () => {
  assert.match((await runCommand(folder, command, ['flows.jsonl', 'set', '--out', 'topology/proposed'])).stdout, /^1 file written\n/)
  assert.match(readFileSync(join(folder, 'topology/proposed/lab.yaml'), 'utf8'), /^# seen /)
  await assert.rejects(runCommand(folder, command, ['flows.jsonl', 'set', '--out', 'topology/proposed']), /exists already/)
  mkdirSync(join(folder, 'linked'))
  symlinkSync(join(folder, 'nowhere.yaml'), join(folder, 'linked/lab.yaml'))
  await assert.rejects(runCommand(folder, command, ['flows.jsonl', 'set', '--out', 'linked']), /exists already/)
  const { stdout } = await runCommand(folder, check, ['topology'])
  assert.match(stdout, /no External `net`/)
})

test('records that are not there are told', async () => {
  await assert.rejects(runCommand(folder, command, ['nowhere.jsonl', 'set']), /`nowhere\.jsonl` cannot be read/)
})
