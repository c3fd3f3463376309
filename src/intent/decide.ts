/** Allow or deny for one flow, with the policies that allow it or the one that came nearest. */
import { setContains } from '../net/address-set.ts'
import { publishedAddresses } from './externals.ts'
import { formatFlowEnd, formatOrigins } from './format.ts'
import { carries } from './mismatch.ts'
import { nearestMiss } from './nearest.ts'
import { pathIndex, phaseOf } from './path-index.ts'
import type { Flow, FlowEnd, Platform } from '../model/platform.ts'
import type { Intent, Path } from './intent.ts'
import type { Asked } from './mismatch.ts'
import type { Nearest } from './nearest.ts'

export type Decision =
  | { readonly verdict: 'allow'; readonly paths: readonly Path[]; readonly reason: string }
  /** `nearest` is absent where no policy could have allowed the flow, or none comes near. */
  | { readonly verdict: 'deny'; readonly reason: string; readonly nearest?: Nearest }

export interface Decider {
  /** The verdict alone, for millions of flows. */
  readonly allows: (flow: Flow, now: number) => boolean
  /** Without a protocol: whether anything at all may travel between the two ends. */
  readonly decide: (flow: Asked, now: number) => Decision
}

const prepared = new WeakMap<Intent, { readonly platform: Platform; readonly decider: Decider }>()

/** `now` in milliseconds since the epoch. */
export function decide(platform: Platform, intent: Intent, flow: Asked, now: number): Decision {
  return decider(platform, intent).decide(flow, now)
}

/** Prepares the Intent once for any number of decisions, also those that are asked for later. `intent` must be that of `platform`. */
export function decider(platform: Platform, intent: Intent): Decider {
  const known = prepared.get(intent)
  if (known?.platform === platform) return known.decider
  const made = prepare(platform, intent)
  prepared.set(intent, { platform, decider: made })
  return made
}

function prepare(platform: Platform, intent: Intent): Decider {
  const index = pathIndex(platform, intent)
  const published = publishedAddresses(platform)
  const nearestTo = nearestMiss(platform, index)

  /** Why no policy at all could allow the flow, or `undefined`. */
  function impossible({ source, destination, protocol, port }: Asked): string | undefined {
    if (source.kind === 'workload' && !platform.workloads.has(source.workload)) return `no workload is called \`${source.workload}\``
    if (destination.kind === 'workload' && !platform.workloads.has(destination.workload)) return `no workload is called \`${destination.workload}\``
    if (protocol !== undefined && (protocol === 'icmp' ? port !== undefined : port === undefined || !(port >= 1 && port <= 65_535))) {
      return protocol === 'icmp' ? '`icmp` has no ports' : `a ${protocol} flow needs a port from 1 to 65535`
    }
    return insideAddress(source) ?? insideAddress(destination) ?? insidePublished(source, destination) ?? outsideOnly(source, destination)
  }

  function insideAddress(end: FlowEnd): string | undefined {
    if (end.kind !== 'address' || !setContains(platform.addresses, end.address)) return undefined
    return `\`${formatFlowEnd(end)}\` is in the platform's own addresses, which are never outside: ask for the workload by its name`
  }

  function insidePublished(source: FlowEnd, destination: FlowEnd): string | undefined {
    if (source.kind !== 'workload' || destination.kind !== 'address' || !setContains(published, destination.address)) return undefined
    return `\`${formatFlowEnd(destination)}\` is a published address, which answers only from outside: workloads use private names`
  }

  function outsideOnly(source: FlowEnd, destination: FlowEnd): string | undefined {
    if (source.kind === 'workload') return undefined
    if (destination.kind === 'workload') {
      if (source.kind === 'external' || source.kind === 'peer') return undefined
      return 'nothing outside reaches a workload itself: outside clients use a published address or a gateway'
    }
    const asksPublished = destination.kind === 'address' && setContains(published, destination.address)
    if (!asksPublished) return 'both ends are outside the platform'
    return source.kind === 'address' ? undefined : 'only an address can ask for a published address'
  }

  function allows(flow: Flow, now: number): boolean {
    const { source, destination } = flow
    // Between workloads there are paths only where both exist and traffic is sound, so nothing else needs a look.
    if (source.kind === 'workload' && destination.kind === 'workload') return index.carries(source.workload, destination.workload, flow, now)
    if (impossible(flow) !== undefined) return false
    const phase = phaseOf(platform, flow)
    for (const path of index.between(source, destination)) if (carries(path, flow, phase, now)) return true
    return false
  }

  function decideOne(flow: Asked, now: number): Decision {
    const never = impossible(flow)
    if (never !== undefined) return { verdict: 'deny', reason: never }
    const phase = phaseOf(platform, flow)
    const paths = index.between(flow.source, flow.destination).filter((path) => carries(path, flow, phase, now))
    if (paths.length > 0) return { verdict: 'allow', paths, reason: allowReason(paths) }
    const ends = `no policy opens \`${formatFlowEnd(flow.source)}\` to \`${formatFlowEnd(flow.destination)}\`${formatAsked(flow)}`
    const nearest = nearestTo(flow, now)
    if (nearest === undefined) return { verdict: 'deny', reason: ends }
    return { verdict: 'deny', reason: `${ends}; nearest: ${formatOrigins(nearest.origin)}, but ${nearest.why}`, nearest }
  }

  return { allows, decide: decideOne }
}

function allowReason(paths: readonly Path[]): string {
  const documents = [...new Set(paths.map((path) => formatOrigins(path.origin)))]
  return `allowed by ${documents.join('; ')}`
}

function formatAsked({ protocol, port }: Asked): string {
  return protocol === undefined ? '' : port === undefined ? ` on ${protocol}` : ` on ${protocol} ${port}`
}
