/** What every asking command makes of a set that is refused for an assertion alone, and where it says that problems are. */
import assert from 'node:assert/strict'
import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { nothingApplied } from '../host/report.ts'
import { printApply } from './change.ts'
import { command as check } from './check.ts'
import { placesOf } from './diagnostics/places.ts'
import { command as diff } from './diff.ts'
import { command as explain } from './explain.ts'
import { command as importing } from './import.ts'
import { command as isolation } from './isolation.ts'
import { command as matrix } from './matrix.ts'
import { command as names } from './names.ts'
import { createOutput } from './output.ts'
import { command as prove } from './prove.ts'
import { command as reach } from './reach.ts'
import { command as recommend } from './recommend.ts'
import { command as policyTests } from './test.ts'
import { command as up } from './up.ts'
import { folderOf, labWith, runCommand, writeFiles } from './testing.ts'
import type { Command } from './command.ts'
import type { Ran } from './testing.ts'

const policy = '---\npolicy: {source: api, destination: db, protocol: tcp, port: 5432, action: allow}\n'
const never = '---\napiVersion: bulkhead.dev/v1\nkind: Guardrail\nmetadata: {name: closed}\nspec: {never: {source: lab/api, destination: lab/db}}\n'
const untrue = '---\napiVersion: bulkhead.dev/v1\nkind: PolicyTest\nmetadata: {name: untrue, enclave: lab}\nspec: {deny: [{source: api, destination: db, protocol: tcp, port: 5432}]}\n'
const root = folderOf({
  'set/lab.yaml': labWith(policy), 'set/rules/never.yaml': never,
  'failing/lab.yaml': labWith(policy), 'failing/rules/untrue.yaml': untrue,
  'good/lab.yaml': labWith(policy),
  'wrong/sub/lab.yaml': labWith('---\nkind: Nothing\n'),
  'cluster/sub/pod.yaml': 'apiVersion: v9\nkind: Pod\nmetadata: {name: p}\n',
  'flows.jsonl': '',
})
after(() => rmSync(root, { recursive: true, force: true }))

type Asked = readonly [command: Command, argv: (folder: string) => readonly string[], code: number, answer: RegExp]

const asked: readonly Asked[] = [
  [explain, (folder) => [folder, 'api', 'db', '5432/tcp'], 0, /^allow lab\/api -> lab\/db tcp 5432/],
  [matrix, (folder) => [folder], 0, /lab\/api +lab\/db +tcp 5432/],
  [reach, (folder) => [folder, 'api'], 0, /lab\/db/],
  [names, (folder) => [folder, 'api'], 0, /db\.lab\.internal/],
  [diff, (folder) => ['good', folder], 1, /^no change/],
  [diff, (folder) => [folder, 'good'], 0, /^no change/],
  [isolation, (folder) => [folder, 'lab/api', 'lab/db'], 0, /lab\/api/],
  [recommend, (folder) => ['flows.jsonl', folder], 0, /./],
]

for (const [i, [command, argv, code, answer]] of asked.entries()) {
  const title = `${command.name}${command === diff ? ['', ' (of the new set)', ' (of the old set)'][i - 3] ?? '' : ''}`
  test(`${title} answers for a set that breaks a guardrail, and says that such a set is refused`, async () => {
    const ran = await runCommand(root, command, argv('set'))
    assert.equal(ran.code, code, ran.stderr)
    assert.match(ran.stdout, answer)
    assert.match(ran.stderr, /^set\/rules\/never\.yaml:2:1: error: guardrail `closed` does not hold: .*\[guardrail-broken\]$/m)
    assert.match(ran.stderr, /^`up` and `apply` refuse `set` as it is: the answer is what its documents say$/m)
    const good = await runCommand(root, command, argv('good'))
    assert.equal(ran.stdout, good.stdout)
    assert.doesNotMatch(good.stderr, /refuse/)
  })

  test(`${title} --json carries the broken guardrail beside the answer`, async () => {
    const ran = await runCommand(root, command, [...argv('set'), '--json'])
    assert.equal(ran.code, code, ran.stderr)
    const { diagnostics, ...answer } = JSON.parse(ran.stdout) as { diagnostics?: { code: string; at: { file: string; line: number } }[] }
    assert.deepEqual(diagnostics?.map((d) => [d.code, d.at.file, d.at.line]), [['guardrail-broken', 'set/rules/never.yaml', 2]])
    assert.deepEqual(JSON.parse((await runCommand(root, command, [...argv('good'), '--json'])).stdout), answer)
  })

  test(`${title} says where problems are as somebody in the working folder would type it`, async () => {
    const ran = await runCommand(root, command, argv('wrong'))
    assert.deepEqual([ran.code, ran.stdout], [1, ''])
    assert.match(ran.stderr, /^wrong\/sub\/lab\.yaml:\d+:\d+: error: /)
    const { diagnostics } = JSON.parse((await runCommand(root, command, [...argv('wrong'), '--json'])).stdout) as { diagnostics: { at: { file: string } }[] }
    assert.equal(diagnostics[0]?.at.file, 'wrong/sub/lab.yaml')
  })
}

function codesOf({ stdout }: Ran): readonly string[] | undefined {
  return (JSON.parse(stdout) as { diagnostics?: readonly { code: string }[] }).diagnostics?.map(({ code }) => code)
}

test('prove and test do not tell twice what they answer, and tell the other', async () => {
  for (const [command, own, other, code] of [[prove, 'set', 'failing', 'policy-test-failed'], [policyTests, 'failing', 'set', 'guardrail-broken']] as const) {
    assert.deepEqual([(await runCommand(root, command, [own])).stderr, codesOf(await runCommand(root, command, [own, '--json']))], ['', undefined])
    assert.match((await runCommand(root, command, [other])).stderr, new RegExp(`^${other}/rules/\\w+\\.yaml:.*\\[${code}\\]$`, 'm'))
    assert.deepEqual(codesOf(await runCommand(root, command, [other, '--json'])), [code])
  }
})

test('problems of manifests stand at places in the working folder, too', async () => {
  assert.match((await runCommand(root, importing, ['kubernetes', 'cluster'])).stderr, /^cluster\/sub\/pod\.yaml:1:\d+: error: /)
  assert.match((await runCommand(root, matrix, ['--kubernetes', 'cluster'])).stderr, /^cluster\/sub\/pod\.yaml:1:\d+: error: /)
  assert.match((await runCommand(join(root, 'cluster/sub'), matrix, ['--kubernetes', '.'])).stderr, /^pod\.yaml:1:\d+: error: /)
})

test('up says where problems are as check does, also in JSON', async () => {
  const told = await runCommand(root, up, ['set', '--sandbox'])
  assert.deepEqual([told.code, told.stdout], [1, ''])
  assert.match(told.stderr, /^set\/rules\/never\.yaml:2:1: error: guardrail `closed` does not hold/)
  const checked = JSON.parse((await runCommand(root, check, ['set', '--json'])).stdout) as { diagnostics: unknown }
  const { applied, diagnostics } = JSON.parse((await runCommand(root, up, ['set', '--sandbox', '--json'])).stdout) as { applied: boolean; diagnostics: unknown }
  assert.deepEqual({ applied, diagnostics }, { applied: false, diagnostics: checked.diagnostics })
})

test('what an agent says of a set is told at places in the working folder', () => {
  const at = { file: 'rules/never.yaml', line: 2, column: 1 }
  const report = { ...nothingApplied, diagnostics: [{ code: 'guardrail-broken', severity: 'error', message: 'no', at }] } as const
  for (const [cwd, directory, expected] of [[root, 'set', 'set/rules/never.yaml'], [join(root, 'set'), '.', 'rules/never.yaml'], [join(root, 'good'), '../set', join(root, 'set/rules/never.yaml')]] as const) {
    let stdout = ''
    let stderr = ''
    const out = createOutput({ write: (text) => void (stdout += text) }, { write: (text) => void (stderr += text) }, {})
    assert.equal(printApply({ out, json: false, cwd }, report, directory), 1)
    assert.equal(stderr, `${expected}:2:1: error: no [guardrail-broken]\nnothing was changed: the previous set stays in force\n`)
    printApply({ out, json: true, cwd }, report, directory)
    assert.deepEqual((JSON.parse(stdout) as { diagnostics: readonly { at: unknown }[] }).diagnostics[0]?.at, { ...at, file: expected })
  }
})

test('a file of a git revision is named as git names it', () => {
  assert.equal(placesOf(root, 'HEAD:policies/')('sub/a.yaml'), 'HEAD:policies/sub/a.yaml')
  assert.equal(placesOf(root, 'v1:')('a.yaml'), 'v1:a.yaml')
})

test('what nobody may look at is a problem of the set, not of the program', async (t) => {
  writeFiles(root, { 'shut/set/lab.yaml': labWith('') })
  chmodSync(root, 0o755)
  chmodSync(join(root, 'shut'), 0)
  const own = process.geteuid?.() ?? 0
  t.after(() => {
    process.seteuid?.(own)
    chmodSync(join(root, 'shut'), 0o700)
  })
  // Root may look at everything, and in some containers there is nobody else to be.
  try {
    if (own === 0) process.seteuid?.(65534)
  } catch (error) {
    return t.diagnostic(`not tried: ${String(error)}`)
  }
  for (const [command, ...argv] of [[check, 'shut/set'], [matrix, 'shut/set'], [diff, 'shut/set', 'good'], [matrix, '--kubernetes', 'shut/set'], [up, 'shut/set']] as const) {
    const { code, stdout, stderr } = await runCommand(root, command, argv)
    assert.equal(code, 1)
    assert.match(`${stdout}${stderr}`, /^shut\/set:1:1: error: .* \[file-unreadable\]$/m, command.name)
  }
})

test('a folder without documents is told to be one', async () => {
  writeFiles(root, { 'empty/policy.txt': policy })
  for (const [command, code] of [[check, 0], [matrix, 0], [prove, 0]] as const) {
    const ran = await runCommand(root, command, ['empty'])
    assert.deepEqual([ran.code, ran.stderr], [code, 'there are no documents in `empty`: they are files that end in .yaml, .yml or .json\n'])
  }
  assert.equal((await runCommand(root, check, ['good'])).stderr, '')
})
