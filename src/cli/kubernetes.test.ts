/** The commands that take Kubernetes manifests, from files to exit status. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { command as diff } from './diff.ts'
import { command as explain } from './explain.ts'
import { command as importCommand } from './import.ts'
import { command as matrix } from './matrix.ts'
import { command as check } from './check.ts'
import { folderOf, labWith, runCommand, usageFault, writeFiles } from './testing.ts'

const example = resolve(import.meta.dirname, '../../examples/kubernetes/manifests')
const thing = 'apiVersion: example.org/v1\nkind: Thing\nmetadata: { name: x }\n'
const folder = folderOf({
  'thing/thing.yaml': thing,
  'policy/policy.yaml': 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p }\nspec: { podSelectors: {} }\n',
})
cpSync(example, join(folder, 'old'), { recursive: true })
cpSync(example, join(folder, 'new'), { recursive: true })
const policies = join(folder, 'new/policies.yaml')
writeFileSync(policies, readFileSync(policies, 'utf8').replace('- { port: 8080 }', '- { port: 8081 }\n        - { port: 8080 }').replace('port: 53, protocol: UDP', 'port: 53, protocol: TCP'))
after(() => rmSync(folder, { recursive: true, force: true }))

const lines = [
  '0.0.0.0-255.255.255.255[External] => default/frontend[Deployment] : TCP 8080',
  'default/frontend[Deployment] => 0.0.0.0-255.255.255.255[External] : UDP 53',
  'default/frontend[Deployment] => default/backend[Deployment] : TCP 9090',
]

test('the matrix of a cluster is one line a pair, sorted bytewise', async () => {
  assert.deepEqual(await runCommand(folder, matrix, ['--kubernetes', 'old']), { code: 0, stdout: `${lines.join('\n')}\n`, stderr: '' })
})

test('the same as csv, JSON and a graph', async () => {
  const rows = lines.map((line) => line.split(/ => | : /))
  const csv = await runCommand(folder, matrix, ['--kubernetes', 'old', '--output', 'csv'])
  assert.equal(csv.stdout, ['src,dst,conn', ...rows.map((row) => row.join(',')), ''].join('\n'))
  const json = await runCommand(folder, matrix, ['--kubernetes', 'old', '--output', 'json'])
  assert.deepEqual(JSON.parse(json.stdout), rows.map(([src, dst, conn]) => ({ src, dst, conn })))
  assert.deepEqual((await runCommand(folder, matrix, ['--kubernetes', 'old', '--json'])).stdout, json.stdout)
  const dot = await runCommand(folder, matrix, ['--kubernetes', 'old', '--output', 'dot'])
  assert.match(dot.stdout, /"default\/frontend\[Deployment\]" -> "default\/backend\[Deployment\]" \[label="TCP 9090"\]/)
  assert.equal(await usageFault(folder, matrix, ['--kubernetes', 'old', '--output', 'pdf']), '--output `pdf` is not known')
})

test('documents of Bulkhead and an empty folder are told not to be manifests', async () => {
  writeFiles(folder, { 'ours/lab.yaml': labWith(''), 'none/readme.txt': '' })
  assert.match((await runCommand(folder, matrix, ['--kubernetes', 'ours'])).stderr, /^ours\/lab\.yaml:1:13: error: .*\n {2}help: this is a document of Bulkhead, not a manifest$/m)
  assert.deepEqual(await runCommand(folder, matrix, ['--kubernetes', 'none']), { code: 0, stdout: '', stderr: 'there are no manifests in `none`: they are files that end in .yaml, .yml or .json\n' })
})

test('what is not known is refused, passed over when lenient, and a policy never is', async () => {
  const strict = await runCommand(folder, matrix, ['--kubernetes', 'thing'])
  assert.match(strict.stderr, /^thing\/thing\.yaml:1:13: error: `Thing` of apiVersion `example\.org\/v1` is not understood \[unknown-kind\]/)
  assert.equal(strict.code, 1)
  const lenient = await runCommand(folder, matrix, ['--kubernetes', 'thing', '--lenient'])
  assert.match(lenient.stderr, /passed over/)
  assert.equal(lenient.code, 0)
  const policy = await runCommand(folder, matrix, ['--kubernetes', 'policy', '--lenient', '--json'])
  assert.equal(policy.code, 1)
  assert.equal((JSON.parse(policy.stdout) as { diagnostics: { code: string }[] }).diagnostics[0]?.code, 'unknown-field')
})

test('a change is told by workloads and ports, with exit status 3 when something opens', async () => {
  const forth = await runCommand(folder, diff, ['--kubernetes', 'old', 'new'])
  assert.equal(forth.stdout, [
    'widened  0.0.0.0-255.255.255.255[External] => default/frontend[Deployment] : TCP 8081',
    'narrowed default/frontend[Deployment] => 0.0.0.0-255.255.255.255[External] : UDP 53',
    'widened  default/frontend[Deployment] => 0.0.0.0-255.255.255.255[External] : TCP 53',
    '',
  ].join('\n'))
  assert.equal(forth.code, 3)
  assert.deepEqual(await runCommand(folder, diff, ['--kubernetes', 'old', 'old']), { code: 0, stdout: 'no change: both allow the same connections\n', stderr: '' })
  assert.match((await runCommand(folder, diff, ['--kubernetes', 'old', 'new', '--format', 'markdown'])).stdout, /^### Network access widens\n\n\| change [^]*\n\| widened \| `0\.0/)
  assert.equal((JSON.parse((await runCommand(folder, diff, ['--kubernetes', 'old', 'new', '--json'])).stdout) as { changes: unknown[] }).changes.length, 3)
})

test('an explanation names the policies of each side', async () => {
  const allowed = await runCommand(folder, explain, ['--kubernetes', 'old', 'frontend', 'default/backend', '9090/tcp'])
  assert.equal(allowed.code, 0)
  assert.match(allowed.stdout, /^allowed: default\/frontend\[Deployment\] => default\/backend\[Deployment\] 9090\/tcp\n/)
  assert.match(allowed.stdout, / {2}allow TCP 9090: NetworkPolicy default\/backend \(policies\.yaml:\d+:\d+\)/)
  const denied = await runCommand(folder, explain, ['--kubernetes', 'old', 'backend', 'frontend'])
  assert.match(denied.stdout, /^denied: .*\negress of default\/backend\[Deployment\]: No Connections: isolated by NetworkPolicy default\/default-deny, and no rule allows it/)
  const outward = await runCommand(folder, explain, ['--kubernetes', 'old', 'frontend', '192.0.2.1', '53/udp', '--json'])
  assert.equal((JSON.parse(outward.stdout) as { verdict: string }).verdict, 'allow')
  assert.equal(await usageFault(folder, explain, ['--kubernetes', 'old', 'fronten', 'backend']), 'no workload is called `fronten`')
})

test('an import writes documents that check and open the same, and tells what it leaves closed', async () => {
  const written = await runCommand(folder, importCommand, ['kubernetes', 'old', '--out', 'documents'])
  assert.equal(written.code, 0)
  assert.match(written.stderr, /`default\/frontend\[Deployment\]` may be reached from outside on TCP 8080; the import leaves that closed/)
  assert.deepEqual(readdirSync(join(folder, 'documents')).sort(), ['default.yaml', 'externals'])
  assert.match((await runCommand(folder, check, ['documents'])).stdout, /2 paths: no problems/)
  assert.match((await runCommand(folder, matrix, ['documents'])).stdout, /default\/frontend +default\/backend +tcp 9090/)
})

test('an import does not mix with what another import left behind', async () => {
  await runCommand(folder, importCommand, ['kubernetes', 'old', '--out', 'mixed'])
  writeFileSync(join(folder, 'mixed', 'other.yaml'), '')
  assert.equal(await usageFault(folder, importCommand, ['kubernetes', 'old', '--out', 'mixed']), '`other.yaml` is in that folder but does not come from this import')
  assert.equal(await usageFault(folder, importCommand, ['terraform', 'old']), '`terraform` cannot be imported')
})

test('an import writes through no link that stands in the folder', async () => {
  const outside = join(folder, 'outside')
  for (const [name, link, to] of [['file', 'default.yaml', 'victim.yaml'], ['folder', 'externals', 'elsewhere']] as const) {
    mkdirSync(join(folder, `linked-${name}`))
    mkdirSync(join(outside, 'elsewhere'), { recursive: true })
    symlinkSync(join(outside, to), join(folder, `linked-${name}`, link))
    assert.match(await usageFault(folder, importCommand, ['kubernetes', 'old', '--out', `linked-${name}`]), /is a symbolic link$/)
  }
  assert.ok(!existsSync(join(outside, 'victim.yaml')))
  assert.deepEqual(readdirSync(join(outside, 'elsewhere')), [])
})

test('a part of the matrix is chosen by its ends; what means nothing for manifests is refused and not passed over', async () => {
  const told = async (...args: string[]): Promise<readonly string[]> => (await runCommand(folder, matrix, ['--kubernetes', 'old', ...args])).stdout.split('\n').filter((line) => line !== '')
  assert.deepEqual(await told('--from', 'frontend'), lines.slice(1))
  assert.deepEqual(await told('--to', 'default/frontend'), lines.slice(0, 1))
  assert.deepEqual(await told('--from', '192.0.2.1', '--to', 'default/frontend[Deployment]'), lines.slice(0, 1))
  assert.deepEqual(await told('--from', '2001:db8::1'), [])
  assert.equal(await usageFault(folder, matrix, ['--kubernetes', 'old', '--from', 'nobody']), 'no workload is called `nobody`')
  for (const option of ['--enclave', '--external', '--at']) {
    assert.equal(await usageFault(folder, matrix, ['--kubernetes', 'old', option, '2030-01-01']), `\`${option}\` has no meaning with \`--kubernetes\``)
  }
  assert.equal(await usageFault(folder, diff, ['--kubernetes', 'old', 'new', '--at', '2030-01-01']), '`--at` has no meaning with `--kubernetes`')
  assert.equal(await usageFault(folder, explain, ['--kubernetes', 'old', 'frontend', 'backend', '--phase', 'task']), '`--phase` has no meaning with `--kubernetes`')
  assert.equal(await usageFault(folder, explain, ['--kubernetes', 'old', 'frontend', 'backend', '9090/tcp', 'GET', '/']), 'Kubernetes policies judge ports and not requests')
})

test('what is open between two workloads is what is open between any of their pods, as the matrix says', async () => {
  const pod = (name: string, app: string): string =>
    `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\n  labels: { app: ${app} }\n  ownerReferences: [{ apiVersion: apps/v1, kind: ReplicaSet, name: mixed, uid: u, controller: true }]\nspec: { containers: [] }\n`
  const policy = 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p }\nspec:\n  podSelector: { matchLabels: { app: target } }\n  ingress:\n' +
    ['one', 'two'].map((app, i) => `  - { from: [{ podSelector: { matchLabels: { app: ${app} } } }], ports: [{ port: ${i + 1} }] }\n`).join('')
  const target = 'apiVersion: v1\nkind: Pod\nmetadata: { name: target, labels: { app: target } }\nspec: { containers: [] }\n'
  mkdirSync(join(folder, 'pods'))
  writeFileSync(join(folder, 'pods/pods.yaml'), [pod('mixed-1', 'one'), pod('mixed-2', 'two'), target, policy].join('---\n'))
  assert.match((await runCommand(folder, matrix, ['--kubernetes', 'pods', '--from', 'mixed'])).stdout, /^default\/mixed\[ReplicaSet\] => default\/target\[Pod\] : TCP 1-2$/m)
  assert.match((await runCommand(folder, explain, ['--kubernetes', 'pods', 'mixed', 'target'])).stdout, /open between them: TCP 1-2\n$/)
})

test('manifests come by the standard input too', () => {
  const text = readdirSync(example).map((name) => readFileSync(join(example, name), 'utf8')).join('---\n')
  const printed = execFileSync(resolve(import.meta.dirname, '../../bin/bulkhead'), ['import', 'kubernetes', '-'], { input: text, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] })
  assert.match(printed, /^# default\.yaml\napiVersion: bulkhead\.dev\/v1\nkind: Enclave\n/)
  assert.match(printed, /kind: ServicePolicy/)
})
