import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

const good = `import { test } from 'node:test'\ntest('holds', () => {})\n`
const bad = `import { test } from 'node:test'\ntest('breaks', () => { throw new Error('no') })\n`
const left = `import { test } from 'node:test'\ntest('waits', { skip: 'no kernel' }, () => {})\n`

/** Runs a copy of the runner over a tree of its own. */
function runIn(files: Readonly<Record<string, string>>, args: readonly string[] = [], ci = true): { code: number | null; out: string } {
  const root = mkdtempSync(join(tmpdir(), 'bulkhead-run-'))
  try {
    const all = { 'package.json': '{ "type": "module" }', ...files }
    for (const [file, text] of Object.entries(all)) {
      mkdirSync(join(root, dirname(file)), { recursive: true })
      writeFileSync(join(root, file), text)
    }
    mkdirSync(join(root, 'test'), { recursive: true })
    cpSync(join(import.meta.dirname, '../run.ts'), join(root, 'test/run.ts'))
    // A runner inside a test must not take itself for a part of the outer run.
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined, CI: String(ci) }
    const ended = spawnSync(process.execPath, ['test/run.ts', ...args], { cwd: root, encoding: 'utf8', env })
    return { code: ended.status, out: ended.stdout + ended.stderr }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

test('the runner adds up all groups in one set of closing lines', () => {
  const { code, out } = runIn({ 'src/a.test.ts': good, 'test/kernel/b.test.ts': good })
  assert.equal(code, 0, out)
  assert.equal(out.match(/^# pass /gm)?.length, 1)
  assert.match(out, /^# pass 2$/m)
  assert.match(out, /^# fail 0$/m)
})

test('the runner does not hide a failure of an early group behind a later one', () => {
  const { code, out } = runIn({ 'src/a.test.ts': bad, 'test/kernel/b.test.ts': good })
  assert.equal(code, 1)
  assert.match(out, /^# pass 1$/m)
  assert.match(out, /^# fail 1$/m)
})

test('the runner fails when a file holds no test', () => {
  const { code, out } = runIn({ 'src/a.test.ts': good, 'src/b.test.ts': '' })
  assert.equal(code, 1)
  assert.match(out, /problem: .*b\.test\.ts holds no test/)
})

test('the runner fails when a file ends before its tests do', () => {
  const { code, out } = runIn({ 'src/a.test.ts': `${good}process.exit(3)\n` })
  assert.equal(code, 1, out)
})

test('the runner fails when there is nothing to run', () => {
  assert.equal(runIn({}).code, 2)
  assert.equal(runIn({ 'src/a.test.ts': good }, ['elsewhere']).code, 2)
})

test('the runner fails in CI when a test is left out, and names it with its reason elsewhere', () => {
  const files = { 'src/a.test.ts': good, 'src/b.test.ts': left }
  assert.equal(runIn(files).code, 1)
  const { code, out } = runIn(files, [], false)
  assert.equal(code, 0, out)
  assert.match(out, /^# left out: src\/b\.test\.ts: waits \(no kernel\)$/m)
})

test('the runner runs only the files whose path contains a text', () => {
  const { code, out } = runIn({ 'src/a.test.ts': bad, 'src/b.test.ts': good }, ['src/b'])
  assert.equal(code, 0, out)
  assert.match(out, /^# tests 1$/m)
})
