/** `bulkhead reach`, `prove` and `test`, from files to exit status. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, test } from 'node:test'
import { command as prove } from './prove.ts'
import { command as reach } from './reach.ts'
import { command as test_ } from './test.ts'
import { folderOf, labWith, runCommand, usageFault } from './testing.ts'

const policy = (source: string, destination: string, port: number): string => `---\npolicy: {source: ${source}, destination: ${destination}, protocol: tcp, port: ${port}}\n`
const guardrail = (name: string, spec: string): string => `---\napiVersion: bulkhead.dev/v1\nkind: Guardrail\nmetadata: {name: ${name}}\nspec: ${spec}\n`
const tests = (cases: string): string => `---\napiVersion: bulkhead.dev/v1\nkind: PolicyTest\nmetadata: {name: t, enclave: lab}\nspec: ${cases}\n`
const chain = policy('web', 'api', 8080) + policy('api', 'db', 5432)

const folder = folderOf({
  'good/lab.yaml': labWith(chain + guardrail('alone', '{never: {source: lab/db, destination: "*"}}') + tests('{allow: [{source: api, destination: db, protocol: tcp, port: 5432}]}')),
  'bad/lab.yaml': labWith(chain + guardrail('alone', '{never: {source: lab/web, destination: lab/db}}') + tests('{deny: [{source: api, destination: db, protocol: tcp, port: 5432}, {source: db, destination: api, protocol: icmp}]}')),
  'none/lab.yaml': labWith(''),
  'wrong/lab.yaml': 'kind: Nonsense\n',
})
after(() => rmSync(folder, { recursive: true, force: true }))

test('reach lists every end with its shortest chain', async () => {
  const { code, stdout } = await runCommand(folder, reach, ['good', 'web'])
  assert.equal(code, 0)
  assert.equal(
    stdout,
    'lab/web reaches 2 ends\nlab/api  directly\n  lab/web -> lab/api tcp 8080 by ServicePolicy lab/web-to-api-tcp-8080 (lab.yaml:21)\n' +
      'lab/db  over 2 paths\n  lab/web -> lab/api tcp 8080 by ServicePolicy lab/web-to-api-tcp-8080 (lab.yaml:21)\n' +
      '  lab/api -> lab/db tcp 5432 by ServicePolicy lab/api-to-db-tcp-5432 (lab.yaml:23)\n',
  )
})

test('reach --to lists who reaches an end, --compromised what several reach together', async () => {
  assert.match((await runCommand(folder, reach, ['good', '--to', 'db'])).stdout, /^lab\/db is reached by 2 ends\nlab\/api {2}directly\n/)
  assert.match((await runCommand(folder, reach, ['good', '--compromised', 'db,lab/api'])).stdout, /^lab\/db and lab\/api together reach nothing\n$/)
  const { reached } = JSON.parse((await runCommand(folder, reach, ['good', 'web', '--json'])).stdout) as { reached: { end: string; length: number }[] }
  assert.deepEqual(reached.map(({ end, length }) => [end, length]), [['lab/api', 1], ['lab/db', 2]])
})

test('reach wants exactly one question', async () => {
  assert.match(await usageFault(folder, reach, ['good']), /from where, or to where/)
  assert.match(await usageFault(folder, reach, ['good', 'web', '--to', 'db']), /one question at a time/)
  assert.match(await usageFault(folder, reach, ['good', 'wep']), /`wep` is not a workload/)
})

test('prove lists every guardrail, shows the chain that breaks one, and says so in its exit status', async () => {
  const good = await runCommand(folder, prove, ['good'])
  assert.deepEqual([good.code, good.stdout], [0, 'holds   never  alone (lab.yaml:25)\n1 guardrail: it holds\n'])
  const bad = await runCommand(folder, prove, ['bad'])
  assert.equal(bad.code, 1)
  assert.equal(
    bad.stdout,
    'broken  never  alone (lab.yaml:25)\n  there is a way from `lab/web` to `lab/db`, over 2 paths\n' +
      '    lab/web -> lab/api tcp 8080 by ServicePolicy lab/web-to-api-tcp-8080 (lab.yaml:21)\n' +
      '    lab/api -> lab/db tcp 5432 by ServicePolicy lab/api-to-db-tcp-5432 (lab.yaml:23)\n1 guardrail: 1 broken\n',
  )
  const json = JSON.parse((await runCommand(folder, prove, ['bad', '--json'])).stdout) as { holds: boolean; guardrails: { chain: unknown[] }[] }
  assert.deepEqual([json.holds, json.guardrails[0]?.chain.length], [false, 2])
  assert.equal((await runCommand(folder, prove, ['none'])).stdout, 'no guardrails: nothing to prove\n')
})

test('test prints a table of every case, the reasons of those that fail, and says so in its exit status', async () => {
  const good = await runCommand(folder, test_, ['good'])
  assert.deepEqual(
    [good.code, good.stdout],
    [0, '    TEST  FLOW                        EXPECTED  ACTUAL\nok  t     lab/api -> lab/db tcp 5432  allow     allow\n1 case: all as expected\n'],
  )
  const bad = await runCommand(folder, test_, ['bad'])
  assert.equal(bad.code, 1)
  assert.equal(
    bad.stdout,
    '      TEST  FLOW                        EXPECTED  ACTUAL\nFAIL  t     lab/api -> lab/db tcp 5432  deny      allow\nok    t     lab/db -> lab/api icmp      deny      deny\n' +
      'lab.yaml:33: t: lab/api -> lab/db tcp 5432: allowed by ServicePolicy lab/api-to-db-tcp-5432 (lab.yaml:23)\n2 cases: 1 not as expected\n',
  )
  assert.equal((JSON.parse((await runCommand(folder, test_, ['bad', '--json'])).stdout) as { passed: boolean }).passed, false)
})

test('each of them tells the problems of a set that does not load, with exit status 1', async () => {
  for (const [command, ...rest] of [[reach, 'web'], [prove], [test_]] as const) {
    const { code, stdout, stderr } = await runCommand(folder, command, ['wrong', ...rest])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /unknown-kind/)
  }
})
