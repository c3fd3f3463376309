/** What the documents say about a refused flow, within a budget of time: an attacker chooses how many flows there are. */
import { decider } from '../intent/decide.ts'
import { formatFlowEnd } from '../intent/format.ts'
import type { Flow, Platform } from '../model/platform.ts'
import type { Intent } from '../intent/intent.ts'
import type { Explanation } from './verdict.ts'

export interface Explainer {
  readonly explain: (flow: Flow) => Explanation | undefined
  /** Begins a piece of work: what it cannot explain in the time that is left to it goes unexplained. */
  readonly begin: () => void
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
/** The share of all time that explaining may take, what may be saved up for a burst, and what one piece of work may spend. */
const share = 0.25
const mostSavedMs = 500
const mostAtOnceMs = 50

export function explainer(platform: Platform, intent: Intent, clocks: ExplainerClocks): Explainer {
  const { decide } = decider(platform, intent)
  const known = new Map<string, Explanation>()
  let knownSince = clocks.elapsed()
  let saved = mostSavedMs
  let savedAt = clocks.elapsed()
  let left = mostAtOnceMs

  return Object.freeze({
    begin: () => {
      const at = clocks.elapsed()
      saved = Math.min(mostSavedMs, saved + (at - savedAt) * share)
      savedAt = at
      left = Math.min(mostAtOnceMs, saved)
      if (at - knownSince > keepMs || known.size > remembered) {
        known.clear()
        knownSince = at
      }
    },
    explain: (flow: Flow) => {
      const key = `${formatFlowEnd(flow.source)} ${flow.phase} ${formatFlowEnd(flow.destination)} ${flow.protocol} ${flow.port}`
      const before = known.get(key)
      if (before !== undefined || left <= 0) return before
      const started = clocks.elapsed()
      const decision = decide(flow, clocks.now())
      const spent = clocks.elapsed() - started
      left -= spent
      saved -= spent
      const nearest = decision.verdict === 'deny' ? decision.nearest : undefined
      const { verdict, reason } = decision
      const found: Explanation = { verdict, reason, ...(nearest === undefined ? {} : { nearest: { origin: nearest.origin, why: nearest.why } }) }
      known.set(key, found)
      return found
    },
  })
}
