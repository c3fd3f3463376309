/**
 * Overlapping permissions for one pair and protocol, made disjoint: each port ends up in one part, which knows all
 * documents that open it and the latest instant at which one of them closes.
 */
import { pathKey } from './ids.ts'
import type { PortSet } from '../../net/ports.ts'
import type { Protocol } from '../../net/protocol.ts'
import type { Match } from './atoms.ts'

export interface Claim {
  readonly ports: PortSet
  readonly expires: number | undefined
  readonly documents: readonly string[]
}

export interface DisjointClaim {
  readonly match: Match
  readonly expires: number | undefined
  /** `pathKey` of the documents. */
  readonly key: string
}

export function disjoin(protocol: Protocol, claims: readonly Claim[]): readonly DisjointClaim[] {
  if (claims.length === 0) return []
  if (protocol === 'icmp') return [{ match: { kind: 'echo' }, ...merged(claims) }]
  const [only] = claims
  if (claims.length === 1 && only !== undefined) return only.ports.map((r) => ({ match: matchOf(r.from, r.to), ...merged(claims) }))
  const starts = new Set<number>()
  for (const { ports } of claims) {
    for (const range of ports) {
      starts.add(range.from)
      starts.add(range.to + 1)
    }
  }
  const edges = [...starts].sort((a, b) => a - b)
  const parts: { from: number; to: number; readonly expires: number | undefined; readonly key: string }[] = []
  edges.forEach((from, i) => {
    const end = edges[i + 1]
    if (end === undefined) return
    const here = claims.filter(({ ports }) => ports.some((r) => r.from <= from && from <= r.to))
    if (here.length === 0) return
    const value = merged(here)
    const before = parts.at(-1)
    if (before !== undefined && before.to === from - 1 && before.key === value.key && before.expires === value.expires) before.to = end - 1
    else parts.push({ from, to: end - 1, ...value })
  })
  return parts.map(({ from, to, expires, key }) => ({ match: matchOf(from, to), expires, key }))
}

/** The union of what several claims say of the same packets. None as an end beats every instant. */
export function merged(claims: readonly Claim[]): { readonly expires: number | undefined; readonly key: string } {
  let expires: number | undefined = 0
  for (const claim of claims) expires = expires === undefined || claim.expires === undefined ? undefined : Math.max(expires, claim.expires)
  return { expires, key: pathKey(claims.flatMap((c) => c.documents)) }
}

function matchOf(from: number, to: number): Match {
  if (from === to) return { kind: 'port', port: from }
  return from === 1 && to === 65_535 ? { kind: 'protocol' } : { kind: 'range', from, to }
}
