/** Runs a live plan: one prober process in each shadow namespace, all listening before any of them tries. */
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { createInterface } from 'node:readline'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run, start } from '../base/process.ts'
import { inNetns } from './ip.ts'
import type { ChildProcess } from '../base/process.ts'
import type { Probe, ProbeResult, ProberTask } from '../verify/live/probe.ts'

const program = fileURLToPath(new URL('../verify/live/prober.ts', import.meta.url))
const readyMs = 60_000
/** Whose processes start, and who tries, at once: beyond this they would only wait for each other, and answers come late. */
const startAtOnce = 16
const tryAtOnce = 40
const probeMs = 120_000

/** `netnsOf` names the namespace of a label. A prober that dies leaves its probes without results. */
export async function runProbes(
  tasks: ReadonlyMap<string, ProberTask>,
  pings: ReadonlyMap<string, readonly Probe[]>,
  netnsOf: (label: string) => string,
): Promise<ReadonlyMap<number, ProbeResult>> {
  const results = new Map<number, ProbeResult>()
  const code = stripTypeScriptTypes(readFileSync(program, 'utf8'))
  const probers: (readonly [label: string, prober: Prober])[] = []
  try {
    await inTurns([...tasks], startAtOnce, async ([label, task]) => {
      const prober = startProber(netnsOf(label), task, code)
      probers.push([label, prober])
      await prober.next('ready', readyMs)
    })
    await inTurns(probers, tryAtOnce, async ([label, prober]) => {
      prober.say('go')
      const [line, echoes] = await Promise.all([prober.next('results', probeMs), ping(netnsOf(label), pings.get(label) ?? [])])
      for (const r of line === undefined ? [] : (JSON.parse(line) as ProbeResult[])) results.set(r.id, r)
      for (const r of echoes) results.set(r.id, r)
    })
  } finally {
    for (const [, prober] of probers) prober.end()
  }
  return results
}

async function inTurns<T>(list: readonly T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = [...list]
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: most }, worker))
}

interface Prober {
  readonly say: (line: string) => void
  /** The next line, or `undefined` when the process ended or took too long. */
  readonly next: (what: string, timeoutMs: number) => Promise<string | undefined>
  readonly end: () => void
}

/** Without its types the program takes half the memory, and no time to lose them. What it may import is beside it. */
function startProber(netns: string, task: ProberTask, code: string): Prober {
  const child: ChildProcess = start(inNetns(netns, [process.execPath, '--disable-warning=ExperimentalWarning', '--max-old-space-size=128', '--input-type=module', '--eval', code]), { stdio: ['pipe', 'pipe', 'ignore'], cwd: dirname(program) })
  child.on('error', () => undefined)
  child.stdin?.on('error', () => undefined)
  const lines: string[] = []
  const waiting: ((line: string | undefined) => void)[] = []
  let ended = false
  if (child.stdout !== null) {
    const reader = createInterface({ input: child.stdout })
    reader.on('line', (line) => {
      const waiter = waiting.shift()
      if (waiter === undefined) lines.push(line)
      else waiter(line)
    })
    reader.on('close', () => {
      ended = true
      for (const waiter of waiting.splice(0)) waiter(undefined)
    })
  }
  child.stdin?.write(`${JSON.stringify(task)}\n`)
  return {
    say: (line) => void child.stdin?.write(`${line}\n`),
    next: (_, timeoutMs) => {
      const line = lines.shift()
      if (line !== undefined || ended) return Promise.resolve(line)
      const { promise, resolve } = Promise.withResolvers<string | undefined>()
      const timer = setTimeout(() => resolve(undefined), timeoutMs)
      waiting.push((said) => {
        clearTimeout(timer)
        resolve(said)
      })
      return promise
    },
    end: () => void child.kill('SIGKILL'),
  }
}

/** Echo requests by fping: all targets of a family in one process. */
async function ping(netns: string, probes: readonly Probe[]): Promise<readonly ProbeResult[]> {
  const byFamily = [4, 6].map((family) => probes.filter((p) => p.family === family)).filter((list) => list.length > 0)
  const results = await Promise.all(
    byFamily.map(async (list) => {
      const targets = [...new Set(list.map((p) => p.address))]
      const family = list[0]?.family === 6 ? '-6' : '-4'
      // One request each, and one more for what a busy machine lost.
      const { stdout, stderr } = await run(inNetns(netns, ['fping', family, '-C', '2', '-p', '300', '-i', '1', '-t', '250', '-q']), { input: `${targets.join('\n')}\n`, timeoutMs: 60_000 })
      const heard = new Map<string, boolean>()
      for (const line of `${stdout}\n${stderr}`.split('\n')) {
        const [target, times] = line.split(/\s+:\s+/)
        if (times !== undefined) heard.set((target ?? '').trim(), /\d/.test(times))
      }
      return list.map((p): ProbeResult => {
        const answer = heard.get(p.address)
        return { id: p.id, outcome: answer === true ? 'open' : 'silent', detail: answer === undefined ? 'not sent' : '' }
      })
    }),
  )
  return results.flat()
}
