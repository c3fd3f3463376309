/** What the documents say about a refused flow, within a budget of time: an attacker chooses how many flows there are. */
import { decider } from '../intent/decide.ts'
import { formatFlowEnd } from '../intent/format.ts'
import type { Flow, Platform } from '../model/platform.ts'
import type { Intent } from '../intent/intent.ts'
import type { Explanation } from './verdict.ts'

export interface Explainer {
  readonly explain: (flow: Flow) => Explanation | undefined
  /** Gives the explainer this much time, in milliseconds; what is over when it is used up goes unexplained. */
  readonly allot: (ms: number) => void
}

export interface ExplainerClocks {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds of a clock that never steps. */
  readonly elapsed: () => number
}

const remembered = 10_000
/** A policy that expires changes the answer, so none is kept for long. */
const keepMs = 5_000

export function explainer(platform: Platform, intent: Intent, clocks: ExplainerClocks): Explainer {
  const { decide } = decider(platform, intent)
  const known = new Map<string, Explanation>()
  let knownSince = clocks.elapsed()
  let left = Infinity

  return Object.freeze({
    allot: (ms: number) => {
      left = ms
      if (clocks.elapsed() - knownSince > keepMs || known.size > remembered) {
        known.clear()
        knownSince = clocks.elapsed()
      }
    },
    explain: (flow: Flow) => {
      const key = `${formatFlowEnd(flow.source)} ${flow.phase} ${formatFlowEnd(flow.destination)} ${flow.protocol} ${flow.port}`
      const before = known.get(key)
      if (before !== undefined || left <= 0) return before
      const started = clocks.elapsed()
      const decision = decide(flow, clocks.now())
      left -= clocks.elapsed() - started
      const nearest = decision.verdict === 'deny' ? decision.nearest : undefined
      const { verdict, reason } = decision
      const found: Explanation = { verdict, reason, ...(nearest === undefined ? {} : { nearest: { origin: nearest.origin, why: nearest.why } }) }
      known.set(key, found)
      return found
    },
  })
}
