/**
 * From documents to decisions, for platforms of ten thousand workloads: reading the YAML, compiling it, compiling one changed
 * policy, and answering whether a flow is allowed. Each size is measured in processes of its own, for its memory.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readDocumentFiles } from '../src/base/files.ts'
import { hasErrors } from '../src/base/diagnostic.ts'
import { compile } from '../src/intent/compile.ts'
import { decider } from '../src/intent/decide.ts'
import { recompile } from '../src/intent/recompile.ts'
import { createOutput } from '../src/cli/output.ts'
import { progressOf } from '../src/cli/progress.ts'
import { loadPlatform } from '../src/model/load.ts'
import { numbers as random } from './analysis/platforms.ts'
import { numbers, option, quick, report } from './lib/results.ts'
import { digits, spread, table, withSpread } from './lib/stats.ts'
import type { Intent } from '../src/intent/intent.ts'
import type { Flow, Platform } from '../src/model/platform.ts'

const [workloads = 0] = numbers('workloads', [quick ? 1_000 : 10_000])
const sizes = numbers('policies', quick ? [10_000] : [100_000, 500_000])
const rounds = Number(option('rounds') ?? (quick ? 1 : 3))
const decisions = Number(option('decisions') ?? (quick ? 200_000 : 3_000_000))
const changes = quick ? 20 : 100
const perEnclave = 20
/** Above what a command takes, for the greatest size. */
const limits = { fileBytes: 2 ** 30, totalBytes: 2 ** 32, files: 100_000, entries: 200_000 }
const out = createOutput(process.stdout, process.stderr, process.env)
const now = Date.parse('2026-06-01T00:00:00Z')

/** One file for each enclave: its workloads, and policies between them, each pair and port once. */
function writeDocuments(folder: string, policies: number): number {
  const enclaves = Math.ceil(workloads / perEnclave)
  let bytes = 0
  for (let e = 0; e < enclaves; e++) {
    const documents = [`apiVersion: bulkhead.dev/v1\nkind: Enclave\nmetadata: { name: e${e} }\nspec: {}`]
    for (let w = 0; w < perEnclave; w++) documents.push(`apiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: { name: w${w}, enclave: e${e} }\nspec: { ports: [8000] }`)
    const mine = Math.floor(policies / enclaves) + (e < policies % enclaves ? 1 : 0)
    for (let p = 0; p < mine; p++) {
      const [source, destination, port] = pair(p)
      documents.push(`apiVersion: bulkhead.dev/v1\nkind: ServicePolicy\nmetadata:\n  name: p${p}\n  enclave: e${e}\nspec:\n  source: w${source}\n  destination: w${destination}\n  protocol: tcp\n  port: ${port}\n  action: allow`)
    }
    const text = `${documents.join('\n---\n')}\n`
    bytes += text.length
    writeFileSync(join(folder, `e${e}.yaml`), text)
  }
  return bytes
}

function pair(p: number): readonly [number, number, number] {
  const source = p % perEnclave
  const destination = (source + 1 + (Math.floor(p / perEnclave) % (perEnclave - 1))) % perEnclave
  return [source, destination, 8000 + Math.floor(p / (perEnclave * (perEnclave - 1)))]
}

interface Measured {
  readonly policies: number
  readonly megabytesRead: number
  /** Milliseconds. */
  readonly read: number
  /** Of processor time, which a busy machine changes less. */
  readonly readCpu: number
  readonly compile: number
  readonly compileCpu: number
  readonly recompile: readonly number[]
  readonly recompileCpu: readonly number[]
  readonly decisionsPerSecond: number
  readonly decisionsPerCpuSecond: number
  /** With the policies that allow a flow, or the one that comes nearest. */
  readonly reasonsPerSecond: number
  readonly allowedShare: number
  readonly mebibytes: number
}

/** Milliseconds by the clock, and of processor time of all threads. */
function timed<T>(work: () => T): readonly [T, number, number] {
  const began = performance.now()
  const used = process.cpuUsage()
  const value = work()
  const { user, system } = process.cpuUsage(used)
  return [value, performance.now() - began, (user + system) / 1000]
}

function measure(folder: string, policies: number, bytes: number): Measured {
  const tell = (text: string): void => void process.stderr.write(`  ${policies.toLocaleString('en-US')} policies: ${text}\n`)
  const [platform, read, readCpu] = timed(() => {
    const files = readDocumentFiles(folder, limits)
    const loaded = loadPlatform(files.files, { now, progress: progressOf({ json: false, out }, 'reading the documents') })
    if (loaded.platform === undefined || hasErrors(files.diagnostics)) throw new Error(JSON.stringify(loaded.diagnostics[0]))
    return loaded.platform
  })
  tell(`read in ${digits(read / 1000)} s, ${digits(readCpu / 1000)} s of processor time`)
  const [compiled, compiling, compileCpu] = timed(() => compile(platform))
  if (compiled.intent.paths.length !== policies) throw new Error(`${compiled.intent.paths.length} paths`)
  tell(`compiled in ${digits(compiling)} ms, ${digits(compileCpu)} ms of processor time`)
  const recompiling = Array.from({ length: changes }, (_, i) => {
    const at = Math.floor((i + 0.5) * (platform.servicePolicies.length / changes))
    const after: Platform = { ...platform, servicePolicies: platform.servicePolicies.filter((_, n) => n !== at) }
    const [again, took, cpu] = timed(() => recompile(platform, compiled, after))
    if (again?.closed.length !== 1) throw new Error('one path should have gone')
    return [took, cpu] as const
  })
  const changed = recompiling.map(([took]) => took)
  tell(`one change in ${digits(spread(changed).median)} ms`)
  const { rate, perCpu, share, reasons } = decideMany(platform, compiled.intent)
  tell(`${digits(rate)} decisions a second, ${digits(reasons)} with reasons`)
  return {
    policies, megabytesRead: bytes / 2 ** 20, read, readCpu, compile: compiling, compileCpu, recompile: changed, recompileCpu: recompiling.map(([, cpu]) => cpu), decisionsPerSecond: rate, decisionsPerCpuSecond: perCpu, reasonsPerSecond: reasons, allowedShare: share,
    mebibytes: process.resourceUsage().maxRSS / 1024,
  }
}

/** A hundred thousand flows, made before the clock runs and asked for in turn; about every second one is between ends of a policy. */
function decideMany(platform: Platform, intent: Intent): { readonly rate: number; readonly perCpu: number; readonly share: number; readonly reasons: number } {
  const next = random(7)
  const ids = [...platform.workloads.keys()]
  const policies = platform.servicePolicies
  const flows = Array.from({ length: 100_000 }, (_, i): Flow => {
    const policy = policies[next(policies.length)]
    const [from, to] = [policy?.source[0], policy?.destination[0]]
    const near = i % 2 === 0 && from?.kind === 'workload' && to?.kind === 'workload'
    const end = (): Flow['source'] => ({ kind: 'workload', workload: ids[next(ids.length)] ?? 'e0/w0' })
    return near ? { source: { kind: 'workload', workload: from.workload }, destination: { kind: 'workload', workload: to.workload }, protocol: 'tcp', port: 8000, phase: undefined } : { source: end(), destination: end(), protocol: 'tcp', port: 8000, phase: undefined }
  })
  const { allows, decide } = decider(platform, intent)
  const run = (count: number): number => {
    let allowed = 0
    for (let i = 0; i < count; i++) if (allows(flows[i % flows.length] as Flow, now)) allowed++
    return allowed
  }
  run(Math.min(decisions, 200_000))
  const [allowed, took, cpu] = timed(() => run(decisions))
  const [, reasoning] = timed(() => flows.forEach((flow) => decide(flow, now)))
  return { rate: decisions / (took / 1000), perCpu: decisions / (cpu / 1000), share: allowed / decisions, reasons: flows.length / (reasoning / 1000) }
}

function apart(folder: string, policies: number, bytes: number): Measured {
  const heap = policies > 200_000 ? '8000' : '4000'
  const args = ['--disable-warning=ExperimentalWarning', `--max-old-space-size=${option('heap') ?? heap}`, import.meta.filename, '--one', folder, '--policies', String(policies), '--bytes', String(bytes), '--workloads', String(workloads), ...(quick ? ['--quick'] : [])]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'inherit'] })
  if (status !== 0) throw new Error(`${policies} policies: status ${status}`)
  return JSON.parse(stdout) as Measured
}

function all(): void {
  const root = mkdtempSync(join(tmpdir(), 'bulkhead-bench-'))
  try {
    const rows = sizes.map((policies) => {
      const folder = join(root, String(policies))
      mkdirSync(folder)
      const bytes = writeDocuments(folder, policies)
      // The greatest size is measured once: it has no target.
      const measured = Array.from({ length: policies > 200_000 ? 1 : rounds }, () => apart(folder, policies, bytes))
      rmSync(folder, { recursive: true })
      return measured
    })
    const of = (list: readonly Measured[], what: (m: Measured) => number): string => withSpread(list.map(what))
    report({
      name: 'intent',
      command: ['npm run bench:intent --', ...process.argv.slice(2)].join(' ').replace(/ --$/, ''),
      lines: [
        `${workloads.toLocaleString('en-US')} workloads in enclaves of ${perEnclave}, one file each. Median (min to max) of ${rounds} processes for 100,000 policies, one for more; ${changes} changes in each.`,
        `A change is one policy removed. Decisions are those of 100,000 different flows in turn, ${digits((rows[0]?.[0]?.allowedShare ?? 0) * 100)} % of them allowed. Memory is the greatest that a process took for all of it.`,
        '',
        ...table(
          ['policies', 'YAML, MiB', 'read, s', '(processor)', 'compile, s', '(processor)', 'one change, ms', '(processor)', 'one change, p99, ms', 'million decisions/s', '(processor)', '(with reasons)', 'memory, MiB'],
          [
            ...rows.map((list) => [
              (list[0]?.policies ?? 0).toLocaleString('en-US'), digits(list[0]?.megabytesRead ?? 0), of(list, (m) => m.read / 1000), of(list, (m) => m.readCpu / 1000), of(list, (m) => m.compile / 1000), of(list, (m) => m.compileCpu / 1000), of(list, (m) => spread(m.recompile).median), of(list, (m) => spread(m.recompileCpu).median),
              of(list, (m) => spread(m.recompile).p99), of(list, (m) => m.decisionsPerSecond / 1e6), of(list, (m) => m.decisionsPerCpuSecond / 1e6), of(list, (m) => m.reasonsPerSecond / 1e6), of(list, (m) => m.mebibytes),
            ]),
            ['target for 100,000', '-', 'under 20', '-', 'under 2', '-', 'under 10', '-', '-', 'over 5', '-', '-', 'under 1,024'],
          ],
        ),
      ],
    })
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

const one = option('one')
if (one === undefined) all()
else process.stdout.write(JSON.stringify(measure(one, sizes[0] ?? 0, Number(option('bytes')))))
