/** Why one end reaches another, or does not: each side's policies, in the order in which they are judged. */
import { formatLocation } from '../../base/location.ts'
import { setContains } from '../../net/address-set.ts'
import { formatAddress } from '../../net/address.ts'
import { pieceOf, between } from './connections.ts'
import { trafficOf } from './evaluate.ts'
import { policyTitle } from './policy.ts'
import { formatConnection, hasConnection, noTraffic, allTraffic } from './traffic.ts'
import type { Address } from '../../net/address.ts'
import type { Analysis } from './connections.ts'
import type { Direction, Policy, Rule } from './policy.ts'
import type { TrafficId } from './traffic.ts'

export type End =
  | { readonly kind: 'pod'; readonly pod: number }
  | { readonly kind: 'address'; readonly address: Address }

export interface Side {
  readonly direction: Direction
  readonly subject: string
  /** What this side lets through of what was asked. */
  readonly allows: string
  readonly reason: string
  readonly rules: readonly { readonly policy: string; readonly at: string; readonly action: Rule['action']; readonly conn: string }[]
  /** Every policy that selects the pod in this direction. */
  readonly policies: readonly { readonly policy: string; readonly at: string }[]
}

export interface ClusterExplanation {
  readonly verdict: 'allow' | 'deny'
  readonly source: string
  readonly destination: string
  /** All that is open between the two. */
  readonly conn: string
  readonly sides: readonly Side[]
}

/** `asked`: the traffic in question; everything when left out, and then any connection is an allow. */
export function explainConnection(analysis: Analysis, source: End, destination: End, asked: TrafficId = allTraffic): ClusterExplanation {
  const { table } = analysis
  const open = openBetween(analysis, source, destination)
  const answer = table.intersect(open, asked)
  const sides = [
    ...(source.kind === 'pod' ? [sideOf(analysis, 'egress', source.pod, destination, asked)] : []),
    ...(destination.kind === 'pod' ? [sideOf(analysis, 'ingress', destination.pod, source, asked)] : []),
  ]
  return {
    verdict: asked === allTraffic ? (hasConnection(table.get(answer)) ? 'allow' : 'deny') : answer === asked ? 'allow' : 'deny',
    source: nameOf(analysis, source),
    destination: nameOf(analysis, destination),
    conn: describe(analysis, open),
    sides,
  }
}

/** All that is open between any of these pairs. */
export function connectionBetween(analysis: Analysis, pairs: readonly { readonly source: End; readonly destination: End }[]): string {
  const { table } = analysis
  return describe(analysis, pairs.reduce((all, { source, destination }) => table.union(all, openBetween(analysis, source, destination)), noTraffic))
}

function openBetween(analysis: Analysis, source: End, destination: End): TrafficId {
  if (source.kind === 'pod' && destination.kind === 'pod') return between(analysis, source.pod, destination.pod)
  if (source.kind === 'pod' && destination.kind === 'address') return outward(analysis, 'egress', source.pod, destination.address)
  if (source.kind === 'address' && destination.kind === 'pod') return outward(analysis, 'ingress', destination.pod, source.address)
  return noTraffic
}

function outward(analysis: Analysis, direction: Direction, pod: number, address: Address): TrafficId {
  const piece = pieceOf(direction === 'egress' ? analysis.destinations : analysis.sources, address)
  // Where no policy speaks of a family, no piece of it differs from the one that no rule names.
  return analysis[direction][pod]?.outside(piece ?? -1) ?? noTraffic
}

function sideOf(analysis: Analysis, direction: Direction, subject: number, peer: End, asked: TrafficId): Side {
  const { cluster, index, table } = analysis
  const selecting = cluster.policies.filter((policy) => policy[direction] !== undefined && index.select(policy.subject).includes(subject))
  const ordered = (['admin', 'namespaced', 'baseline'] as const).flatMap((tier) => selecting.filter((p) => p.tier === tier).sort((a, b) => a.priority - b.priority))
  const isolated = selecting.some(({ tier }) => tier === 'namespaced')
  const rules = ordered
    .filter(({ tier }) => !(isolated && tier === 'baseline'))
    .flatMap((policy) => (policy[direction] ?? []).flatMap((rule) => {
      const traffic = matches(analysis, rule, peer) ? table.intersect(asked, trafficOf(table, rule.ports, portsOf(analysis, direction, subject, peer))) : noTraffic
      return traffic === noTraffic ? [] : [{ policy, rule, traffic }]
    }))
  const allowed = table.intersect(asked, ownVerdict(analysis, direction, subject, peer))
  return {
    direction,
    subject: nameOf(analysis, { kind: 'pod', pod: subject }),
    allows: describe(analysis, allowed),
    reason: reasonOf(ordered, rules, isolated, allowed, direction),
    rules: rules.map(({ policy, rule, traffic }) => ({ policy: policyTitle(policy), at: formatLocation(rule.at), action: rule.action, conn: describe(analysis, traffic) })),
    policies: ordered.map((policy) => ({ policy: policyTitle(policy), at: formatLocation(policy.at) })),
  }
}

function reasonOf(
  policies: readonly Policy[], rules: readonly { readonly policy: Policy; readonly rule: Rule }[], isolated: boolean, allowed: TrafficId, direction: Direction,
): string {
  if (policies.length === 0) return `no policy selects it: its ${direction} is open`
  const allowing = rules.filter(({ rule }) => rule.action === 'allow')
  if (allowed !== noTraffic) return allowing.length === 0 ? 'no rule is about it, and no NetworkPolicy isolates the pod' : `allowed by ${titles(allowing)}`
  const denying = rules.filter(({ rule }) => rule.action === 'deny')
  if (denying.length > 0) return `denied by ${titles(denying)}`
  return isolated ? `isolated by ${titles(policies.filter(({ tier }) => tier === 'namespaced').map((policy) => ({ policy })))}, and no rule allows it` : 'no rule allows it'
}

function titles(of: readonly { readonly policy: Policy }[]): string {
  return [...new Set(of.map(({ policy }) => policyTitle(policy)))].join(', ')
}

function ownVerdict(analysis: Analysis, direction: Direction, subject: number, peer: End): TrafficId {
  const profile = analysis[direction][subject]
  if (profile === undefined) return noTraffic
  return peer.kind === 'pod' ? (profile.pods.get(peer.pod) ?? profile.others) : outward(analysis, direction, subject, peer.address)
}

function matches({ index }: Analysis, { peers }: Rule, end: End): boolean {
  if (peers === undefined) return true
  return peers.some((peer) =>
    peer.kind === 'pods' ? end.kind === 'pod' && index.select(peer.selection).includes(end.pod) : end.kind === 'address' && setContains(peer.addresses, end.address))
}

/** The ports that names mean: those of the destination. */
function portsOf({ cluster }: Analysis, direction: Direction, subject: number, peer: End) {
  const destination = direction === 'ingress' ? subject : peer.kind === 'pod' ? peer.pod : undefined
  return destination === undefined ? [] : (cluster.pods[destination]?.ports ?? [])
}

function nameOf({ cluster }: Analysis, end: End): string {
  return end.kind === 'pod' ? (cluster.pods[end.pod]?.workload ?? '') : formatAddress(end.address)
}

function describe({ table }: Analysis, traffic: TrafficId): string {
  const text = formatConnection(table.get(traffic))
  return text === '' ? 'No Connections' : text
}
