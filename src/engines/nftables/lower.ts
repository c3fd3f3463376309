/** Intent to atoms: what this host's kernel has to permit, and what it refuses by name. */
import { publishedAddresses } from '../../intent/externals.ts'
import { refuse } from './capabilities.ts'
import { disjoin } from './claims.ts'
import { assignPaths } from './ids.ts'
import { identity } from './inventory.ts'
import { lowerPublish } from './lower-publish.ts'
import { compareDirect, compareEgress, comparePublish } from './order.ts'
import { bogons, outsideClasses } from './outside.ts'
import type { Intent, Path } from '../../intent/intent.ts'
import type { Protocol } from '../../net/protocol.ts'
import type { Phase, Platform, WorkloadId } from '../../model/platform.ts'
import type { Atoms } from './atoms.ts'
import type { Refusal } from './capabilities.ts'
import type { Claim, DisjointClaim } from './claims.ts'
import type { IdTable } from './ids.ts'
import type { Inventory } from './inventory.ts'

export interface Lowered {
  readonly atoms: Atoms
  /** In the order of the Intent's paths. */
  readonly refused: readonly Refusal[]
  /** The table given, with the ids that were new. */
  readonly ids: IdTable
}

/**
 * Only identities that are attached to this host get atoms: nothing else can send here. What has expired at `now`
 * (milliseconds since the epoch) is left out. `intent` must be that of `platform`; deterministic for equal input.
 */
export function lower(platform: Platform, intent: Intent, inventory: Inventory, ids: IdTable, now: number): Lowered {
  const refused: Refusal[] = []
  const carried: Path[] = []
  for (const path of intent.paths) {
    if (path.expires !== undefined && path.expires <= now) continue
    const { refusals, carry } = judge(platform, path, inventory)
    refused.push(...refusals)
    if (carry) carried.push(path)
  }
  const attached = attachedGroups(inventory)
  const outside = outsideClasses(platform, carried, ids)
  const published = lowerPublish(carried.filter((p) => p.via.kind === 'publish'), inventory, outside)
  refused.push(...published.refused)
  const direct = gather(carried.filter((p) => p.via.kind === 'direct'), attached, (path) =>
    path.destination.kind === 'workload' ? [...(attached.get(path.destination.workload)?.values() ?? [])] : [])
  const egress = gather(carried.filter((p) => p.via.kind === 'egress'), attached, (path) =>
    path.destination.kind === 'external' ? outside.destinations(path.destination.external) : [])
  const table = assignPaths(outside.ids, [...direct, ...egress, ...published.claims].map((c) => c.key))
  const pathOf = (key: string): number => table.paths.get(key) ?? 0
  const atoms: Atoms = Object.freeze({
    kind: 'atoms',
    direct: direct.map((c) => freeze({ source: c.source, destination: c.target, protocol: c.protocol, match: c.match, path: pathOf(c.key), expires: c.expires })).sort(compareDirect),
    egress: egress.map((c) => freeze({ source: c.source, class: c.target, protocol: c.protocol, match: c.match, path: pathOf(c.key), expires: c.expires })).sort(compareEgress),
    publish: published.claims.map(({ key, ...rest }) => freeze({ ...rest, path: pathOf(key) })).sort(comparePublish),
    classes: outside.classes,
    bogons: bogons(platform, outside.classes),
    published: publishedAddresses(platform),
  })
  const order = new Map(intent.paths.map((path, i) => [path, i]))
  refused.sort((a, b) => (order.get(a.path) ?? 0) - (order.get(b.path) ?? 0))
  return { atoms, refused, ids: table }
}

/** Whether some part of the path can be carried here, and what cannot. */
function judge(platform: Platform, path: Path, inventory: Inventory): { readonly refusals: readonly Refusal[]; readonly carry: boolean } {
  const no = (...refusals: readonly Refusal[]): { refusals: readonly Refusal[]; carry: boolean } => ({ refusals, carry: false })
  switch (path.via.kind) {
    case 'direct': return { refusals: [], carry: true }
    case 'peer': return no(refuse('peer', path))
    case 'proxy': return no(refuse('proxy', path))
    case 'publish': return inventory.uplink === undefined ? no(refuse('no-uplink', path)) : { refusals: [], carry: true }
    case 'egress': {
      if (path.via.http !== undefined) return no(refuse('http', path))
      const external = path.destination.kind === 'external' ? platform.externals.get(path.destination.external) : undefined
      if (external === undefined) return no()
      const names = external.domains.length > 0 ? [refuse('domain', path)] : []
      if (external.cidrs.length === 0) return no(...names)
      if (inventory.uplink === undefined) return no(...names, refuse('no-uplink', path))
      return { refusals: names, carry: true }
    }
  }
}

/** Workload, then phase, to the interface group, for what is attached here. */
function attachedGroups(inventory: Inventory): ReadonlyMap<WorkloadId, ReadonlyMap<Phase, number>> {
  const out = new Map<WorkloadId, Map<Phase, number>>()
  for (const { workload, phase } of inventory.attachments) {
    const group = inventory.groups.get(identity(workload, phase))
    if (group === undefined) continue
    const groups = out.get(workload) ?? new Map<Phase, number>()
    groups.set(phase, group)
    out.set(workload, groups)
  }
  return out
}

interface PairClaim extends DisjointClaim {
  readonly source: number
  readonly target: number
  readonly protocol: Protocol
}

/** `targets` gives the groups or classes that a path leads to. */
function gather(
  paths: readonly Path[], attached: ReadonlyMap<WorkloadId, ReadonlyMap<Phase, number>>, targets: (path: Path) => readonly number[],
): readonly PairClaim[] {
  const pairs = new Map<string, { readonly source: number; readonly target: number; readonly protocol: Protocol; readonly claims: Claim[] }>()
  for (const path of paths) {
    if (path.source.kind !== 'workload') continue
    const groups = attached.get(path.source.workload)
    if (groups === undefined) continue
    const ends = targets(path)
    const claim = claimOf(path)
    for (const [phase, source] of groups) {
      if (!path.phases.includes(phase)) continue
      for (const target of ends) {
        const key = `${source} ${target} ${path.protocol}`
        const pair = pairs.get(key)
        if (pair === undefined) pairs.set(key, { source, target, protocol: path.protocol, claims: [claim] })
        else pair.claims.push(claim)
      }
    }
  }
  const out: PairClaim[] = []
  for (const { source, target, protocol, claims } of pairs.values()) {
    for (const part of disjoin(protocol, claims)) out.push({ source, target, protocol, ...part })
  }
  return out
}

function claimOf(path: Path): Claim {
  return { ports: path.ports, expires: path.expires, documents: path.origin.map((o) => o.document) }
}

function freeze<T extends object>(value: T): Readonly<T> {
  return Object.freeze(value)
}
