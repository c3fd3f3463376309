import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { errorCodes } from '../base/catalogue.ts'
import { command } from './check.ts'
import { githubAnnotations } from './diagnostics/github.ts'
import { createOutput } from './output.ts'
import type { OptionValue } from './command.ts'

const root = mkdtempSync(join(tmpdir(), 'bulkhead-check-'))
after(() => rmSync(root, { recursive: true, force: true }))

const enclave = 'apiVersion: bulkhead.dev/v1\nkind: Enclave\nmetadata: {name: e}\n---\napiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: {name: a, enclave: e}\n---\napiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: {name: b, enclave: e}\n---\n'
const policy = 'policy: {source: a, destination: b, protocol: tcp, port: 80}\n'

function folder(name: string, files: Readonly<Record<string, string>>): string {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(root, name, file, '..'), { recursive: true })
    writeFileSync(join(root, name, file), text)
  }
  mkdirSync(join(root, name), { recursive: true })
  return name
}

async function check(directory: string, options: Readonly<Record<string, OptionValue>> = {}, tty = false): Promise<{ code: number; text: string }> {
  let text = ''
  const out = createOutput({ write: (t) => (text += t), isTTY: tty }, { write: (t) => (text += t) }, {})
  const code = await command.run({ args: [directory], rest: [], options, out, json: options['json'] === true, now: Date.UTC(2030, 0, 1), signal: new AbortController().signal, env: {}, cwd: root })
  return { code, text }
}

test('a good set is counted and ends with status 0', async () => {
  assert.deepEqual(await check(folder('good', { 'a.yaml': enclave + policy })), { code: 0, text: '4 documents, 1 policy, 1 path: no problems\n' })
})

test('an empty folder is a good set that opens nothing', async () => {
  assert.deepEqual(await check(folder('empty', {})), { code: 0, text: '0 documents, 0 policies, 0 paths: no problems\nthere are no documents in `empty`: they are files that end in .yaml, .yml or .json\n' })
})

test('a folder that does not exist ends with status 1', async () => {
  const { code, text } = await check('nowhere')
  assert.equal(code, 1)
  assert.match(text, /does not exist \[file-not-found\]/)
})

test('each problem stands at a path that can be opened from here, with its help', async () => {
  const { code, text } = await check(folder('bad', { 'sub/a.yaml': enclave + policy.replace('tcp', 'tpc') }))
  assert.equal(code, 1)
  assert.match(text, /^bad\/sub\/a\.yaml:13:47: error: policy\.protocol: `tpc` is not allowed here \[wrong-value\]\n {2}help: did you mean `tcp`\?.*\n4 documents: 1 error\n$/)
})

test('warnings are told and end with status 0', async () => {
  const { code, text } = await check(folder('old', { 'a.yaml': enclave + policy.replace('}', ', expires: 2029-01-01}') }))
  assert.equal(code, 0)
  assert.match(text, /warning: .* \[expired-policy\][^]*4 documents, 1 policy, 0 paths: 1 warning\n$/)
})

test('a broken Guardrail and a failing PolicyTest are problems of the set', async () => {
  const more = '---\napiVersion: bulkhead.dev/v1\nkind: Guardrail\nmetadata: {name: g}\nspec: {never: {source: e/a, destination: e/b}}\n---\napiVersion: bulkhead.dev/v1\nkind: PolicyTest\nmetadata: {name: t, enclave: e}\nspec: {deny: [{source: a, destination: b, protocol: tcp, port: 80}]}\n'
  const { code, text } = await check(folder('judged', { 'a.yaml': enclave + policy + more }))
  assert.equal(code, 1)
  assert.match(text, /\[guardrail-broken\]/)
  assert.match(text, /\[policy-test-failed\]/)
})

test('on a terminal severities are coloured', async () => {
  assert.ok((await check(folder('bad', {}), {}, true)).text.includes('\u001b[31merror'))
})

test('JSON has numbers and every diagnostic', async () => {
  const made = JSON.parse((await check(folder('bad', {}), { json: true })).text) as { errors: number; documents: number; diagnostics: { code: string; at: { file: string } }[] }
  assert.deepEqual([made.errors, made.documents, made.diagnostics.map((d) => [d.code, d.at.file])], [1, 4, [['wrong-value', 'bad/sub/a.yaml']]])
})

test('SARIF has what version 2.1.0 demands, with every code of the catalogue as a rule', async () => {
  interface Sarif {
    readonly version: string
    readonly runs: readonly {
      readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly { readonly id: string }[] } }
      readonly results: readonly { readonly ruleId: string; readonly ruleIndex: number; readonly level: string; readonly message: { readonly text: string }; readonly locations: readonly { readonly physicalLocation: { readonly artifactLocation: { readonly uri: string }; readonly region: { readonly startLine: number; readonly startColumn: number } } }[] }[]
    }[]
  }
  const made = JSON.parse((await check(folder('with space', { 'a#b.yaml': 'hello\n' }), { format: 'sarif' })).text) as Sarif
  const [only, ...more] = made.runs
  assert.ok(only)
  assert.deepEqual([made.version, more.length, only.tool.driver.name], ['2.1.0', 0, 'bulkhead'])
  assert.deepEqual(only.tool.driver.rules.map((r) => r.id), errorCodes())
  const [result] = only.results
  assert.ok(result)
  assert.equal(only.tool.driver.rules[result.ruleIndex]?.id, result.ruleId)
  assert.deepEqual([result.ruleId, result.level, result.locations[0]?.physicalLocation], ['not-a-document', 'error', { artifactLocation: { uri: 'with%20space/a%23b.yaml' }, region: { startLine: 1, startColumn: 1 } }])
})

test('GitHub annotations cannot be broken out of', () => {
  const [line] = githubAnnotations([{ code: 'wrong-type', severity: 'error', message: '100%\n::set-env', at: { file: 'a,b:c.yaml', line: 1, column: 2 } }], (f) => f)
  assert.equal(line, '::error file=a%2Cb%3Ac.yaml,line=1,col=2,title=wrong-type::100%25%0A::set-env')
})
