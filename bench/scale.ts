/**
 * How many workloads one machine carries: for more and more of them, from `up` until all of them run, what they and the agent
 * take in memory, how long a live verification of everything takes, and how long a change and `down` do.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openInstance } from '../test/kernel/lib/instance.ts'
import { numbers, option, quick, report } from './lib/results.ts'
import { digits, spread, table, withSpread } from './lib/stats.ts'
import type { TestInstance } from '../test/kernel/lib/instance.ts'

const sizes = numbers('workloads', quick ? [10, 20] : [50, 100, 500])
const rounds = Number(option('rounds') ?? 1)
const policiesEach = 5
const perEnclave = 25
const verifyMost = Number(option('verify-most') ?? 500)

/** In enclaves, each workload with a few policies to others of its own; the workload itself does nothing. */
function documents(count: number): string {
  const enclaves = Math.ceil(count / perEnclave)
  const texts = Array.from({ length: enclaves }, (_, e) => `apiVersion: bulkhead.dev/v1\nkind: Enclave\nmetadata: { name: e${e} }\nspec: {}`)
  for (let i = 0; i < count; i++) {
    const enclave = Math.floor(i / perEnclave)
    const members = Math.min(perEnclave, count - enclave * perEnclave)
    texts.push(`apiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: { name: w${i}, enclave: e${enclave} }\nspec: { ports: [7000], run: { command: [sleep, infinity] } }`)
    for (let p = 1; p <= Math.min(policiesEach, members - 1); p++) {
      const other = enclave * perEnclave + (((i % perEnclave) + p) % members)
      texts.push(`apiVersion: bulkhead.dev/v1\nkind: ServicePolicy\nmetadata: { name: p${i}-${p}, enclave: e${enclave} }\nspec: { source: w${i}, destination: w${other}, protocol: tcp, port: 7000, action: allow }`)
    }
  }
  return texts.join('\n---\n')
}

interface Measured {
  /** Seconds. */
  readonly up: number
  readonly change: number
  readonly verify: number
  readonly down: number
  readonly probes: number
  readonly pairs: string
  /** MiB: the processes of one workload (its share of what is shared), the kernel's and all else of one, the agent and ulogd. */
  readonly workload: number
  readonly machine: number
  readonly agent: number
}

async function measure(count: number, tell: (what: string) => void): Promise<Measured> {
  const { instance, close } = openInstance()
  let down = NaN
  try {
    await sleep(500)
    const free = available()
    const [report, up] = await timed(() => instance.up(documents(count)))
    if (!report.applied || report.failed.length > 0) throw new Error(JSON.stringify(report).slice(0, 2_000))
    const status = await instance.status()
    if (status.workloads.length !== count || !status.enforced) throw new Error(`${status.workloads.length} workloads`)
    tell(`up in ${digits(up)} s`)
    const { workload, agent } = memory(instance, count)
    const machine = (free - available()) / count
    tell(`${digits(workload)} MiB each, agent ${digits(agent)} MiB`)
    const text = documents(count)
    const [changed, change] = await timed(() => instance.apply(text.slice(0, text.lastIndexOf('\n---\n'))))
    if (changed.closed.length !== 1) throw new Error(`${changed.closed.length} paths closed`)
    tell(`a change in ${digits(change)} s`)
    const verifies = count <= verifyMost
    const [evidence, verify] = verifies ? await timed(() => instance.bulkhead('verify')) : [undefined, NaN]
    const said = /(\d+) probes, (\d+) mismatches\s*$/.exec(evidence?.stdout ?? '')
    if (verifies && said?.[2] !== '0') throw new Error(`verify: ${evidence?.stdout ?? ''}${evidence?.stderr ?? ''}`.slice(-2_000))
    if (verifies) tell(`verified in ${digits(verify)} s, ${said?.[1] ?? '0'} probes`)
    down = (await timed(() => instance.bulkhead('down')))[1]
    return { up, change, verify, down, probes: Number(said?.[1] ?? 0), pairs: /(\d+ of \d+) pairs/.exec(evidence?.stdout ?? '')?.[1] ?? '-', workload, machine, agent }
  } finally {
    await close()
  }
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [T, number]> {
  const began = performance.now()
  const value = await work()
  return [value, (performance.now() - began) / 1000]
}

/** MiB that the machine could still give. */
function available(): number {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) / 1024
}

/** By the share of each process in what several of them hold. Those of the instance are the children of its sandbox. */
function memory(i: TestInstance, count: number): { readonly workload: number; readonly agent: number } {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const share = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024
      return [{ pid: Number(pid), parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]), line: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '), share }]
    } catch {
      return []
    }
  })
  const inside = new Set(processes.filter((p) => p.line.includes(i.state)).map((p) => p.pid))
  for (let grown = true; grown; ) {
    grown = false
    for (const p of processes) if (!inside.has(p.pid) && inside.has(p.parent)) grown = inside.add(p.pid) !== undefined
  }
  const own = processes.filter((p) => inside.has(p.pid))
  const isWorkload = (line: string): boolean => line.startsWith('bwrap ') || line.startsWith('sleep ')
  const sum = (list: typeof own): number => list.reduce((total, p) => total + p.share, 0)
  return { workload: sum(own.filter((p) => isWorkload(p.line))) / count, agent: sum(own.filter((p) => !isWorkload(p.line))) }
}

const found = new Map<number, Measured[]>(sizes.map((size) => [size, []]))
for (let round = 0; round < rounds; round++) {
  for (const [size, list] of found) list.push(await measure(size, (what) => void process.stderr.write(`${size} workloads: ${what}\n`)))
}
const of = (size: number, what: Exclude<keyof Measured, 'pairs'>): readonly number[] => (found.get(size) ?? []).map((m) => m[what])
const [least = 0, most = 0] = [Math.min(...sizes), Math.max(...sizes)]
const growth = (size: number, what: 'up' | 'verify'): number => spread(of(size, what)).median / spread(of(least, what)).median
const mostVerified = Math.max(least, ...sizes.filter((size) => size <= verifyMost))
report({
  name: 'scale',
  command: ['npm run bench:scale --', ...process.argv.slice(2)].join(' ').replace(/ --$/, ''),
  lines: [
    `Workloads in enclaves of ${perEnclave}, ${policiesEach} policies each, in a sandbox; each is \`sleep infinity\` under its confinement. ${rounds} round${rounds === 1 ? '' : 's'}, median (min to max).`,
    'Memory is counted by proportional share; "of the machine" is what its available memory has shrunk by for each, kernel included. A change is one policy less, documents read anew.',
    '',
    ...table(
      ['workloads', 'up, s', 'change, s', 'verify, s', 'pairs tried', 'probes', 'down, s', 'a workload, MiB', 'of the machine, MiB', 'agent and recorder, MiB'],
      sizes.map((size) => [
        size.toLocaleString('en-US'), withSpread(of(size, 'up')), withSpread(of(size, 'change')), withSpread(of(size, 'verify')), found.get(size)?.[0]?.pairs ?? '-', (found.get(size)?.[0]?.probes ?? 0).toLocaleString('en-US'), withSpread(of(size, 'down')),
        withSpread(of(size, 'workload')), withSpread(of(size, 'machine')), withSpread(of(size, 'agent')),
      ]),
    ),
    '',
    `From ${least} to ${most} workloads, ${digits(most / least)} times as many: up takes ${digits(growth(most, 'up'))} times as long (target: no worse than linear).`,
    `From ${least} to ${mostVerified}, verification takes ${digits(growth(mostVerified, 'verify'))} times as long, ${digits(mostVerified / least)} times as many workloads (target: no worse than linear).`,
  ],
})
