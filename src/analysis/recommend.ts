/** From flows that were seen: the least that would have allowed them, and which policies nobody used. */
import { decider } from '../intent/decide.ts'
import { documentRefs } from './document-ref.ts'
import { recommendEgress } from './recommend-egress.ts'
import { recommendFederation, recommendServices } from './recommend-inside.ts'
import { documentOf } from './what-if.ts'
import { allPolicies } from '../model/platform.ts'
import type { Intent } from '../intent/intent.ts'
import type { Flow, IngressPolicy, Platform } from '../model/platform.ts'
import type { PolicyUse, Recommendation, SeenEnd, SeenFlow } from './seen.ts'

export function recommend(platform: Platform, intent: Intent, flows: readonly SeenFlow[]): Recommendation {
  const isOurs = ({ source, destination }: SeenFlow): boolean => isKnown(platform, source) && isKnown(platform, destination)
  const known = flows.filter(isOurs)
  const strangers = flows.filter((flow) => !isOurs(flow)).map((flow) => ({ flow, why: 'a workload of that name is not in the documents' }))
  const inside = known.filter(({ source, destination }) => source.kind === 'workload' && destination.kind === 'workload')
  const outward = known.filter(({ source, destination }) => source.kind === 'workload' && destination.kind === 'address')
  const inward = known.filter(({ source }) => source.kind === 'address')
  const used = usesOf(platform, intent, known)
  const ingress = ingressFor(platform, inward, used)
  const egress = recommendEgress(platform, outward)
  const spans = flows.flatMap(({ first, last }) => [first, last])
  return {
    documents: [...recommendServices(inside), ...recommendFederation(inside), ...egress.documents, ...ingress.documents],
    left: [...strangers, ...egress.left, ...ingress.left],
    uses: useList(platform, intent, used),
    ...(spans.length === 0 ? {} : { span: { from: spans.reduce((a, b) => Math.min(a, b)), to: spans.reduce((a, b) => Math.max(a, b)) } }),
  }
}

function isKnown(platform: Platform, end: SeenEnd): boolean {
  return end.kind === 'address' || platform.workloads.has(end.workload)
}

type Used = ReadonlyMap<SeenFlow, readonly string[]>

/** What the record names, and otherwise whatever allows such a flow now. */
function usesOf(platform: Platform, intent: Intent, flows: readonly SeenFlow[]): Used {
  const { decide } = decider(platform, intent)
  return new Map(flows.filter(({ verdict }) => verdict === 'allow').map((flow) => {
    if (flow.policies.length > 0) return [flow, flow.policies]
    const decision = decide(asFlow(flow), flow.last)
    return [flow, decision.verdict === 'allow' ? [...new Set(decision.paths.flatMap(({ origin }) => origin.map((o) => o.document)))] : []]
  }))
}

function asFlow({ source, destination, protocol, port, phase }: SeenFlow): Flow {
  return { source, destination, protocol, port, phase }
}

/** A record does not say by which address or name somebody came in, so what is used stays as it is. */
function ingressFor(platform: Platform, flows: readonly SeenFlow[], used: Used): Pick<Recommendation, 'documents' | 'left'> {
  const byName = new Map(platform.ingressPolicies.map((policy) => [documentOf(policy), policy]))
  const evidence = new Map<IngressPolicy, SeenFlow[]>()
  const left: { readonly flow: SeenFlow; readonly why: string }[] = []
  for (const flow of flows) {
    const policies = (used.get(flow) ?? []).flatMap((name) => byName.get(name) ?? [])
    if (policies.length === 0) left.push({ flow, why: 'it came from outside, and no IngressPolicy is known for it' })
    for (const policy of policies) {
      const known = evidence.get(policy)
      if (known === undefined) evidence.set(policy, [flow])
      else known.push(flow)
    }
  }
  return { documents: Array.from(evidence, ([document, seen]) => ({ document, evidence: seen })), left }
}

function useList(platform: Platform, intent: Intent, used: Used): readonly PolicyUse[] {
  const policies = [...allPolicies(platform), ...platform.groups.values()]
  const counts = new Map<string, { times: number; last: number }>()
  for (const [flow, documents] of used) {
    for (const document of documents) {
      const known = counts.get(document)
      counts.set(document, { times: (known?.times ?? 0) + flow.times, last: Math.max(known?.last ?? 0, flow.last) })
    }
  }
  // A group that opens nothing is nobody's to use.
  const opening = new Set(intent.paths.flatMap(({ kind, origin }) => (kind === 'group' ? origin.map((o) => o.document) : [])))
  return policies
    .filter((policy) => policy.kind !== 'Group' || opening.has(documentOf(policy)))
    .flatMap((policy): readonly PolicyUse[] => {
      const count = counts.get(documentOf(policy))
      return documentRefs([{ document: documentOf(policy), at: policy.at }]).map((ref) => ({ policy: ref, times: count?.times ?? 0, ...(count === undefined ? {} : { last: count.last }) }))
    })
    .sort((a, b) => (a.last ?? 0) - (b.last ?? 0))
}
