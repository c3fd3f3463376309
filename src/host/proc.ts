/** Processes by id and start time: an id alone may since belong to somebody else. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ProcessId {
  readonly pid: number
  /** Clock ticks since boot, as in /proc/PID/stat field 22 (proc(5)). */
  readonly started: string
}

/** `undefined` when there is no such process, or only its zombie. */
export function processId(pid: number): ProcessId | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const started = fields[19]
    return started === undefined || fields[0] === 'Z' || fields[0] === 'X' ? undefined : { pid, started }
  } catch {
    return undefined
  }
}

export function isAlive(id: ProcessId): boolean {
  return processId(id.pid)?.started === id.started
}

/** Sends a signal if the process is still the one that is meant. */
export function signal(id: ProcessId, name: NodeJS.Signals): void {
  if (!isAlive(id)) return
  try {
    process.kill(id.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Waits until `done` is true; false when `timeoutMs` passed first. */
export async function until(done: () => boolean | Promise<boolean>, timeoutMs: number, everyMs = 10): Promise<boolean> {
  // The clock may step while we wait.
  const end = performance.now() + timeoutMs
  for (;;) {
    if (await done()) return true
    if (performance.now() >= end) return false
    await sleep(everyMs)
  }
}

export function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** Every process that we can see; one that ended meanwhile is left out by whoever reads it. */
export function allProcesses(): readonly number[] {
  return readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).map(Number)
}

/** The identity of a namespace, such as `net:[4026531840]`. */
export function namespaceOf(pid: number, kind: 'net' | 'pid' | 'user' | 'mnt'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`)
  } catch {
    return undefined
  }
}
