import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { run } from '../base/process.ts'
import { commandNames } from './commands.ts'

const home = fileURLToPath(new URL('../../', import.meta.url))
const program = join(home, 'bin/bulkhead')
const folder = mkdtempSync(join(tmpdir(), 'bulkhead-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const bulkhead = (...args: string[]) => run([program, ...args], { cwd: folder })

test('--help lists every command, and every command shows its usage and an example', async () => {
  const { code, stdout } = await bulkhead('--help')
  assert.equal(code, 0)
  for (const name of commandNames) {
    assert.ok(stdout.includes(`  ${name} `), name)
    const help = await bulkhead(name, '--help')
    assert.equal(help.code, 0)
    assert.match(help.stdout, new RegExp(`^usage: bulkhead ${name}\\b[^]*example:\\n  .+`))
  }
})

test('no command at all shows the same and is a usage error', async () => {
  const { code, stdout } = await bulkhead()
  assert.deepEqual([code, stdout.startsWith('bulkhead contains networks')], [2, true])
})

test('a command that does not exist is a usage error with a suggestion', async () => {
  const { code, stdout, stderr } = await bulkhead('chekc')
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /`chekc` is not a command[^]*did you mean `check`\?/)
})

test('options are checked: unknown, without a value, with too much, given twice', async () => {
  for (const [args, said] of [
    [['check', '.', '--fromat', 'json'], /`--fromat` is not an option[^]*did you mean `--format`/],
    [['check', '.', '--format'], /`--format` needs a value/],
    [['check', '.', '--format', '-x'], /`--format` needs a value/],
    [['check', '.', '--json=yes'], /`--json` takes no value/],
    [['check', '.', '--format', 'json', '--format', 'text'], /given twice/],
    [['check', '.', '--format', 'xml'], /`xml` is not known[^]*allowed: text, json, sarif, github/],
    [['check'], /needs an argument/],
    [['check', 'a', 'b'], /`b` is one argument too many/],
    [['check', ''], /an argument is empty[^]*`\.` for this folder/],
  ] as const) {
    const { code, stderr } = await bulkhead(...args)
    assert.equal(code, 2, args.join(' '))
    assert.match(stderr, said)
    assert.doesNotMatch(stderr, /\n\s+at /)
  }
})

test('with --json an error is JSON too', async () => {
  const { code, stdout, stderr } = await bulkhead('check', '--json')
  assert.deepEqual([code, stderr], [2, ''])
  assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, 'usage')
})

test('it works through symbolic links and from any folder', async () => {
  symlinkSync(program, join(folder, 'one'))
  symlinkSync('one', join(folder, 'two'))
  const { code, stdout } = await run([join(folder, 'two'), '--version'], { cwd: '/' })
  assert.deepEqual([code, /^\d+\.\d+\.\d+\n$/.test(stdout)], [0, true])
})

test('a reader that goes away is no error', async () => {
  const { code, stdout, stderr } = await run(['sh', '-c', `"${program}" schema | head -1; echo "status \${PIPESTATUS:-}"`], { cwd: folder })
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^\{\n/)
})

test('a control character in an argument is printed escaped', async () => {
  const { stderr } = await bulkhead('\u001b[31mred')
  assert.match(stderr, /\\u\{1b\}\[31mred/)
})

test('nothing is coloured that is not a terminal', async () => {
  writeFileSync(join(folder, 'bad.yaml'), 'hello\n')
  const { stdout } = await bulkhead('check', 'bad.yaml')
  assert.ok(!stdout.includes('\u001b'))
})
