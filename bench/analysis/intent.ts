/**
 * How long the answers about a set of documents take, for more and more workloads: the matrix of all pairs, the difference
 * that one policy makes, twenty guardrails through any number of hops. Each size has a process of its own, for its memory.
 */
import { spawnSync } from 'node:child_process'
import { compile } from '../../src/intent/compile.ts'
import { diff } from '../../src/analysis/diff.ts'
import { graphOf } from '../../src/analysis/graph.ts'
import { judgeGuardrails } from '../../src/analysis/guardrails.ts'
import { matrix } from '../../src/analysis/matrix.ts'
import { reachIn } from '../../src/analysis/reach.ts'
import { whatIf, withProposal } from '../../src/analysis/what-if.ts'
import { numbers as listed, option, quick, report } from '../lib/results.ts'
import { digits, spread, table, withSpread } from '../lib/stats.ts'
import { numbers, randomGuardrails, randomPlatform } from './platforms.ts'
import type { Proposal } from '../../src/analysis/what-if.ts'
import type { Platform, Policy } from '../../src/model/platform.ts'

const sizes = listed('workloads', quick ? [100, 1_000] : [100, 1_000, 10_000, 100_000])
const policiesEach = Number(option('policies-each') ?? 5)
const rounds = Number(option('rounds') ?? (quick ? 2 : 5))
const changes = Number(option('changes') ?? (quick ? 20 : 200))
const guardrailCount = 20
/** Beyond this many workloads the matrix has millions of rows and does not fit into the heap together with the set. */
const largestMatrix = 50_000
/** MiB that the heap may have: a program that needs more than the target ends with an error instead of a figure. */
const heap = Number(option('heap') ?? 1800)

/** Milliseconds, but for counts and megabytes. */
interface Measured {
  readonly workloads: number
  readonly policies: number
  readonly paths: number
  readonly rows: number
  readonly compile: readonly number[]
  readonly matrix: readonly number[]
  readonly prepare: number
  readonly change: readonly number[]
  readonly wholeDiff: number
  readonly prove: readonly number[]
  readonly proveAgain: readonly number[]
  readonly reach: readonly number[]
  readonly megabytes: number
}

function timed<T>(work: () => T): readonly [T, number] {
  const began = performance.now()
  const value = work()
  return [value, performance.now() - began]
}

function times(work: () => unknown): readonly number[] {
  return Array.from({ length: rounds }, () => timed(work)[1])
}

/** Nothing is kept that the next figure does not need: a program that asks one question holds no more. */
function measure(workloads: number): Measured {
  const platform = randomPlatform(workloads, workloads * policiesEach)
  const compiling = times(() => compile(platform))
  const { intent } = compile(platform)
  let rows = 0
  const drawing = workloads > largestMatrix ? [] : times(() => (rows = matrix(intent, 0).length))
  const guarded: Platform = { ...platform, guardrails: randomGuardrails(platform, guardrailCount) }
  const prove = times(() => judgeGuardrails(guarded, intent))
  const graph = graphOf(platform, intent)
  const proveAgain = times(() => judgeGuardrails(guarded, intent, graph))
  const ids = [...platform.workloads.keys()]
  const next = numbers(3)
  const reach = times(() => reachIn(platform, graph, [{ kind: 'workload', workload: ids[next(ids.length)] ?? 'e0/web-0' }], 'from'))
  const [ask, prepare] = timed(() => whatIf(platform, intent))
  const proposals = randomProposals(platform, changes)
  const change = proposals.map((proposal) => timed(() => ask(proposal, 0))[1])
  const [first = {}] = proposals
  const [, wholeDiff] = timed(() => {
    const after = withProposal(platform, first)
    return diff({ platform, intent }, { platform: after, intent: compile(after).intent }, 0)
  })
  const policies = [platform.servicePolicies, platform.egressPolicies, platform.ingressPolicies, platform.federationPolicies].reduce((sum, list) => sum + list.length, 0)
  return {
    workloads, policies, paths: intent.paths.length, rows, compile: compiling, matrix: drawing, prepare, change, wholeDiff, prove, proveAgain, reach,
    megabytes: process.resourceUsage().maxRSS / 1024,
  }
}

/** Removes one policy of any kind, adds one taken from another place, or lets one take the place of another. */
function randomProposals(platform: Platform, count: number): readonly Proposal[] {
  const next = numbers(4)
  const kinds: readonly (readonly Policy[])[] = [platform.servicePolicies, platform.egressPolicies, platform.ingressPolicies, platform.federationPolicies].filter((list) => list.length > 0)
  return Array.from({ length: count }, (_, i): Proposal => {
    const list = kinds[i % kinds.length] ?? []
    const policy = list[next(list.length)]
    if (policy === undefined) return {}
    const wider: Policy = policy.kind === 'FederationPolicy' ? { ...policy, expires: 1 } : { ...policy, traffic: { protocol: 'tcp', ports: [{ kind: 'any' }] } }
    switch (i % 3) {
      case 0:
        return { remove: [policy] }
      case 1:
        return { remove: [policy], add: [wider] }
      default:
        return { add: [{ ...wider, name: 'added' }] }
    }
  })
}

/** In a process of its own: what one size leaves in memory would count for the next. */
function measureApart(workloads: number): Measured {
  const args = ['--disable-warning=ExperimentalWarning', `--max-old-space-size=${heap}`, import.meta.filename, '--one', String(workloads), '--policies-each', String(policiesEach), '--rounds', String(rounds), '--changes', String(changes)]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (status !== 0) throw new Error(`${workloads} workloads: status ${status}: ${stderr.trim()}`)
  return JSON.parse(stdout) as Measured
}

function sum(a: readonly number[], b: readonly number[]): readonly number[] {
  return a.map((value, i) => value + (b[i] ?? 0))
}

function verdict(figure: number, target: number, unit: string): string {
  return `${digits(figure)} ${unit}, ${digits(figure / target)} of the target of ${digits(target)} ${unit}`
}

const one = option('one')
if (one !== undefined) process.stdout.write(JSON.stringify(measure(Number(one))))
else {
  const all = sizes.map(measureApart)
  const rows = all.map((m) => [
    m.workloads.toLocaleString('en-US'), m.policies.toLocaleString('en-US'), m.paths.toLocaleString('en-US'), withSpread(m.compile), m.matrix.length === 0 ? '-' : withSpread(m.matrix), withSpread(m.prove),
    withSpread(m.proveAgain), withSpread(m.reach), withSpread(m.change), digits(m.wholeDiff / spread(m.change).median), digits(m.megabytes),
  ])
  const head = ['workloads', 'policies', 'paths', 'compile', 'matrix', 'prove 20', 'prove 20 again', 'reach', 'one change', 'whole diff / one change', 'MiB']
  const at = (workloads: number): Measured | undefined => all.find((m) => m.workloads === workloads)
  const [ten, hundred] = [at(10_000), at(100_000)]
  report({
    name: 'analysis',
    command: ['node bench/analysis/intent.ts', ...process.argv.slice(2)].join(' '),
    lines: [
      `${rounds} rounds and ${changes} changes; milliseconds, median (min to max). Five policies for each workload, in enclaves of twenty; nothing is read from files here.`,
      '"prove 20" builds the graph of all paths first, "again" uses one that is there. "one change" adds, removes or alters one policy of any kind, once the set is prepared;',
      'the last but one column is how many times longer compiling and comparing both whole sets takes. Memory is the greatest of a process that asked all of it,',
      `with a heap limited to ${heap} MiB. The matrix of more than ${largestMatrix.toLocaleString('en-US')} workloads does not fit into that as a list, and is not measured.`,
      '',
      ...table(head, rows),
      '',
      ...(ten === undefined ? [] : [`Compile and all-pairs matrix, 10,000 workloads: ${verdict(spread(sum(ten.compile, ten.matrix)).median / 1000, 5, 's')}.`]),
      ...(hundred === undefined ? [] : [
        `One change, 100,000 workloads: median ${verdict(spread(hundred.change).median, 100, 'ms')}; 99 of 100 within ${digits(spread(hundred.change).p99)} ms; prepared once in ${digits(hundred.prepare)} ms.`,
        `Twenty guardrails, 100,000 workloads: ${verdict(spread(hundred.prove).median / 1000, 1, 's')}; with a graph that is there ${digits(spread(hundred.proveAgain).median / 1000)} s.`,
        `Memory, 100,000 workloads: ${verdict(hundred.megabytes / 1024, 2, 'GiB')}.`,
      ]),
    ],
  })
}
