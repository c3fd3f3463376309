/** Permissions gathered by who and whom they are for, and made disjoint there. */
import { disjoin } from './claims.ts'
import type { Path } from '../../intent/intent.ts'
import type { Phase, WorkloadId } from '../../model/platform.ts'
import type { Protocol } from '../../net/protocol.ts'
import type { Claim, DisjointClaim } from './claims.ts'

/** Workload, then phase, to the interface group, for what is attached to this host. */
export type AttachedGroups = ReadonlyMap<WorkloadId, ReadonlyMap<Phase, number>>

/** `target` is a group, a class or whatever else tells the far ends apart. */
export interface PairEntry<T> {
  readonly source: number
  readonly target: T
  readonly protocol: Protocol
  readonly claim: Claim
}

export interface PairClaim<T> extends DisjointClaim {
  readonly source: number
  readonly target: T
  readonly protocol: Protocol
}

/** `keyOf` is one to one. */
export function disjointPairs<T>(entries: Iterable<PairEntry<T>>, keyOf: (target: T) => string | number): readonly PairClaim<T>[] {
  const pairs = new Map<string, { readonly source: number; readonly target: T; readonly protocol: Protocol; readonly claims: Claim[] }>()
  for (const { source, target, protocol, claim } of entries) {
    const key = `${source} ${keyOf(target)} ${protocol}`
    const pair = pairs.get(key)
    if (pair === undefined) pairs.set(key, { source, target, protocol, claims: [claim] })
    else pair.claims.push(claim)
  }
  const out: PairClaim<T>[] = []
  for (const { source, target, protocol, claims } of pairs.values()) {
    for (const part of disjoin(protocol, claims)) out.push({ source, target, protocol, ...part })
  }
  return out
}

export function claimOf(path: Path): Claim {
  return { ports: path.ports, expires: path.expires, documents: path.origin.map((o) => o.document) }
}
