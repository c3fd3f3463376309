/**
 * Keeps workloads running: starts each in its place, restarts it with back-off when it ends, and adopts what an earlier
 * agent started. Output goes to files, so that a workload never waits for, or dies with, the agent.
 */
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { start } from '../base/process.ts'
import { endStrays } from './leftovers.ts'
import { childrenOf, isAlive, processId, signal, until } from './proc.ts'
import { syscallFilter } from './seccomp.ts'
import { readState, writeState } from './state.ts'
import type { ProcessId } from './proc.ts'

export interface Task {
  readonly key: string
  /** The complete command line, confinement included. */
  readonly argv: readonly string[]
  /** The namespace that is this task's alone. */
  readonly netns: string
}

export interface TaskStatus {
  readonly key: string
  readonly state: 'running' | 'waiting'
  /** The first process inside the confinement, by its id here. */
  readonly inner: number | undefined
  readonly restarts: number
  readonly lastExit: number | undefined
}

interface Record_ {
  readonly outer: ProcessId
  readonly argv: readonly string[]
}

interface Live {
  readonly task: Task
  outer: ProcessId | undefined
  restarts: number
  lastExit: number | undefined
  startedAt: number
  timer: NodeJS.Timeout | undefined
  wanted: boolean
}

const firstDelayMs = 200
const longestDelayMs = 30_000
/** A process that lived this long starts again without delay. */
const settledMs = 10_000
const adoptedPollMs = 200
/** Between the request to end and the end. */
const graceMs = 1_000

export interface Supervisor {
  /** Makes exactly these run: others are stopped, changed ones restarted. Returns when each new one has been started. */
  readonly reconcile: (tasks: readonly Task[]) => Promise<void>
  readonly stop: (key: string) => Promise<void>
  /** Ends one whose place is made anew; it starts again as after any end, later each time. */
  readonly interrupt: (key: string) => Promise<void>
  readonly status: () => readonly TaskStatus[]
  /** Which process each task is, also of those that an earlier agent started and this one has not looked at yet. */
  readonly processes: () => ReadonlyMap<string, number>
  /** Forgets without stopping: the agent ends, workloads stay. */
  readonly release: () => void
}

/** `file` is where it writes down what it has started. */
export function createSupervisor(folder: string, file = 'processes.json'): Supervisor {
  const live = new Map<string, Live>()
  let first = true
  const records = (readState(folder, file) ?? {}) as Record<string, Record_>

  const filterFile = writeFilter(folder)

  const save = (): void => {
    const all = [...live].flatMap(([key, l]) => (l.outer === undefined ? [] : [[key, { outer: l.outer, argv: l.task.argv }] as const]))
    writeState(folder, file, Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1))))
  }

  const ended = (l: Live, code: number | undefined): void => {
    l.outer = undefined
    l.lastExit = code
    if (!l.wanted) return
    l.restarts = performance.now() - l.startedAt >= settledMs ? 1 : l.restarts + 1
    const delay = Math.min(firstDelayMs * 2 ** (l.restarts - 1), longestDelayMs)
    l.timer = setTimeout(() => launch(l), delay)
  }

  const launch = (l: Live): void => {
    if (!l.wanted) return
    const log = openSync(logFile(folder, l.task.key), 'a', 0o600)
    const status = openSync(statusFile(folder, l.task.key), 'w', 0o600)
    const filter = openSync(filterFile, 'r')
    // The first process inside shows its environment to all others there (/proc/1/environ): nothing of ours is in it.
    const child = start(l.task.argv, { detached: true, cwd: '/', stdio: ['ignore', log, log, status, filter], env: { PATH: process.env['PATH'] } })
    for (const fd of [log, status, filter]) closeSync(fd)
    l.startedAt = performance.now()
    l.outer = child.pid === undefined ? undefined : processId(child.pid)
    child.on('error', () => ended(l, 127))
    child.on('exit', (code) => ended(l, code ?? undefined))
    child.unref()
    save()
  }

  /** A process of an earlier agent is nobody's child: it is watched by looking. */
  const watchAdopted = (l: Live): void => {
    const timer = setInterval(() => {
      if (l.outer !== undefined && isAlive(l.outer)) return
      clearInterval(timer)
      ended(l, undefined)
    }, adoptedPollMs)
    timer.unref()
  }

  const stop = async (key: string): Promise<void> => {
    const l = live.get(key)
    if (l === undefined) return
    l.wanted = false
    clearTimeout(l.timer)
    live.delete(key)
    await endTask(folder, key, l.outer)
    save()
  }

  return {
    reconcile: async (tasks) => {
      const wanted = new Map(tasks.map((t) => [t.key, t]))
      for (const [key, l] of [...live]) {
        const task = wanted.get(key)
        if (task === undefined || !sameArguments(task.argv, l.task.argv)) await stop(key)
      }
      for (const [key, record] of Object.entries(records)) {
        delete records[key]
        const task = wanted.get(key)
        if (live.has(key)) continue
        if (task === undefined || !sameArguments(task.argv, record.argv) || !isAlive(record.outer)) {
          await endTask(folder, key, record.outer)
          continue
        }
        const adopted: Live = { task, outer: record.outer, restarts: 0, lastExit: undefined, startedAt: performance.now(), timer: undefined, wanted: true }
        live.set(key, adopted)
        watchAdopted(adopted)
      }
      const fresh = tasks.filter((t) => !live.has(t.key))
      // An earlier agent may have been killed after it had started one and before it had written that down.
      if (first) await endStrays(fresh.map((t) => t.netns))
      first = false
      for (const task of fresh) {
        const l: Live = { task, outer: undefined, restarts: 0, lastExit: undefined, startedAt: 0, timer: undefined, wanted: true }
        live.set(task.key, l)
        launch(l)
      }
      await Promise.all(fresh.map((t) => until(() => innerPid(folder, t.key) !== undefined || live.get(t.key)?.outer === undefined, 5_000)))
    },
    stop,
    interrupt: async (key) => {
      const outer = live.get(key)?.outer ?? records[key]?.outer
      if (outer !== undefined) await endTask(folder, key, outer)
    },
    status: () =>
      [...live.values()]
        .map((l): TaskStatus => {
          const running = l.outer !== undefined && isAlive(l.outer)
          return { key: l.task.key, state: running ? 'running' : 'waiting', inner: running ? innerPid(folder, l.task.key) : undefined, restarts: l.restarts, lastExit: l.lastExit }
        })
        .sort((a, b) => (a.key < b.key ? -1 : 1)),
    processes: () => new Map([...Object.entries(records).map(([key, { outer }]) => [key, outer] as const), ...[...live].map(([key, { outer }]) => [key, outer] as const)]
      .flatMap(([key, outer]) => (outer !== undefined && isAlive(outer) ? [[key, outer.pid] as const] : []))),
    release: () => {
      for (const l of live.values()) {
        l.wanted = false
        clearTimeout(l.timer)
      }
    },
  }
}

export function filterPath(folder: string): string {
  return join(folder, 'syscalls.bpf')
}

/** The filter of system calls, in the kernel's form, for every start to come. */
function writeFilter(folder: string): string {
  const filter = syscallFilter(process.arch)
  if (filter === undefined) throw new Fault('unsupported-system', `workloads cannot be confined on \`${process.arch}\``, { help: 'supported are x64 and arm64' })
  const path = filterPath(folder)
  rmSync(path, { force: true })
  writeFileSync(path, filter, { mode: 0o400 })
  return path
}

/** Ends the first process inside, with which the kernel ends all others there; then the outer one. */
async function endTask(folder: string, key: string, outer: ProcessId | undefined): Promise<void> {
  if (outer !== undefined && isAlive(outer)) {
    const inner = innerPid(folder, key)
    const innerId = inner === undefined ? undefined : processId(inner)
    // The first process of a PID namespace ignores signals that it has no handler for; its children do not.
    for (const child of inner === undefined ? [] : childrenOf(inner).map(processId)) if (child !== undefined) signal(child, 'SIGTERM')
    if (!(await until(() => !isAlive(outer), graceMs))) {
      if (innerId !== undefined) signal(innerId, 'SIGKILL')
      if (!(await until(() => !isAlive(outer), 1_000))) signal(outer, 'SIGKILL')
      await until(() => !isAlive(outer), 2_000)
    }
  }
  rmSync(statusFile(folder, key), { force: true })
}

/** What bubblewrap said of itself: the id of its first process inside. */
export function innerPid(folder: string, key: string): number | undefined {
  try {
    const pid = /"child-pid":\s*(\d+)/.exec(readFileSync(statusFile(folder, key), 'utf8'))?.[1]
    return pid === undefined ? undefined : Number(pid)
  } catch {
    return undefined
  }
}

export function logFile(folder: string, key: string): string {
  return join(folder, 'log', `${fileName(key)}.log`)
}

function statusFile(folder: string, key: string): string {
  return join(folder, 'log', `${fileName(key)}.status`)
}

/** `enclave/workload#0` as `enclave.workload.0`: names have no dots, so this is one to one. */
export function fileName(key: string): string {
  return key.replace('/', '.').replace('#', '.')
}

function sameArguments(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i])
}
