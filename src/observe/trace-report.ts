/** The answer of a trace in one sentence: where the packets got to, and what the documents say about it. */
import type { Decision } from '../intent/decide.ts'
import type { PacketStory } from './trace-story.ts'
import type { NearestPolicy } from './verdict.ts'

export interface TraceReport {
  readonly kind: 'trace'
  /** `unanswered`: it left towards its destination and nothing came back. `unseen`: no such packet came. */
  readonly verdict: 'delivered' | 'stopped' | 'unanswered' | 'unseen'
  readonly conclusion: string
  /** What the documents say about such a flow. */
  readonly documents: { readonly verdict: Decision['verdict']; readonly reason: string; readonly nearest?: NearestPolicy }
  /** Packets followed, and how many of them stopped. */
  readonly packets: number
  readonly stopped: number
}

/** What came of a probe, as its sender saw it; `undefined` when nothing was sent. */
export type Outcome = 'open' | 'other' | 'refused' | 'silent' | undefined

export function traceReport(stories: readonly PacketStory[], isRequest: (story: PacketStory) => boolean, outcome: Outcome, decision: Decision): TraceReport {
  const stopped = stories.filter((s) => s.end !== 'passed')
  return {
    kind: 'trace',
    ...conclude(stories.find(isRequest), stories.find((s) => !isRequest(s)), stopped[0], outcome, decision),
    documents: {
      verdict: decision.verdict,
      reason: decision.reason,
      ...(decision.verdict === 'deny' && decision.nearest !== undefined ? { nearest: { origin: decision.nearest.origin, why: decision.nearest.why } } : {}),
    },
    packets: stories.length,
    stopped: stopped.length,
  }
}

function conclude(
  request: PacketStory | undefined, reply: PacketStory | undefined, stopped: PacketStory | undefined, outcome: Outcome, decision: Decision,
): Pick<TraceReport, 'verdict' | 'conclusion'> {
  if (stopped !== undefined) return { verdict: 'stopped', conclusion: `${stopped === request ? 'stopped' : 'stopped on the way back'}: ${whyStopped(stopped, decision)}` }
  if (request === undefined && reply === undefined) return { verdict: 'unseen', conclusion: 'no such packet reached the router' }
  const by = request === undefined || request.policies.length === 0 ? '' : ` by ${request.policies.join(' with ')}`
  if (reply !== undefined || outcome === 'open' || outcome === 'other') {
    return { verdict: 'delivered', conclusion: `delivered${by}, and ${outcome === 'refused' ? 'refused by the other end itself' : 'answered'}` }
  }
  return { verdict: 'unanswered', conclusion: `delivered${by}, but nothing came back: the other end is silent` }
}

function whyStopped(story: PacketStory, decision: Decision): string {
  const where = story.hops.at(-1)?.text ?? 'nothing is known of its way'
  if (story.reason !== 'policy' && story.reason !== 'published') return where
  if (decision.verdict === 'deny') return decision.reason
  // What the decision calls allowed is then a request at the gateway, which no packet of this trace is.
  if (decision.paths.length > 0 && decision.paths.every(({ via }) => via.kind === 'proxy')) return `${where}; it is ${decision.reason}, but only through the inbound gateway: trace the way to that one's address`
  return `${where}, although it is ${decision.reason}: \`bulkhead status\` says what this host cannot carry`
}
