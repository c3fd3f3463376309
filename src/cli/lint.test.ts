/** `bulkhead lint`, from files to exit status. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, test } from 'node:test'
import { command } from './lint.ts'
import { folderOf, labWith, runCommand, usageFault } from './testing.ts'

const policy = (source: string, destination: string, rest: string): string => `---\npolicy: {source: ${source}, destination: ${destination}, protocol: tcp, ${rest}}\n`
const half = '---\napiVersion: bulkhead.dev/v1\nkind: Enclave\nmetadata: {name: far}\n---\napiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: {name: w, enclave: far}\n---\n' +
  'apiVersion: bulkhead.dev/v1\nkind: FederationPolicy\nmetadata: {name: f, enclave: lab}\nspec: {imports: [{source: api, destination: far/w, protocol: icmp}]}\n'

const folder = folderOf({
  'good/lab.yaml': labWith(policy('api', 'db', 'port: 5432')),
  'wide/lab.yaml': labWith(policy('api', 'db', 'port: any')),
  'half/lab.yaml': labWith(half),
  'time/lab.yaml': labWith(policy('api', 'db', 'port: 5432, expires: 1970-01-11')),
})
after(() => rmSync(folder, { recursive: true, force: true }))

test('nothing to find is exit status 0', async () => {
  assert.deepEqual(await runCommand(folder, command, ['good']), { code: 0, stdout: 'no problems\n', stderr: '' })
})

test('findings name their place in each format, with exit status 1', async () => {
  const text = await runCommand(folder, command, ['wide'])
  assert.equal(text.code, 1)
  assert.match(text.stdout, /^wide\/lab\.yaml:21:1: warning: ServicePolicy `api-to-db-tcp-any` opens tcp 1-5431,5433-65535 of `lab\/db`, which declares tcp 5432 \[wider-than-declared\]\n {2}help: .*\n1 warning\n$/)
  assert.match((await runCommand(folder, command, ['wide', '--format', 'github'])).stdout, /^::warning file=wide\/lab\.yaml,line=21,col=1,title=wider-than-declared::/)
  const sarif = JSON.parse((await runCommand(folder, command, ['wide', '--format', 'sarif'])).stdout) as { runs: { results: { ruleId: string }[] }[] }
  assert.deepEqual(sarif.runs[0]?.results.map((r) => r.ruleId), ['wider-than-declared'])
  const json = JSON.parse((await runCommand(folder, command, ['wide', '--json'])).stdout) as { findings: { code: string }[] }
  assert.deepEqual(json.findings.map((f) => f.code), ['wider-than-declared'])
})

test('a half without its other half is a finding', async () => {
  assert.match((await runCommand(folder, command, ['half'])).stdout, /no export meets this import .*\[one-sided-half\]/)
})

test('how soon is soon can be said', async () => {
  assert.match((await runCommand(folder, command, ['time'])).stdout, /ends at 1970-01-11T00:00:00\.000Z, in 10 days \[expires-soon\]/)
  assert.equal((await runCommand(folder, command, ['time', '--soon', '1w'])).code, 0)
  assert.match(await usageFault(folder, command, ['time', '--soon', 'tomorrow']), /--soon `tomorrow` is not a duration/)
})

test('what expired is told once, at the line that says when', async () => {
  const { stdout } = await runCommand(folder, command, ['time'], 20 * 86_400_000)
  assert.match(stdout, /^time\/lab\.yaml:21:76: warning: the policy `api-to-db-tcp-5432` has expired and opens nothing \[expired-policy\]\n.*\n1 warning\n$/)
})
