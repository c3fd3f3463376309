/** The boundaries that a flow crosses on its way, and what each of them says about it. */
import { formatInstant } from '../base/clock.ts'
import { formatFlowEnd } from '../intent/format.ts'
import { selector } from '../intent/select.ts'
import { intersectTraffic, trafficOf } from '../intent/traffic.ts'
import { hasPort } from '../net/ports.ts'
import { isExpired } from '../model/platform.ts'
import { documentRefs } from './document-ref.ts'
import type { Decision } from '../intent/decide.ts'
import type { Path } from '../intent/intent.ts'
import type { Asked } from '../intent/mismatch.ts'
import type { FederationHalf, FederationPolicy, Platform, Workload } from '../model/platform.ts'
import type { DocumentRef } from './document-ref.ts'

export interface Boundary {
  /** `service`: inside one enclave; `enclave`: its edge; `external`: the edge to the outside; `platform`: another platform's. */
  readonly boundary: 'service' | 'enclave' | 'external' | 'platform'
  /** `out of enclave a`, `into enclave b`, ... */
  readonly where: string
  readonly verdict: 'allow' | 'deny' | 'decided elsewhere'
  readonly policies: readonly DocumentRef[]
  /** Why it is denied. */
  readonly why?: string
}

/** In the order in which the flow meets them. `decision` is the one on the whole flow. */
export function boundaries(platform: Platform, asked: Asked, decision: Decision, now: number): readonly Boundary[] {
  const { source, destination } = asked
  const paths = decision.verdict === 'allow' ? decision.paths : []
  const [from, to] = [source, destination].map((end) => (end.kind === 'workload' ? platform.workloads.get(end.workload) : undefined))
  if (from !== undefined && to !== undefined) {
    if (from.enclave === to.enclave) return [whole('service', `inside enclave ${from.enclave}`, decision, paths)]
    const leaves = halvesFor(platform, 'import', from.enclave, from, to)
    const enters = halvesFor(platform, 'export', to.enclave, from, to)
    return [
      half({ side: 'import', enclave: from.enclave, halves: leaves }, asked, to, now),
      half({ side: 'export', enclave: to.enclave, halves: enters }, asked, to, now, leaves),
    ]
  }
  if (from !== undefined && destination.kind === 'peer') {
    const elsewhere: Boundary = { boundary: 'platform', where: `into platform ${destination.peer}`, verdict: 'decided elsewhere', policies: [], why: 'the other platform decides its own half' }
    return [whole('enclave', `out of enclave ${from.enclave}`, decision, paths), elsewhere]
  }
  if (to !== undefined && source.kind === 'peer') {
    const elsewhere: Boundary = { boundary: 'platform', where: `out of platform ${source.peer}`, verdict: 'decided elsewhere', policies: [], why: 'the other platform decides its own half' }
    return [elsewhere, whole('enclave', `into enclave ${to.enclave}`, decision, paths)]
  }
  if (from !== undefined && destination.kind !== 'workload') return [whole('external', `out of enclave ${from.enclave} to ${formatFlowEnd(destination)}`, decision, paths)]
  const inward = to ?? publishedFor(platform, asked)
  if (inward !== undefined) return [whole('external', `from ${formatFlowEnd(source)} into enclave ${inward.enclave}`, decision, paths)]
  return []
}

function whole(boundary: Boundary['boundary'], where: string, decision: Decision, paths: readonly Path[]): Boundary {
  if (decision.verdict === 'allow') return { boundary, where, verdict: 'allow', policies: documentRefs(paths.flatMap((path) => path.origin)) }
  return { boundary, where, verdict: 'deny', policies: [], why: decision.nearest === undefined ? decision.reason : `nearest: ${decision.nearest.origin.map((o) => o.document).join(' with ')}, but ${decision.nearest.why}` }
}

/**
 * Each side of a boundary between enclaves consents by itself, so each is told by itself. Where nobody said what travels, it is
 * whatever the side before lets out; where that lets nothing out, this side is asked about anything at all.
 */
function half({ side, enclave, halves }: EnclaveSide, asked: Asked, to: Workload, now: number, before: readonly PolicyHalf[] = []): Boundary {
  const where = `${side === 'import' ? 'out of' : 'into'} enclave ${enclave}`
  const fitting = halves.filter(({ half: one }) => carriesAsked(one, asked, to))
  const open = fitting.filter((one) => isOpen(one, now))
  const offered = asked.protocol === undefined ? before.filter((one) => isOpen(one, now)) : []
  const met = offered.length === 0 ? open : open.filter(({ half: one }) => offered.some(({ half: other }) => meet(one, other, to)))
  if (met.length > 0) return { boundary: 'enclave', where, verdict: 'allow', policies: documentRefs(met.map(originOfHalf)) }
  const [expired] = fitting
  const [near] = halves
  const [unmet] = open
  const why =
    unmet !== undefined ? `FederationPolicy ${enclave}/${unmet.policy.name} ${side}s nothing that the other side lets out`
    : expired !== undefined ? `FederationPolicy ${enclave}/${expired.policy.name} expired at ${formatInstant(expired.policy.expires ?? 0)}`
    : near !== undefined ? `FederationPolicy ${enclave}/${near.policy.name} ${side}s other traffic between these two`
    : `no FederationPolicy of enclave ${enclave} ${side}s it`
  const told = unmet ?? expired ?? near
  return { boundary: 'enclave', where, verdict: 'deny', policies: documentRefs(told === undefined ? [] : [originOfHalf(told)]), why }
}

export function isOpen({ policy }: PolicyHalf, now: number): boolean {
  return !isExpired(policy, now)
}

function meet(a: FederationHalf, b: FederationHalf, to: Workload): boolean {
  return intersectTraffic(trafficOf(a.traffic)(to), trafficOf(b.traffic)(to)).length > 0
}

/** What the documents of one enclave say about these two workloads. */
interface EnclaveSide {
  readonly side: 'import' | 'export'
  readonly enclave: string
  readonly halves: readonly PolicyHalf[]
}

export interface PolicyHalf {
  readonly policy: FederationPolicy
  readonly half: FederationHalf
}

function originOfHalf(found: PolicyHalf) {
  return { document: `FederationPolicy ${found.policy.enclave}/${found.policy.name}`, at: found.half.at }
}

/** The halves of that side that select both ends, whatever travels and until when. */
export function halvesFor(platform: Platform, side: 'import' | 'export', enclave: string, from: Workload, to: Workload): readonly PolicyHalf[] {
  const select = selector(platform)
  return platform.federationPolicies.filter((policy) => policy.enclave === enclave).flatMap((policy) =>
    (side === 'import' ? policy.imports : policy.exports)
      .filter((one) => select.workloads(one.source).includes(from) && select.workloads(one.destination).includes(to))
      .map((one) => ({ policy, half: one })),
  )
}

export function carriesAsked({ traffic }: FederationHalf, { protocol, port }: Pick<Asked, 'protocol' | 'port'>, to: Workload): boolean {
  return trafficOf(traffic)(to).some((t) => protocol === undefined || (t.protocol === protocol && (protocol === 'icmp' || (port !== undefined && hasPort(t.ports, port)))))
}

/** The workload behind a published address, if there is one. */
function publishedFor(platform: Platform, { destination }: Asked): Workload | undefined {
  if (destination.kind !== 'address') return undefined
  const { address } = destination
  for (const { gateway, destination: refs } of platform.ingressPolicies) {
    if (gateway.kind !== 'publish' || !gateway.addresses.some((a) => a.family === address.family && a.bits === address.bits)) continue
    const [only] = refs
    return only?.kind === 'workload' ? platform.workloads.get(only.workload) : undefined
  }
  return undefined
}
