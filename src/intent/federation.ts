/** Paths between enclaves and platforms: open only where an import meets an export. */
import { allPhases, insideVia, originOf } from './builder.ts'
import { compareOrigin } from './order.ts'
import { intersectTraffic, trafficOf } from './traffic.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { FederationHalf, FederationPolicy, LocalRef, PeerRef, Platform, Workload, WorkloadId } from '../model/platform.ts'
import type { Builder } from './builder.ts'
import type { Origin, Via } from './intent.ts'
import type { Selector } from './select.ts'
import type { TrafficFor } from './traffic.ts'

interface Half {
  readonly policy: FederationPolicy
  readonly half: FederationHalf
  readonly side: 'export' | 'import'
  readonly origin: Origin
  readonly traffic: TrafficFor
  /** Workloads that it selects here, by end; the owner's end holds only the owner's workloads, the other end only others'. */
  readonly sources: readonly Workload[]
  readonly destinations: readonly Workload[]
  readonly sourceIds: ReadonlySet<WorkloadId>
}

const toPeer: Via = Object.freeze({ kind: 'peer' })

/** Adds every met pair of halves and every half that faces a Peer; warns of halves that nothing meets. */
export function openFederation(build: Builder, select: Selector, platform: Platform): readonly Diagnostic[] {
  const all = platform.federationPolicies.flatMap((policy) => [
    ...policy.imports.map((half) => read(select, policy, half, 'import')),
    ...policy.exports.map((half) => read(select, policy, half, 'export')),
  ])
  for (const half of all) openTowardsPeers(build, half)
  const met = openBetweenEnclaves(build, all)
  return all.flatMap((half) => (facesEnclaves(half) && !met.has(half) ? [unmet(half)] : []))
}

function read(select: Selector, policy: FederationPolicy, half: FederationHalf, side: Half['side']): Half {
  const inside = (w: Workload): boolean => w.enclave === policy.enclave
  const outside = (w: Workload): boolean => w.enclave !== policy.enclave
  const sources = select.workloads(half.source).filter(side === 'import' ? inside : outside)
  const destinations = select.workloads(half.destination).filter(side === 'import' ? outside : inside)
  return {
    policy,
    half,
    side,
    origin: Object.freeze({ ...originOf(policy), at: half.at }),
    traffic: trafficOf(half.traffic),
    sources,
    destinations,
    sourceIds: new Set(sources.map((w) => w.id)),
  }
}

/** The local half alone makes the path: the other Platform decides its own. */
function openTowardsPeers(build: Builder, { side, policy, half, origin, traffic, sources, destinations }: Half): void {
  const shared = { kind: 'federation', phases: allPhases, expires: policy.expires, via: toPeer, origin: Object.freeze([origin]) } as const
  if (side === 'import') {
    const opened = traffic(undefined)
    for (const destination of new Set(peers(half.destination).map(build.peer))) {
      for (const s of sources) build.add({ source: build.workload(s.id), destination }, opened, shared)
    }
  } else {
    for (const source of new Set(peers(half.source).map(build.peer))) {
      for (const d of destinations) build.add({ source, destination: build.workload(d.id) }, traffic(d), shared)
    }
  }
}

/** Exports are looked up by (destination, enclave of the source), so that many tenants of one service cost no more than their own halves. */
function openBetweenEnclaves(build: Builder, all: readonly Half[]): ReadonlySet<Half> {
  const offers = new Map<string, Half[]>()
  for (const half of all) {
    if (half.side !== 'export') continue
    const guests = new Set(half.sources.map((s) => s.enclave))
    for (const d of half.destinations) {
      for (const guest of guests) {
        const key = `${d.id} ${guest}`
        const known = offers.get(key)
        if (known === undefined) offers.set(key, [half])
        else known.push(half)
      }
    }
  }
  const met = new Set<Half>()
  for (const wish of all) {
    if (wish.side !== 'import') continue
    for (const d of wish.destinations) {
      for (const offer of offers.get(`${d.id} ${wish.policy.enclave}`) ?? []) {
        const opened = intersectTraffic(wish.traffic(d), offer.traffic(d))
        if (opened.length === 0) continue
        const shared = {
          kind: 'federation',
          phases: allPhases,
          expires: earlier(wish.policy.expires, offer.policy.expires),
          via: insideVia(wish.policy, offer.policy),
          origin: Object.freeze([wish.origin, offer.origin].sort(compareOrigin)),
        } as const
        for (const s of wish.sources) {
          if (!offer.sourceIds.has(s.id)) continue
          met.add(wish).add(offer)
          build.add({ source: build.workload(s.id), destination: build.workload(d.id) }, opened, shared)
        }
      }
    }
  }
  return met
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b)
}

function peers(refs: readonly (LocalRef | PeerRef)[]): readonly PeerRef[] {
  return refs.flatMap((ref) => (ref.kind === 'peer' ? [ref] : []))
}

function facesEnclaves({ side, half }: Half): boolean {
  return (side === 'import' ? half.destination : half.source).some((ref) => ref.kind !== 'peer')
}

function unmet({ side, policy, half }: Half): Diagnostic {
  const others = (side === 'import' ? half.destination : half.source).flatMap((ref) =>
    ref.kind === 'workload' ? [ref.workload] : ref.kind === 'enclave' ? [`${ref.enclave}/*`] : [],
  )
  const names = [...new Set(others)].map((name) => `\`${name}\``).join(', ')
  const message =
    side === 'import'
      ? `no export meets this import of FederationPolicy \`${policy.name}\` from ${names}, so it opens nothing`
      : `no import meets this export of FederationPolicy \`${policy.name}\` to ${names}, so it opens nothing`
  return {
    code: 'one-sided-half',
    severity: 'warning',
    message,
    at: half.at,
    help: `both halves must select the same workloads, protocol and port; ask the owner of ${names} for the other half`,
  }
}
