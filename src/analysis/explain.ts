/** Allowed or denied, and why: the answer to one question, for people and for machines. */
import { formatInstant } from '../base/clock.ts'
import { formatEnd, formatFlowEnd, formatTraffic } from '../intent/format.ts'
import { decide } from '../intent/decide.ts'
import { documentRefs } from './document-ref.ts'
import { formatVia } from './matrix.ts'
import type { Intent, Path } from '../intent/intent.ts'
import type { Asked, Mismatch } from '../intent/mismatch.ts'
import type { Platform } from '../model/platform.ts'
import type { DocumentRef } from './document-ref.ts'

export interface Explanation {
  readonly verdict: 'allow' | 'deny'
  readonly source: string
  readonly destination: string
  /** Absent where the question was about anything at all. */
  readonly protocol?: string
  readonly port?: number
  readonly phase?: string
  /** The instant for which the answer holds. */
  readonly at: string
  /** The documents that allow it; empty when it is denied. */
  readonly policies: readonly DocumentRef[]
  /** What the allowing paths carry: more than the question may have asked. */
  readonly paths: readonly ExplainedPath[]
  readonly reason: string
  readonly nearest?: { readonly policies: readonly DocumentRef[]; readonly mismatches: readonly Mismatch[]; readonly why: string }
}

export interface ExplainedPath {
  readonly source: string
  readonly destination: string
  readonly traffic: string
  readonly via: string
  readonly policies: readonly DocumentRef[]
}

/** `now` in milliseconds since the epoch. */
export function explain(platform: Platform, intent: Intent, asked: Asked, now: number): Explanation {
  const decision = decide(platform, intent, asked, now)
  const paths = decision.verdict === 'allow' ? decision.paths : []
  const nearest = decision.verdict === 'deny' ? decision.nearest : undefined
  return {
    verdict: decision.verdict,
    source: formatFlowEnd(asked.source),
    destination: formatFlowEnd(asked.destination),
    ...(asked.protocol === undefined ? {} : { protocol: asked.protocol }),
    ...(asked.port === undefined ? {} : { port: asked.port }),
    ...(asked.phase === undefined ? {} : { phase: asked.phase }),
    at: formatInstant(now),
    policies: documentRefs(paths.flatMap((path) => path.origin)),
    paths: paths.map(explainedPath),
    reason: decision.reason,
    ...(nearest === undefined ? {} : { nearest: { policies: documentRefs(nearest.origin), mismatches: nearest.mismatches, why: nearest.why } }),
  }
}

function explainedPath(path: Path): ExplainedPath {
  return {
    source: formatEnd(path.source),
    destination: formatEnd(path.destination),
    traffic: formatTraffic(path),
    via: formatVia(path.via),
    policies: documentRefs(path.origin),
  }
}
