/** Notices that something in the router namespace changed: two long-lived listeners on the kernel's own notifications. */
import { start } from '../base/process.ts'
import type { ChildProcess } from '../base/process.ts'

export type Changed = 'table' | 'network'

export interface Watch {
  readonly stop: () => void
}

const listeners: readonly (readonly [Changed, readonly string[]])[] = [
  ['table', ['nft', 'monitor']],
  ['network', ['ip', '-o', 'monitor', 'link', 'address', 'route', 'rule']],
]

const restartMs = 100

/** Calls `changed` once for each burst of notifications, also for our own; a listener that ends counts as a change. */
export function watchKernel(changed: (what: Changed) => void): Watch {
  let stopped = false
  const children = new Map<Changed, ChildProcess>()
  const pending = new Map<Changed, NodeJS.Timeout>()

  const notify = (what: Changed): void => {
    if (stopped || pending.has(what)) return
    pending.set(
      what,
      setTimeout(() => {
        pending.delete(what)
        if (!stopped) changed(what)
      }, 20),
    )
  }

  const listen = (what: Changed, argv: readonly string[]): void => {
    if (stopped) return
    const child = start(argv, { stdio: ['ignore', 'pipe', 'ignore'], cwd: '/' })
    children.set(what, child)
    child.stdout?.on('data', () => notify(what))
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
    stop: () => {
      stopped = true
      for (const timer of pending.values()) clearTimeout(timer)
      for (const child of children.values()) child.kill('SIGKILL')
    },
  }
}
