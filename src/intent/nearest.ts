/** The policy that comes nearest to a refused flow, and which of its parts would have had to be another. */
import { formatInstant } from '../base/clock.ts'
import { formatEnd, formatFlowEnd, formatTraffic } from './format.ts'
import { mismatches } from './mismatch.ts'
import { phaseOf } from './path-index.ts'
import { selector } from './select.ts'
import { trafficOf } from './traffic.ts'
import { hasPort } from '../net/ports.ts'
import type { FederationHalf, FederationPolicy, Platform, Workload } from '../model/platform.ts'
import type { Origin, Path } from './intent.ts'
import type { Asked, Mismatch } from './mismatch.ts'
import type { PathIndex } from './path-index.ts'
import type { Selector } from './select.ts'

export interface Nearest {
  /** Absent where the document opens no path by itself: a federation half that nothing meets. */
  readonly path?: Path
  readonly origin: readonly Origin[]
  /** Every part that does not fit, the weightiest first; never empty. */
  readonly mismatches: readonly Mismatch[]
  /** The same in words that follow "but". */
  readonly why: string
}

/** How far away each mismatch puts a policy; a wrong end outweighs all the others together. */
const weights: Readonly<Record<Mismatch, number>> = { expired: 1, phase: 2, http: 4, port: 8, protocol: 16, half: 32, source: 64, destination: 65 }

/**
 * Among paths that share at least one end with a refused flow, the one with the fewest and lightest mismatches; the first
 * in the Intent's order on a tie.
 */
export function nearestMiss(platform: Platform, index: PathIndex): (flow: Asked, now: number) => Nearest | undefined {
  let select: Selector | undefined
  return (flow, now) => miss(platform, index, () => (select ??= selector(platform)), flow, now)
}

function miss(platform: Platform, index: PathIndex, select: () => Selector, flow: Asked, now: number): Nearest | undefined {
  const phase = phaseOf(platform, flow)
  const between = best(index.between(flow.source, flow.destination).map((path) => ({ path, found: mismatches(path, flow, phase, now) })))
  if (between !== undefined) return describe(between, flow, phase)
  const half = lonelyHalf(platform, select, flow)
  if (half !== undefined) return half
  const sameSource = index.from(flow.source).map((path) => ({ path, found: ['destination' as const, ...mismatches(path, flow, phase, now)] }))
  // The phase of the workload that asks says nothing about another workload's policy.
  const sameDestination = index.to(flow.destination).map((path) => ({ path, found: ['source' as const, ...mismatches(path, flow, undefined, now)] }))
  const candidate = best([...sameDestination, ...sameSource])
  return candidate === undefined ? undefined : describe(candidate, flow, phase)
}

interface Candidate {
  readonly path: Path
  readonly found: readonly Mismatch[]
}

function best(candidates: readonly Candidate[]): Candidate | undefined {
  let lightest: Candidate | undefined
  let least = Infinity
  for (const candidate of candidates) {
    const weight = candidate.found.reduce((sum, mismatch) => sum + weights[mismatch], 0)
    if (weight < least) [least, lightest] = [weight, candidate]
  }
  return lightest
}

function describe({ path, found }: Candidate, flow: Asked, phase: Asked['phase']): Nearest {
  const why = found.map((mismatch) => explain(mismatch, path, flow, phase)).join(', and ')
  return { path, origin: path.origin, mismatches: found, why }
}

function explain(mismatch: Mismatch, path: Path, flow: Asked, phase: Asked['phase']): string {
  switch (mismatch) {
    case 'source':
      return `its \`source\` (here \`${formatEnd(path.source)}\`) does not hold \`${formatFlowEnd(flow.source)}\``
    case 'destination':
      return `its \`destination\` (here \`${formatEnd(path.destination)}\`) does not hold \`${formatFlowEnd(flow.destination)}\``
    case 'protocol':
      return `its \`protocol\` is ${path.protocol}, not ${flow.protocol ?? 'any'}`
    case 'port':
      if (path.via.kind === 'publish' && flow.destination.kind === 'address') return `its published \`port\` is ${path.via.port}, not ${flow.port ?? 'none'}`
      return `its \`port\` is ${formatTraffic(path).replace(/^\S+ ?/, '')}, not ${flow.port ?? 'none'}`
    case 'http':
      return 'its `http` can only be judged at the gateway, by name; to a bare address it stays closed'
    case 'phase':
      return `its \`phases\` are ${path.phases.join(', ')}, and \`${formatFlowEnd(flow.source)}\` is in ${phase ?? 'none'}`
    case 'expired':
      return `it \`expires\` at ${formatInstant(path.expires ?? 0)}, which has passed`
    case 'half':
      return 'no other half meets it'
  }
}

/** An import that names the flow and that nothing exports, or an export that nothing imports. */
function lonelyHalf(platform: Platform, select: () => Selector, flow: Asked): Nearest | undefined {
  if (flow.source.kind !== 'workload' || flow.destination.kind !== 'workload') return undefined
  const source = platform.workloads.get(flow.source.workload)
  const destination = platform.workloads.get(flow.destination.workload)
  if (source === undefined || destination === undefined || source.enclave === destination.enclave) return undefined
  const names = (half: FederationHalf): boolean =>
    select().workloads(half.source).includes(source) && select().workloads(half.destination).includes(destination) && holds(half, flow, destination)
  for (const policy of platform.federationPolicies) {
    const half = policy.enclave === source.enclave ? policy.imports.find(names) : undefined
    if (half !== undefined) return lonely(policy, half, `no FederationPolicy of enclave \`${destination.enclave}\` exports it`)
  }
  for (const policy of platform.federationPolicies) {
    const half = policy.enclave === destination.enclave ? policy.exports.find(names) : undefined
    if (half !== undefined) return lonely(policy, half, `no FederationPolicy of enclave \`${source.enclave}\` imports it`)
  }
  return undefined
}

function holds(half: FederationHalf, flow: Asked, destination: Workload): boolean {
  return trafficOf(half.traffic)(destination).some(
    ({ protocol, ports }) =>
      flow.protocol === undefined ||
      (protocol === flow.protocol && (protocol === 'icmp' || (flow.port !== undefined && hasPort(ports, flow.port)))),
  )
}

function lonely(policy: FederationPolicy, half: FederationHalf, why: string): Nearest {
  const origin = [{ document: `FederationPolicy ${policy.enclave}/${policy.name}`, at: half.at }]
  return { origin, mismatches: ['half'], why }
}
