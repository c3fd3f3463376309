/** `bulkhead diff`, from files and git revisions to exit status. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { after, test } from 'node:test'
import { command } from './diff.ts'
import { folderOf, labWith, runCommand, usageFault, writeFiles } from './testing.ts'

const policy = (source: string, destination: string, port: string): string => `---\npolicy: {source: ${source}, destination: ${destination}, protocol: tcp, port: ${port}}\n`

const leading = (cidr: string): string =>
  `---\napiVersion: bulkhead.dev/v1\nkind: External\nmetadata: {name: net}\nspec: {cidrs: [${cidr}]}\n` +
  '---\napiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: {name: out, enclave: lab}\nspec: {source: api, destination: external:net, protocol: tcp, port: 443}\n'

const folder = folderOf({
  'old/lab.yaml': labWith(policy('api', 'db', '5432') + policy('web', 'db', '[5432, 5433]')),
  'more/lab.yaml': labWith(policy('api', 'db', '5432-5434') + policy('web', 'db', '5432') + policy('api', 'web', '80')),
  'less/lab.yaml': labWith(policy('web', 'db', '5432')),
  'moved/a/lab.yaml': labWith(''),
  'moved/b.yaml': `${policy('web', 'db', '5433')}${policy('web', 'db', '5432')}${policy('api', 'db', '5432')}`.replace('---\n', ''),
  'bad/lab.yaml': 'kind: Nonsense\n',
  'tested/lab.yaml': labWith(policy('web', 'db', '5432') + '---\napiVersion: bulkhead.dev/v1\nkind: PolicyTest\nmetadata: {name: t, enclave: lab}\nspec: {allow: [{source: api, destination: db, protocol: tcp, port: 5432}]}\n'),
  'here/lab.yaml': labWith(leading('192.0.2.0/28')),
  'there/lab.yaml': labWith(leading('198.51.100.0/28')),
})
after(() => rmSync(folder, { recursive: true, force: true }))

test('what opens and widens is told in identities and ports, with exit status 3', async () => {
  const { code, stdout } = await runCommand(folder, command, ['old', 'more'])
  assert.equal(
    stdout,
    'widened   lab/api -> lab/db  tcp 5433-5434  by ServicePolicy lab/api-to-db-tcp-5432-5434 (lab.yaml:21)\n' +
      'opened    lab/api -> lab/web  tcp 80  by ServicePolicy lab/api-to-web-tcp-80 (lab.yaml:25)\n' +
      'narrowed  lab/web -> lab/db  tcp 5433  by ServicePolicy lab/web-to-db-tcp-5432-5433 (lab.yaml:23)\n' +
      '1 opened, 1 widened, 1 narrowed\n',
  )
  assert.equal(code, 3)
})

test('what only closes passes the gate', async () => {
  const { code, stdout } = await runCommand(folder, command, ['old', 'less'])
  assert.match(stdout, /^closed {4}lab\/api -> lab\/db {2}tcp 5432 .*\nnarrowed .*\n1 narrowed, 1 closed\n$/)
  assert.equal(code, 0)
})

test('other names, files and orders for the same paths are no change', async () => {
  assert.deepEqual(await runCommand(folder, command, ['old', 'moved']), { code: 0, stdout: 'no change: both open the same paths\n', stderr: '' })
})

test('markdown has a table for each kind of change', async () => {
  const { stdout } = await runCommand(folder, command, ['old', 'more', '--format', 'markdown'])
  assert.match(stdout, /^### Network access widens\n\n1 opened, 1 widened, 1 narrowed\.\n\n\*\*opened\*\* \(1\)\n\n\| source \| destination \| what \| by \|\n/)
  assert.match(stdout, /\| `lab\/api` \| `lab\/web` \| tcp 80 \| ServicePolicy lab\/api-to-web-tcp-80 \(lab\.yaml:25\) \|\n/)
})

test('machines learn whether anything widens, and every change', async () => {
  const answer = JSON.parse((await runCommand(folder, command, ['old', 'less', '--json'])).stdout) as { widens: boolean; changes: { kind: string }[] }
  assert.equal(answer.widens, false)
  assert.deepEqual(answer.changes.map((c) => c.kind), ['closed', 'narrowed'])
})

test('a set with problems is told, and exit status 1', async () => {
  const { code, stdout, stderr } = await runCommand(folder, command, ['old', 'bad'])
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /unknown-kind/)
})

test('a test that the new set fails is told, and nothing passes the gate with it', async () => {
  const { code, stdout, stderr } = await runCommand(folder, command, ['old', 'tested'])
  assert.match(stdout, /\n1 narrowed, 1 closed\n$/)
  assert.match(stderr, /policy-test-failed/)
  assert.equal(code, 1)
  assert.equal((await runCommand(folder, command, ['tested', 'less'])).code, 0)
})

test('an External that means other addresses is told by its addresses', async () => {
  const { code, stdout } = await runCommand(folder, command, ['here', 'there'])
  assert.match(stdout, /^closed {4}lab\/api -> 192\.0\.2\.0\/28 \(of external:net\) {2}tcp 443 .*\nopened {4}lab\/api -> 198\.51\.100\.0\/28 \(of external:net\) {2}tcp 443 .*\n1 opened, 1 closed\n$/)
  assert.equal(code, 3)
})

test('one folder alone is a mistake on the command line', async () => {
  assert.match(await usageFault(folder, command, ['old']), /needs 2 arguments/)
})

test('a git revision is read from the repository, whatever the folder holds now', async (t) => {
  const repository = folderOf({ 'sub/policies/lab.yaml': labWith(policy('api', 'db', '5432')), 'sub/policies/.hidden.yaml': '}', 'sub/policies/note.txt': 'é' })
  t.after(() => rmSync(repository, { recursive: true, force: true }))
  const git = (...argv: readonly string[]): void => void execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...argv], { cwd: repository, stdio: 'ignore' })
  git('init', '--initial-branch=main')
  git('add', '--all', '--force')
  git('commit', '--message=first')
  writeFiles(repository, { 'sub/policies/lab.yaml': labWith(policy('api', 'db', 'any')) })
  const widened = /^widened {3}lab\/api -> lab\/db {2}tcp 1-5431,5433-65535 /
  for (const [cwd, old, fresh] of [[repository, 'HEAD:sub/policies', 'sub/policies'], [`${repository}/sub`, 'main:policies/', './policies'], [`${repository}/sub/policies`, 'HEAD:', '.']] as const) {
    const { code, stdout } = await runCommand(cwd, command, [old, fresh])
    assert.match(stdout, widened)
    assert.equal(code, 3)
  }
  await assert.rejects(runCommand(repository, command, ['HEAD:nowhere', 'sub/policies']), /git does not know `HEAD:\.\/nowhere`/)
  await assert.rejects(runCommand(repository, command, ['nobody:sub', 'sub/policies']), /git does not know `nobody:\.\/sub`/)
})

test('a change is by those documents alone that are in force', async () => {
  const ended = policy('api', 'db', '5432').replace('}', ', expires: 2020-01-01}')
  const own = '---\napiVersion: bulkhead.dev/v1\nkind: ServicePolicy\nmetadata: {name: again, enclave: lab}\nspec: {source: api, destination: db, protocol: tcp, port: 5432}\n'
  const outside = leading('192.0.2.0/28')
  const endedOutside = outside.replace('port: 443}', 'port: 443, expires: 2020-01-01}')
  const againOutside = '---\napiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: {name: out-again, enclave: lab}\nspec: {source: api, destination: external:net, protocol: tcp, port: 443}\n'
  writeFiles(folder, { 'ended/lab.yaml': labWith(ended + endedOutside), 'renewed/lab.yaml': labWith(ended + own + endedOutside + againOutside) })
  const { stdout } = await runCommand(folder, command, ['ended', 'renewed'], Date.UTC(2030, 0, 1))
  assert.deepEqual(stdout.split('\n').slice(0, 2).map((line) => line.replace(/^.* by /, '').replace(/ \(.*/, '')), ['EgressPolicy lab/out-again', 'ServicePolicy lab/again'])
  assert.doesNotMatch(stdout, / with /)
})
