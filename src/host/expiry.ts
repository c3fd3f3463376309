/**
 * The life of paths that end by themselves: the element's own timeout closes the path in time, also without an agent; here
 * is kept when to end what is left of its connections and names.
 */
import { messageOf } from '../base/fault.ts'
import type { Intent } from '../intent/intent.ts'
import type { PolicyTime } from './policy-time.ts'

export interface Expiry {
  /** From here on these paths are in force. */
  readonly schedule: (intent: Intent, now: number) => void
  /** True when a path in force has expired since it was scheduled. */
  readonly due: () => boolean
  /** Writes down how far time has come, if anything in force depends on it. */
  readonly keepTime: () => void
  readonly close: () => void
}

/** setTimeout counts to 24.8 days; the regular look goes on from there, and sees a clock that was set forward. */
const longestTimerMs = 2_000_000_000
/** A timer may fire a little early. */
const slackMs = 20

/** Calls `lapsed` when the next path in force expires. */
export function createExpiry(time: PolicyTime, lapsed: () => void, log: (text: string) => void): Expiry {
  let timer: NodeJS.Timeout | undefined
  let next = Infinity

  const keep = (): void => {
    try {
      time.keep()
    } catch (error) {
      log(`error: ${messageOf(error)}`)
    }
  }

  return {
    schedule: ({ paths }, now) => {
      clearTimeout(timer)
      next = Infinity
      for (const { expires } of paths) if (expires !== undefined && expires > now) next = Math.min(next, expires)
      if (paths.some((p) => p.expires !== undefined)) keep()
      if (next === Infinity) return
      timer = setTimeout(lapsed, Math.min(next - now + slackMs, longestTimerMs))
      timer.unref()
    },
    due: () => next <= time.now(),
    keepTime: () => {
      if (next < Infinity) keep()
    },
    close: () => clearTimeout(timer),
  }
}
