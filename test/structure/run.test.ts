import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

const good = `import { test } from 'node:test'\ntest('holds', () => {})\n`
const bad = `import { test } from 'node:test'\ntest('breaks', () => { throw new Error('no') })\n`
const left = `import { test } from 'node:test'\ntest('waits', { skip: 'no kernel' }, () => {})\n`

/** Runs a copy of the runner over a tree of its own. */
function runIn(files: Readonly<Record<string, string>>, args: readonly string[] = [], ci = true, more: NodeJS.ProcessEnv = {}): { code: number | null; out: string } {
  const root = mkdtempSync(join(tmpdir(), 'bulkhead-run-'))
  try {
    const all = { 'package.json': '{ "type": "module" }', ...files }
    for (const [file, text] of Object.entries(all)) {
      mkdirSync(join(root, dirname(file)), { recursive: true })
      writeFileSync(join(root, file), text)
    }
    mkdirSync(join(root, 'test'), { recursive: true })
    for (const file of ['run.ts', 'support/seed.ts', 'support/compiled.ts', 'support/chance.ts', 'support/seeded.ts']) cpSync(join(import.meta.dirname, '..', file), join(root, 'test', file))
    symlinkSync(join(import.meta.dirname, '../../node_modules'), join(root, 'node_modules'))
    // A runner inside a test must not take itself for a part of the outer run, nor its seed.
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined, BULKHEAD_SEED: undefined, BULKHEAD_RUNS: undefined, CI: String(ci), ...more }
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

const chances = `
  import { test } from 'node:test'
  import fc, { sample } from 'fast-check'
  const drawn = { property: [], sampled: fc.sample(fc.nat(), 3), named: sample(fc.nat(), { numRuns: 2 }), seed: process.env.BULKHEAD_SEED }
  test('draws', async () => {
    fc.assert(fc.property(fc.nat(), (n) => void drawn.property.push(n)), { numRuns: 5, endOnFailure: true })
    await fc.assert(fc.asyncProperty(fc.nat(), async (n) => void drawn.property.push(n)))
    console.log('drawn ' + JSON.stringify(drawn))
  })
`

interface Drawn {
  readonly property: readonly number[]
  readonly sampled: readonly number[]
  readonly named: readonly number[]
  readonly seed: string
}

/** What each of two files drew; both hold the same properties. */
function drawn(more: NodeJS.ProcessEnv = {}): { readonly each: readonly string[]; readonly seed: string } {
  const { code, out } = runIn({ 'src/a.test.ts': chances, 'test/kernel/b.test.ts': chances }, [], true, more)
  assert.equal(code, 0, out)
  return { each: [...out.matchAll(/drawn (.*)/g)].map(([, values]) => values ?? ''), seed: /^# seed (\S+)$/m.exec(out)?.[1] ?? '' }
}

test('two runs choose the same cases in every file, and say by which seed', () => {
  const one = drawn()
  assert.equal(one.seed, '1')
  assert.equal(one.each.length, 2)
  assert.equal(one.each[0], one.each[1])
  assert.deepEqual(drawn(), one)
  const { property, sampled, named, seed } = JSON.parse(one.each[0] ?? '') as Drawn
  assert.deepEqual([property.length, sampled.length, named.length, seed], [105, 3, 2, '1'])
})

test('a fresh seed chooses other cases, as many more as is said, and they come again by its number', () => {
  const fresh = drawn({ BULKHEAD_SEED: 'random', BULKHEAD_RUNS: '2.5' })
  assert.notEqual(fresh.seed, '1')
  assert.deepEqual(drawn({ BULKHEAD_SEED: fresh.seed, BULKHEAD_RUNS: '2.5' }), fresh)
  const { property, sampled, named, seed } = JSON.parse(fresh.each[0] ?? '') as Drawn
  assert.deepEqual([property.length, sampled.length, named.length, seed], [13 + 250, 8, 5, fresh.seed])
})

test('an option that the runner does not know runs nothing', () => {
  const { code, out } = runIn({ 'src/a.test.ts': good }, ['--help'])
  assert.equal(code, 2)
  assert.match(out, /^test: `--help` is not known; usage: bin\/test \[TEXT\.\.\.\]/)
  assert.doesNotMatch(out, /# pass/)
})
