/**
 * Runs the test files in groups that may not disturb each other, as one run with one set of closing lines: what judges answers
 * alone side by side, then what may measure time in the kernel, one file at a time. Exit code 0 only when something ran and all passed.
 */
import { availableParallelism } from 'node:os'
import { globSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { PassThrough } from 'node:stream'
import { spec } from 'node:test/reporters'
import { run } from 'node:test'
import { seedOf } from './support/seed.ts'
import type { EventData } from 'node:test'

interface Suite {
  readonly name: string
  readonly globs: readonly string[]
  readonly except?: readonly string[]
  readonly concurrency: number
}

interface Group {
  readonly name: string
  readonly files: readonly string[]
  readonly concurrency: number
}

/** Tests that load rulesets into the kernel and read them back: no packet passes, so it is no matter how long anything takes. */
const rulesets = ['test/kernel/equivalence*.test.ts', 'test/kernel/read.test.ts', 'test/kernel/ruleset-delta.test.ts', 'test/kernel/ruleset-parts.test.ts']

const together = [
  {
    name: 'side by side',
    // The longest files begin, so that none of them is alone at the end.
    globs: [
      'test/structure/readme.test.ts', 'test/structure/setup.test.ts', ...rulesets, 'test/structure/**/*.test.ts',
      'test/fuzz/**/*.test.ts', 'test/unit/**/*.test.ts', 'test/support/**/*.test.ts', 'src/**/*.test.ts',
    ],
    concurrency: Math.max(2, availableParallelism()),
  },
  { name: 'kernel', globs: ['test/kernel/**/*.test.ts'], except: ['test/kernel/attack-*', 'test/kernel/fault-*', ...rulesets], concurrency: 1 },
  { name: 'e2e', globs: ['test/e2e/**/*.test.ts'], concurrency: 1 },
] as const

/** Slower suites, each with a command of its own, `npm run test:NAME`. */
const slower = {
  /** Attacks from inside a workload and from outside, and faults. */
  attacks: { name: 'attacks', globs: ['test/kernel/attack-*.test.ts', 'test/kernel/fault-*.test.ts'], concurrency: 1 },
  /** What others' truth tables say of policies, tried with packets. */
  conformance: { name: 'conformance', globs: ['test/conformance/**/*.test.ts'], concurrency: 1 },
  /** Too slow for every change. */
  long: { name: 'long', globs: ['test/long/**/*.test.ts'], concurrency: 1 },
} as const

const root = resolve(import.meta.dirname, '..')
/** A change is judged by the same cases as the one before it; those who look for new cases say so. */
const seed = seedOf(process.env['BULKHEAD_SEED'] ?? '1')
process.env['BULKHEAD_SEED'] = String(seed)
const execArgv = ['compiled.ts', 'chance.ts'].flatMap((file) => ['--import', resolve(root, 'test/support', file)])
const patterns = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const asked = Object.values(slower).filter(({ name }) => process.argv.includes(`--${name}`))
const plan: readonly Suite[] = asked.length > 0 ? asked : patterns.length > 0 ? [...together, slower.attacks, slower.conformance] : together
// A slip would otherwise run everything, for a quarter of an hour.
const misspelt = process.argv.slice(2).find((argument) => argument.startsWith('-') && !Object.values(slower).some(({ name }) => argument === `--${name}`))
if (misspelt !== undefined) {
  console.error(`test: \`${misspelt}\` is not known; usage: bin/test [TEXT...] [${Object.values(slower).map(({ name }) => `--${name}`).join('|')}]`)
  process.exit(2)
}
/** Milliseconds after which a file counts as hung. */
const hung = (process.argv.includes('--long') ? 60 : 20) * 60_000

function chosen(): readonly Group[] {
  return plan
    .map(({ name, globs, except = [], concurrency }) => {
      const all = [...new Set(globs.flatMap((glob) => globSync(glob, { cwd: root, exclude: [...except] }).sort()))]
      return { name, concurrency, files: all.filter((file) => patterns.length === 0 || patterns.some((text) => file.includes(text))) }
    })
    .filter((group) => group.files.length > 0)
}

const counts = { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 }
const complete = new Set<string>()
const skipped: string[] = []
const empty: string[] = []

function add({ tests, suites, passed, cancelled, skipped, todo }: EventData.TestSummary['counts']): void {
  counts.tests += tests
  counts.suites += suites
  counts.pass += passed
  counts.fail += tests - passed - cancelled - skipped - todo
  counts.cancelled += cancelled
  counts.skipped += skipped
  counts.todo += todo
}

type TestEvent = EventData.TestPass | EventData.TestFail

/** The runner reports a file without a single test as one passed test that bears the file's name. */
function isEmptyFile(data: TestEvent): boolean {
  return data.nesting === 0 && data.file !== undefined && resolve(root, data.name) === data.file && data.details.type !== 'suite'
}

/** The closing counts of one group are not those of the run: they are added up and printed once. */
function isClosingCount(data: EventData.TestDiagnostic): boolean {
  return data.nesting === 0 && /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [0-9.]+$/.test(data.message)
}

async function runGroup(group: Group, out: PassThrough): Promise<void> {
  const files = group.files.map((file) => resolve(root, file))
  for await (const event of run({ files, execArgv, concurrency: group.concurrency, timeout: hung, cwd: root })) {
    if (event.type === 'test:pass' && isEmptyFile(event.data)) empty.push(event.data.name)
    if ((event.type === 'test:pass' || event.type === 'test:fail') && (event.data.skip !== undefined || event.data.todo !== undefined)) {
      const reason = event.data.skip ?? event.data.todo
      skipped.push(`${relative(root, event.data.file ?? '')}: ${event.data.name}${typeof reason === 'string' ? ` (${reason})` : ''}`)
    }
    if (event.type === 'test:summary' && event.data.file === undefined) {
      add(event.data.counts)
      complete.add(group.name)
    }
    if (event.type !== 'test:summary' && !(event.type === 'test:diagnostic' && isClosingCount(event.data))) out.write(event)
  }
}

const began = performance.now()
const groups = chosen()
if (groups.length === 0) {
  console.error(`no test file matches ${patterns.map((text) => `\`${text}\``).join(' ') || 'the suites'}`)
  process.exit(2)
}

const events = new PassThrough({ objectMode: true })
const shown = new Promise<void>((done) => {
  events.pipe(new spec()).on('end', done).pipe(process.stdout, { end: false })
})
const times: string[] = []
for (const group of groups) {
  const from = performance.now()
  await runGroup(group, events)
  times.push(`${group.name} ${((performance.now() - from) / 1000).toFixed(1)} s`)
}
events.end()
await shown

const problems = [
  ...empty.map((file) => `${file} holds no test`),
  ...(process.env['CI'] === 'true' ? skipped.map((test) => `left out, which CI does not allow: ${test}`) : []),
  ...groups.filter((group) => !complete.has(group.name)).map((group) => `the ${group.name} tests ended early`),
  ...(counts.tests - empty.length > 0 ? [] : ['not a single test ran']),
]
for (const test of skipped) console.log(`# left out: ${test}`)
for (const problem of problems) console.log(`# problem: ${problem}`)
console.log(`# files ${groups.reduce((sum, group) => sum + group.files.length, 0)} (${times.join(', ')})`)
for (const [name, count] of Object.entries(counts)) console.log(`# ${name} ${name === 'fail' ? count + problems.length : count}`)
console.log(`# seed ${seed}`)
console.log(`# duration_ms ${Math.round(performance.now() - began)}`)
process.exitCode = counts.fail + counts.cancelled + problems.length > 0 ? 1 : 0
