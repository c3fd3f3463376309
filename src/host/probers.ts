/** Runs a live plan: one prober process in each shadow namespace, all listening before any of them tries. */
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { run, start } from '../base/process.ts'
import { inNetns } from './ip.ts'
import type { ChildProcess } from '../base/process.ts'
import type { Probe, ProbeResult, ProberTask } from '../verify/live/probe.ts'

const program = fileURLToPath(new URL('../verify/live/prober.ts', import.meta.url))
const readyMs = 20_000
const probeMs = 120_000

/** `netnsOf` names the namespace of a label. A prober that dies leaves its probes without results. */
export async function runProbes(
  tasks: ReadonlyMap<string, ProberTask>,
  pings: ReadonlyMap<string, readonly Probe[]>,
  netnsOf: (label: string) => string,
): Promise<ReadonlyMap<number, ProbeResult>> {
  const results = new Map<number, ProbeResult>()
  const probers = [...tasks].map(([label, task]) => startProber(netnsOf(label), task))
  try {
    await Promise.all(probers.map((p) => p.next('ready', readyMs)))
    const echoes = Promise.all([...pings].map(([label, list]) => ping(netnsOf(label), list)))
    for (const p of probers) p.say('go')
    const answers = await Promise.all(probers.map((p) => p.next('results', probeMs)))
    for (const line of answers) for (const r of line === undefined ? [] : (JSON.parse(line) as ProbeResult[])) results.set(r.id, r)
    for (const r of (await echoes).flat()) results.set(r.id, r)
  } finally {
    for (const p of probers) p.end()
  }
  return results
}

interface Prober {
  readonly say: (line: string) => void
  /** The next line, or `undefined` when the process ended or took too long. */
  readonly next: (what: string, timeoutMs: number) => Promise<string | undefined>
  readonly end: () => void
}

function startProber(netns: string, task: ProberTask): Prober {
  const child: ChildProcess = start(inNetns(netns, [process.execPath, '--disable-warning=ExperimentalWarning', '--max-old-space-size=128', program]), { stdio: ['pipe', 'pipe', 'ignore'], cwd: '/' })
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
