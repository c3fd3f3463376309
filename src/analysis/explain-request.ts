/** Whether one request from outside gets through the gateway, where it would be led, and why; for people and for machines. */
import { formatInstant } from '../base/clock.ts'
import { requestDecider } from '../intent/decide-request.ts'
import { formatFlowEnd } from '../intent/format.ts'
import { hostTable } from '../intent/request-host.ts'
import { normalPath } from '../net/http-path.ts'
import { documentRefs } from './document-ref.ts'
import type { Intent } from '../intent/intent.ts'
import type { FlowEnd, Platform } from '../model/platform.ts'
import type { Caller, RequestRefusal } from '../model/request.ts'
import type { DocumentRef } from './document-ref.ts'

/** A caller as a person describes one: what its token claims, or the names in its certificate; neither is a caller that shows nothing. */
export interface DescribedCaller {
  readonly claims: Readonly<Record<string, unknown>> | undefined
  readonly identities: readonly string[]
}

export interface AskedRequest {
  readonly source: FlowEnd
  readonly host: string
  readonly port: number
  readonly method: string
  readonly path: string
  readonly caller: DescribedCaller
}

export interface RequestExplanation {
  readonly verdict: 'allow' | 'deny'
  readonly source: string
  readonly host: string
  readonly port: number
  /** `compared` is the form in which routes see the path; absent where there is none. */
  readonly request: { readonly method: string; readonly path: string; readonly compared?: string }
  /** The instant for which the answer holds. */
  readonly at: string
  /** `enclave/workload:port`, sorted. */
  readonly to: readonly string[]
  readonly policies: readonly DocumentRef[]
  readonly why?: RequestRefusal
  readonly reason: string
}

/** `now` in milliseconds since the epoch. */
export function explainRequest(platform: Platform, intent: Intent, asked: AskedRequest, now: number): RequestExplanation {
  const { source, host, port, method, path } = asked
  const decision = requestDecider(platform, intent)({ source, host, port, method, path, caller: callerOf(platform, asked) }, now)
  const compared = normalPath(path)
  return {
    verdict: decision.verdict,
    source: formatFlowEnd(source),
    host,
    port,
    request: { method, path, ...(compared === undefined ? {} : { compared }) },
    at: formatInstant(now),
    to: decision.verdict === 'allow' ? decision.to.map((led) => `${led.workload}:${led.port}`) : [],
    policies: decision.verdict === 'allow' ? documentRefs(decision.paths.flatMap(({ origin }) => origin)) : [],
    ...(decision.verdict === 'deny' ? { why: decision.why } : {}),
    reason: decision.reason,
  }
}

/** The token is taken to be of the issuer, and the certificate of the authority, that the host's policies trust. */
function callerOf(platform: Platform, { host, port, caller: { claims, identities } }: AskedRequest): Caller {
  const asks = hostTable(platform)(host, port).map(({ proxy }) => proxy.authentication)
  if (claims !== undefined) {
    const trusted = asks.find((each) => each.kind === 'jwt' || each.kind === 'oidc')
    return { kind: 'token', issuer: trusted?.issuer ?? '', audiences: trusted?.audiences ?? [], claims }
  }
  const [first] = identities
  if (first === undefined) return { kind: 'nobody' }
  const trusted = asks.find((each) => each.kind === 'mtls')
  return { kind: 'certificate', authority: trusted?.caFile ?? /^spiffe:\/\/([^/]+)/.exec(first)?.[1] ?? '', names: identities }
}
