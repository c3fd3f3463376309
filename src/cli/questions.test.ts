/** `bulkhead explain` and `bulkhead matrix`, from files to exit status. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { parseArguments } from './arguments.ts'
import { command as check } from './check.ts'
import { command as explain } from './explain.ts'
import { command as matrix } from './matrix.ts'
import { createOutput } from './output.ts'
import type { Command } from './command.ts'

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-questions-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const lab = `apiVersion: bulkhead.dev/v1
kind: Enclave
metadata: {name: lab}
spec: {}
---
apiVersion: bulkhead.dev/v1
kind: Workload
metadata: {name: api, enclave: lab}
spec: {}
---
apiVersion: bulkhead.dev/v1
kind: Workload
metadata: {name: db, enclave: lab}
spec: {ports: [5432]}
---
policy:
  source: api
  destination: db
  protocol: tcp
  port: 5432
  action: allow
`
writeFileSync(join(folder, 'lab.yaml'), lab)

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function bulkhead(command: Command, ...argv: readonly string[]): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  const out = createOutput({ write: (text) => void (stdout += text) }, { write: (text) => void (stderr += text) }, {})
  const { args, rest, options } = parseArguments(command, argv)
  const context = { args, rest, options, out, json: options['json'] === true, now: 0, signal: new AbortController().signal, env: {}, cwd: folder }
  const code = await command.run(context)
  return { code, stdout, stderr }
}

async function refused(command: Command, ...argv: readonly string[]): Promise<string> {
  try {
    await bulkhead(command, ...argv)
  } catch (thrown) {
    assert.ok(isFault(thrown), String(thrown))
    assert.equal(thrown.code, 'usage')
    return thrown.message
  }
  throw new assert.AssertionError({ message: 'it was accepted' })
}

test('explain answers allow with the policy and its place, and exit status 0', async () => {
  const { code, stdout } = await bulkhead(explain, '.', 'api', 'lab/db', '5432/tcp')
  assert.equal(code, 0)
  assert.equal(stdout, 'allow lab/api -> lab/db tcp 5432\n  lab/api -> lab/db tcp 5432 by ServicePolicy lab/api-to-db-tcp-5432 (lab.yaml:16:1)\n')
})

test('explain answers deny with the nearest policy, and exit status 0 as well', async () => {
  const { code, stdout } = await bulkhead(explain, '.', 'db', 'api', '5432/tcp')
  assert.equal(code, 0)
  assert.match(stdout, /^deny lab\/db -> lab\/api tcp 5432\n {2}no policy opens `lab\/db` to `lab\/api` on tcp 5432/)
})

test('explain of a refused flow gives the document that would open it, and what is open then', async () => {
  const { stdout } = await bulkhead(explain, '.', 'db', 'api', '5432/tcp')
  assert.match(stdout, /\n {2}these would open it:\n\napiVersion: bulkhead\.dev\/v1\nkind: ServicePolicy\nmetadata:\n {2}name: db-to-api-tcp-5432\n {2}enclave: lab\nspec:\n {2}source: db\n {2}destination: api\n {2}protocol: tcp\n {2}port: 5432\n\n/)
  assert.match(stdout, /\n {2}and with them, in all:\n {4}opened {4}lab\/db -> lab\/api {2}tcp 5432 {2}by ServicePolicy lab\/db-to-api-tcp-5432 \(proposed\.yaml:1\)\n$/)
  const { toOpen } = JSON.parse((await bulkhead(explain, '.', 'db', 'api', '5432/tcp', '--json')).stdout) as { toOpen: { possible: boolean; documents: unknown[]; opens: unknown[]; breaks: unknown[] } }
  assert.deepEqual([toOpen.possible, toOpen.documents.length, toOpen.opens.length, toOpen.breaks.length], [true, 1, 1, 0])
  assert.match((await bulkhead(explain, '.', 'db', 'api')).stdout, /cannot be opened by adding documents: say which port and protocol it is about/)
})

test('explain takes half a request for a mistake on the command line', async () => {
  assert.match(await refused(explain, '.', 'api', 'db', '80/tcp', 'GET'), /a request is a method and a path/)
  assert.match(await refused(explain, '.', 'api', 'db', '80/tcp', 'get', '/'), /`get` is not an HTTP method/)
})

const portal = `${lab}---
apiVersion: bulkhead.dev/v1
kind: External
metadata: {name: clinic}
spec: {cidrs: [203.0.113.0/24]}
---
apiVersion: bulkhead.dev/v1
kind: IngressPolicy
metadata: {name: portal, enclave: lab}
spec:
  source: external:clinic
  destination: db
  protocol: tcp
  port: 5432
  hosts: www.example.org
  authentication: {jwt: {issuer: 'https://id.example.org', audiences: [portal], jwksFile: /etc/keys.json}}
  routes:
    - {path: /*}
    - {path: /admin/*, methods: [GET], claims: {realm.roles: admin}}
`
const portalFolder = mkdtempSync(join(tmpdir(), 'bulkhead-portal-'))
after(() => rmSync(portalFolder, { recursive: true, force: true }))
writeFileSync(join(portalFolder, 'portal.yaml'), portal)

test('explain of a request from outside says where the gateway leads it, and for whom', async () => {
  const ask = async (...more: readonly string[]) => (await bulkhead(explain, portalFolder, 'external:clinic', 'www.example.org', '443/tcp', ...more)).stdout
  assert.match(await ask('GET', '/x', '--claim', 'sub=ada'), /^allow external:clinic -> www\.example\.org:443 GET \/x\n {2}led to lab\/db:5432\n {2}by IngressPolicy lab\/portal \(.*portal\.yaml:\d+:1\)\n$/)
  assert.match(await ask('GET', '/x'), /^deny .*\n {2}callers have to prove who they are by `jwt`\n$/)
  assert.match(await ask('GET', '/x/%2e%2e/admin//y', '--claim', 'sub=ada'), /^deny .*\n {2}the path is judged as \/admin\/y\n {2}no policy that serves/)
  assert.match(await ask('GET', '/admin/y', '--claim', 'realm.roles=staff', '--claim', 'realm.roles=admin'), /^allow /)
  assert.match(await ask('POST', '/admin/y', '--claim', 'realm.roles=admin'), /^deny /)
  assert.match(await ask('GET', '/a%2fb', '--claim', 'sub=ada'), /cannot be read in one way/)
  const told = JSON.parse(await ask('GET', '/admin/y', '--claim', 'sub=ada', '--json')) as { verdict: string; why: string; request: unknown }
  assert.deepEqual([told.verdict, told.why, told.request], ['deny', 'policy', { method: 'GET', path: '/admin/y', compared: '/admin/y' }])
  assert.match((await bulkhead(explain, portalFolder, '198.51.100.9', 'www.example.org', '443/tcp', 'GET', '/x', '--claim', 'sub=ada')).stdout, /^deny/)
  assert.match((await bulkhead(explain, portalFolder, '203.0.113.9', 'other.example.org', '443/tcp', 'GET', '/x')).stdout, /no policy serves `other\.example\.org`/)
})

test('explain of a request from outside is about a host, and about one kind of caller', async () => {
  assert.match(await refused(explain, portalFolder, 'external:clinic', 'db', '443/tcp', 'GET', '/'), /asks for a host name/)
  assert.match(await refused(explain, portalFolder, 'external:clinic', 'www.example.org', '443/udp', 'GET', '/'), /travels by tcp/)
  assert.match(await refused(explain, portalFolder, 'external:clinic', 'www.example.org', '443/tcp', 'GET', '/', '--claim', 'x'), /`x` is not a claim/)
  assert.match(await refused(explain, portalFolder, 'external:clinic', 'www.example.org', '443/tcp', 'GET', '/', '--claim', 'x=y', '--identity', 'a.example.org'), /a token or a certificate/)
})

test('explain answers machines with verdict, policies and reason', async () => {
  const { code, stdout } = await bulkhead(explain, '.', 'api', 'db', '5432/tcp', '--json')
  const answer = JSON.parse(stdout) as { verdict: string; policies: unknown; reason: string }
  assert.equal(code, 0)
  assert.equal(answer.verdict, 'allow')
  assert.deepEqual(answer.policies, [{ kind: 'ServicePolicy', name: 'lab/api-to-db-tcp-5432', file: 'lab.yaml', line: 16, column: 1 }])
  assert.equal(answer.reason, 'allowed by ServicePolicy lab/api-to-db-tcp-5432 (lab.yaml:16)')
})

test('explain without a port asks for anything', async () => {
  assert.match((await bulkhead(explain, '.', 'api', 'db')).stdout, /^allow lab\/api -> lab\/db anything\n/)
})

const misuse: readonly (readonly [title: string, argv: readonly string[], message: RegExp])[] = [
  ['an end that does not exist', ['.', 'lab/apo', 'db'], /no workload is called `lab\/apo`/],
  ['a port that is none', ['.', 'api', 'db', '70000/tcp'], /`70000` is not a port/],
  ['a phase that is none', ['.', 'api', 'db', '--phase', 'sleeping'], /`sleeping` is not a phase/],
  ['a phase of something outside', ['.', '203.0.113.1', 'db', '--phase', 'task'], /is not a workload, so it has no phase/],
  ['an instant without a zone', ['.', 'api', 'db', '--at', '2030-01-01T10:00:00'], /is not a date or an instant/],
]

for (const [title, argv, message] of misuse) {
  test(`explain takes ${title} for a mistake on the command line`, async () => {
    assert.match(await refused(explain, ...argv), message)
  })
}

test('matrix lists the one path in each format', async () => {
  assert.match((await bulkhead(matrix, '.')).stdout, /^SOURCE .*\nlab\/api +lab\/db +tcp 5432 +direct +ServicePolicy lab\/api-to-db-tcp-5432 \(lab\.yaml:16\)\n$/)
  assert.match((await bulkhead(matrix, '.', '--format', 'csv')).stdout, /\r\nlab\/api,lab\/db,tcp,5432,direct,running;staging;task,,/)
  const json = (await bulkhead(matrix, '.', '--format', 'json')).stdout
  assert.equal((JSON.parse(json) as { rows: unknown[] }).rows.length, 1)
  assert.equal((await bulkhead(matrix, '.', '--json')).stdout, json)
})

test('matrix draws, and takes a part by its ends', async () => {
  assert.match((await bulkhead(matrix, '.', '--format', 'dot')).stdout, /^digraph bulkhead \{/)
  assert.match((await bulkhead(matrix, '.', '--format', 'svg')).stdout, /^<svg /)
  assert.match((await bulkhead(matrix, '.', '--format', 'html')).stdout, /^<!doctype html>/)
  assert.match((await bulkhead(matrix, '.', '--from', 'api', '--to', 'lab/db')).stdout, /\nlab\/api +lab\/db/)
  assert.match((await bulkhead(matrix, '.', '--from', 'db')).stdout, /^no path is open/)
  assert.match(await refused(matrix, '.', '--enclave', 'lap'), /no enclave is called `lap`/)
  assert.match(await refused(matrix, '.', '--to', 'dp'), /`dp` is not a workload/)
})

test('matrix takes --output for --format, and an External with or without its prefix', async () => {
  assert.equal((await bulkhead(matrix, '.', '--output', 'csv')).stdout, (await bulkhead(matrix, '.', '--format', 'csv')).stdout)
  assert.match(await refused(matrix, '.', '--external', 'external:nope'), /^no external is called `nope`/)
})

test('matrix refuses a format that it does not know', async () => {
  assert.match(await refused(matrix, '.', '--format', 'xml'), /--format `xml` is not known/)
})

test('a set that does not load gives its problems and exit status 1, to both', async () => {
  for (const [command, ...argv] of [[explain, 'nowhere', 'a', 'b'], [matrix, 'nowhere']] as const) {
    const told = await bulkhead(command, ...argv)
    assert.equal(told.code, 1)
    assert.equal(told.stdout, '')
    assert.match(told.stderr, /\[file-not-found\]/)
    assert.match((await bulkhead(command, ...argv, '--json')).stdout, /"invalid-set"/)
  }
})

test('two formats at once are a mistake, whichever command is asked', async () => {
  assert.match(await refused(matrix, '.', '--json', '--format', 'csv'), /^`--json` and `--format csv` exclude each other$/)
  assert.match(await refused(matrix, '.', '--format', 'csv', '--output', 'json'), /^`--format` and `--output` mean the same$/)
  assert.match(await refused(matrix, '.', '--json', '--format', 'bogus'), /^--format `bogus` is not known$/)
  assert.match(await refused(check, '.', '--json', '--format', 'sarif'), /exclude each other/)
  assert.equal((await bulkhead(matrix, '.', '--json', '--format', 'json')).stdout, (await bulkhead(matrix, '.', '--json')).stdout)
})

test('what a caller proves is asked of requests from outside alone', async () => {
  for (const [option, value] of [['--claim', 'role=a'], ['--identity', 'a.example.org']] as const) {
    assert.match(await refused(explain, '.', 'api', 'db', '5432/tcp', option, value), new RegExp(`^\`${option}\` is about a request from outside$`))
  }
})
