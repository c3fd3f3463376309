/** Notices that somebody else changed something in the router namespace: two long-lived listeners on the kernel's own notifications. */
import { createInterface } from 'node:readline'
import { start } from '../base/process.ts'
import type { ChildProcess } from '../base/process.ts'

export type Changed = 'table' | 'network'

export interface Watch {
  /** Which process the kernel says made a table of that name, by its number in the machine, not in our namespace; `undefined` when nothing is heard in time. */
  readonly makerOf: (table: string, timeoutMs: number) => Promise<number | undefined>
  /** Changes of tables by this process are our own. */
  readonly ignore: (process: number | undefined) => void
  readonly stop: () => void
}

const listeners: readonly (readonly [Changed, readonly string[]])[] = [
  ['table', ['nft', 'monitor']],
  ['network', ['ip', '-o', 'monitor', 'link', 'address', 'route', 'rule']],
]

const restartMs = 100
/** Within which a burst ends; and how often at most the agent looks again, because a workload that moves its own link is heard here too. */
const burstMs = 20
const restMs = 250

/** Calls `changed` once for each burst of notifications, and `doubt` at the first word of it; a listener that ends counts as a change. */
export function watchKernel(changed: () => void, doubt: (what: Changed) => void): Watch {
  let stopped = false
  let own: number | undefined
  let made: string | undefined
  const children = new Map<Changed, ChildProcess>()
  const pending = new Map<Changed, NodeJS.Timeout>()
  const told = new Map<Changed, number>()
  const asked = new Map<string, (process: number) => void>()

  const notify = (what: Changed): void => {
    if (stopped) return
    doubt(what)
    if (pending.has(what)) return
    pending.set(
      what,
      setTimeout(() => {
        pending.delete(what)
        told.set(what, performance.now())
        if (!stopped) changed()
      }, Math.max(burstMs, (told.get(what) ?? 0) + (what === 'network' ? restMs : 0) - performance.now())),
    )
  }

  /** Every transaction ends with a line that says who made it. */
  const hearTable = (line: string): void => {
    if (line.startsWith('trace id ')) return
    const table = /^add table inet (\S+)/.exec(line)?.[1]
    if (table !== undefined && asked.has(table)) made = table
    if (!line.startsWith('#')) return
    const process = Number(/^# new generation \d+ by process (\d+) /.exec(line)?.[1] ?? NaN)
    const tell = made === undefined ? undefined : asked.get(made)
    made = undefined
    if (tell !== undefined) tell(process)
    else if (process !== own) notify('table')
  }

  const listen = (what: Changed, argv: readonly string[]): void => {
    if (stopped) return
    const child = start(argv, { stdio: ['ignore', 'pipe', 'ignore'], cwd: '/' })
    children.set(what, child)
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', what === 'table' ? hearTable : () => notify(what))
    const again = (): void => {
      if (stopped) return
      notify(what)
      setTimeout(() => listen(what, argv), restartMs)
    }
    child.once('error', again)
    child.once('exit', again)
  }

  for (const [what, argv] of listeners) listen(what, argv)
  return {
    makerOf: (table, timeoutMs) => {
      const { promise, resolve } = Promise.withResolvers<number | undefined>()
      const done = (process: number | undefined): void => {
        clearTimeout(timer)
        asked.delete(table)
        resolve(process)
      }
      const timer = setTimeout(() => done(undefined), timeoutMs)
      asked.set(table, done)
      return promise
    },
    ignore: (process) => void (own = process),
    stop: () => {
      stopped = true
      for (const timer of pending.values()) clearTimeout(timer)
      for (const child of children.values()) child.kill('SIGKILL')
    },
  }
}
