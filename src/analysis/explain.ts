/** Allowed or denied, and why: the answer to one question, for people and for machines. */
import { formatInstant } from '../base/clock.ts'
import { formatEnd, formatFlowEnd, formatOrigins, formatTraffic } from '../intent/format.ts'
import { decide } from '../intent/decide.ts'
import { normalPath } from '../net/http-path.ts'
import { boundaries } from './boundaries.ts'
import { documentRefs } from './document-ref.ts'
import { takesMethod, takesPath } from './grants.ts'
import { formatVia } from './matrix.ts'
import type { Decision } from '../intent/decide.ts'
import type { Intent, Path } from '../intent/intent.ts'
import type { Asked, Mismatch } from '../intent/mismatch.ts'
import type { Platform } from '../model/platform.ts'
import type { Request } from './additions.ts'
import type { Boundary } from './boundaries.ts'
import type { DocumentRef } from './document-ref.ts'

export interface Explanation {
  readonly verdict: 'allow' | 'deny'
  readonly source: string
  readonly destination: string
  /** Absent where the question was about anything at all. */
  readonly protocol?: string
  readonly port?: number
  readonly phase?: string
  readonly request?: Request
  /** The instant for which the answer holds. */
  readonly at: string
  /** The documents that allow it; empty when it is denied. */
  readonly policies: readonly DocumentRef[]
  /** What the allowing paths carry: more than the question may have asked. */
  readonly paths: readonly ExplainedPath[]
  readonly reason: string
  /** What each boundary on the way says. */
  readonly boundaries: readonly Boundary[]
  readonly nearest?: { readonly policies: readonly DocumentRef[]; readonly mismatches: readonly Mismatch[]; readonly why: string }
}

export interface ExplainedPath {
  readonly source: string
  readonly destination: string
  readonly traffic: string
  readonly via: string
  readonly policies: readonly DocumentRef[]
}

/** `now` in milliseconds since the epoch. `request` asks about one HTTP request to a name or an External. */
export function explain(platform: Platform, intent: Intent, asked: Asked, now: number, request?: Request): Explanation {
  const decision = judge(platform, intent, asked, now, request)
  const paths = decision.verdict === 'allow' ? decision.paths : []
  const nearest = decision.verdict === 'deny' ? decision.nearest : undefined
  return {
    verdict: decision.verdict,
    source: formatFlowEnd(asked.source),
    destination: formatFlowEnd(asked.destination),
    ...(asked.protocol === undefined ? {} : { protocol: asked.protocol }),
    ...(asked.port === undefined ? {} : { port: asked.port }),
    ...(asked.phase === undefined ? {} : { phase: asked.phase }),
    ...(request === undefined ? {} : { request }),
    at: formatInstant(now),
    policies: documentRefs(paths.flatMap((path) => path.origin)),
    paths: paths.map(explainedPath),
    reason: decision.reason,
    boundaries: boundaries(platform, asked, decision, now),
    ...(nearest === undefined ? {} : { nearest: { policies: documentRefs(nearest.origin), mismatches: nearest.mismatches, why: nearest.why } }),
  }
}

/** A request is carried by the paths whose `http` takes it, in the form in which gateways compare it; a path without `http` looks at no request. */
function judge(platform: Platform, intent: Intent, asked: Asked, now: number, request: Request | undefined): Decision {
  const decision = decide(platform, intent, asked, now)
  if (request === undefined || decision.verdict === 'deny') return decision
  const compared = normalPath(request.path)
  const paths = decision.paths.filter(({ via }) => {
    const http = via.kind === 'egress' ? via.http : undefined
    return http === undefined || (compared !== undefined && takesMethod(http, request.method) && takesPath(http, compared))
  })
  if (paths.length > 0) return { ...decision, paths, reason: `allowed by ${[...new Set(paths.map((path) => formatOrigins(path.origin)))].join('; ')}` }
  const [first] = decision.paths
  const why = compared === undefined ? 'a gateway refuses a path that could be read in two ways' : `its \`http\` does not take ${request.method} ${compared}`
  const nearest = first === undefined ? {} : { nearest: { path: first, origin: first.origin, mismatches: ['http'], why } as const }
  return { verdict: 'deny', reason: `no policy opens \`${formatFlowEnd(asked.source)}\` to \`${formatFlowEnd(asked.destination)}\` for ${request.method} ${request.path}${first === undefined ? '' : `; nearest: ${formatOrigins(first.origin)}, but ${why}`}`, ...nearest }
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
