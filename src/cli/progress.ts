/** How far long work has come, for a person at a terminal; short work, pipes and --json see nothing of it. */
import type { CommandContext } from './command.ts'

export type Progress = (share: number) => void

/** Milliseconds: work that ends sooner says nothing, and what is said stays long enough to be read. */
const silent = 1000
const between = 100

/** Tells how long a person at a terminal has been waiting for work that another process does. */
export async function waiting<T>({ json, out }: Pick<CommandContext, 'json' | 'out'>, what: string, work: () => Promise<T>): Promise<T> {
  const { status } = out
  if (json || status === undefined) return work()
  const began = performance.now()
  const timer = setInterval(() => status(`${what}: ${Math.floor((performance.now() - began) / 1000)} s`), silent)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    if (performance.now() - began >= silent) status('')
  }
}

/** `undefined` where nobody watches. `share` goes from 0 to 1, which takes the line away; `clock` is in milliseconds. */
export function progressOf({ json, out }: Pick<CommandContext, 'json' | 'out'>, what: string, clock: () => number = () => performance.now()): Progress | undefined {
  const { status } = out
  if (json || status === undefined) return undefined
  const began = clock()
  let shown: number | undefined
  return (share) => {
    if (share >= 1) {
      if (shown !== undefined) status('')
      shown = undefined
      return
    }
    const now = clock()
    if (now - began < silent || (shown !== undefined && now - shown < between)) return
    shown = now
    status(`${what}: ${Math.floor(share * 100)} %`)
  }
}
