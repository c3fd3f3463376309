/** Intent to atoms: what this host's kernel has to permit, and what it refuses by name. */
import { publishedAddresses } from '../../intent/externals.ts'
import { unionAddresses } from '../../net/address-set.ts'
import { formatAddress } from '../../net/address.ts'
import { isExpired } from '../../model/platform.ts'
import { refuse } from './capabilities.ts'
import { encryptedBeside, withoutEncrypted } from './encrypted.ts'
import { assignPaths } from './ids.ts'
import { identity } from './inventory.ts'
import { lowerGateways, viaGateway } from './lower-gateways.ts'
import { heldInside } from './lower-held.ts'
import { lowerPublish, publishGateway } from './lower-publish.ts'
import { compareDirect, compareEgress, compareLead, comparePublish } from './order.ts'
import { bogons, outsideClasses } from './outside.ts'
import { claimOf, disjointPairs } from './pairs.ts'
import type { Intent, Path } from '../../intent/intent.ts'
import type { Phase, Platform, WorkloadId } from '../../model/platform.ts'
import type { Atoms } from './atoms.ts'
import type { Refusal } from './capabilities.ts'
import type { IdTable } from './ids.ts'
import type { Inventory } from './inventory.ts'
import type { AttachedGroups, PairEntry } from './pairs.ts'

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
  const led: Path[] = []
  const current = intent.paths.filter((path) => !isExpired(path, now))
  const unmet = encryptedBeside(current.filter((path) => !viaGateway(platform, path, inventory)))
  for (const path of current) {
    const byGateway = viaGateway(platform, path, inventory)
    const { refusals, carry } = unmet(path).length > 0
      ? { refusals: [refuse('mutual-tls', path, 'which another policy asks for')], carry: false }
      : judge(platform, path, inventory, byGateway)
    refused.push(...refusals)
    if (carry) carried.push(path)
    if (byGateway) led.push(path)
  }
  const attached = attachedGroups(inventory)
  const gateways = lowerGateways(platform, led, inventory, attached)
  const outside = outsideClasses(platform, [...carried, ...led], ids, gateways.places.all)
  const published = lowerPublish(carried.filter((p) => p.via.kind === 'publish'), inventory, outside)
  const answering = publishGateway(gateways.publications, inventory, outside, published.claims)
  refused.push(...published.refused, ...answering.refused)
  const direct = disjointPairs([...gather(withoutEncrypted(carried, led), attached, (path) =>
    path.destination.kind === 'workload' ? [...(attached.get(path.destination.workload)?.values() ?? [])] : []), ...gateways.direct], itself)
  const outward = gateways.egress.flatMap((entry) => outside.destinations(entry.target).map((target) => ({ ...entry, target })))
  const egress = disjointPairs([...gather(carried.filter((p) => p.via.kind === 'egress'), attached, (path) =>
    path.destination.kind === 'external' ? outside.destinations(path.destination.external) : []), ...outward], itself)
  const lead = disjointPairs(gateways.lead, (address) => (address === undefined ? '' : formatAddress(address)))
  const table = assignPaths(outside.ids, [...direct, ...egress, ...published.claims, ...answering.claims].map((c) => c.key))
  const pathOf = (key: string): number => table.paths.get(key) ?? 0
  const atoms: Atoms = Object.freeze({
    kind: 'atoms',
    direct: direct.map((c) => freeze({ source: c.source, destination: c.target, protocol: c.protocol, match: c.match, path: pathOf(c.key), expires: c.expires })).sort(compareDirect),
    egress: egress.map((c) => freeze({ source: c.source, class: c.target, protocol: c.protocol, match: c.match, path: pathOf(c.key), expires: c.expires })).sort(compareEgress),
    publish: [...published.claims, ...answering.claims].map(({ key, ...rest }) => freeze({ ...rest, path: pathOf(key) })).sort(comparePublish),
    lead: lead.flatMap((c) => (c.match.kind === 'echo' ? [] : [freeze({ source: c.source, address: c.target, protocol: 'tcp' as const, match: c.match, expires: c.expires })])).sort(compareLead),
    held: heldInside(platform, inventory),
    classes: outside.classes,
    bogons: bogons(platform, outside.classes),
    published: unionAddresses(publishedAddresses(platform), (platform.gateway?.addresses ?? []).map((a) => ({ family: a.family, first: a.bits, last: a.bits }))),
  })
  const order = new Map(intent.paths.map((path, i) => [path, i]))
  refused.sort((a, b) => (order.get(a.path) ?? 0) - (order.get(b.path) ?? 0))
  return { atoms, refused, ids: table }
}

/** Whether some part of the path can be carried here, and what cannot. */
function judge(platform: Platform, path: Path, inventory: Inventory, byGateway: boolean): { readonly refusals: readonly Refusal[]; readonly carry: boolean } {
  const no = (...refusals: readonly Refusal[]): { refusals: readonly Refusal[]; carry: boolean } => ({ refusals, carry: false })
  switch (path.via.kind) {
    case 'direct': return path.via.messages === undefined || isServed(path, inventory) ? { refusals: [], carry: true } : no(refuse('broker', path))
    case 'peer': return byGateway ? no() : no(refuse(lacksAddress(path, inventory) ? 'peer-unaddressed' : 'peer', path))
    case 'proxy': return byGateway ? no() : no(refuse('proxy', path))
    case 'mutual-tls': return byGateway ? no() : no(refuse('mutual-tls', path))
    case 'publish': return inventory.uplink === undefined ? no(refuse('no-uplink', path)) : { refusals: [], carry: true }
    case 'egress': {
      // Requests are judged by name alone: what an External holds as addresses stays closed to them.
      if (path.via.http !== undefined) return byGateway ? no() : no(refuse('http', path))
      const external = path.destination.kind === 'external' ? platform.externals.get(path.destination.external) : undefined
      if (external === undefined) return no()
      const names = external.domains.length > 0 && !byGateway ? [refuse('domain', path)] : []
      if (external.cidrs.length === 0) return no(...names)
      if (inventory.uplink === undefined) return no(...names, refuse('no-uplink', path))
      return { refusals: names, carry: true }
    }
  }
}

/** A broker that nobody tells what to permit is not even connected to. */
function isServed({ destination }: Path, { brokers }: Inventory): boolean {
  return destination.kind === 'workload' && brokers?.has(destination.workload) === true
}

function lacksAddress({ protocol, destination }: Path, { uplink, gateways }: Inventory): boolean {
  return protocol === 'tcp' && destination.kind === 'peer' && gateways?.outbound !== undefined && uplink !== undefined
}

function attachedGroups(inventory: Inventory): AttachedGroups {
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

/** `targets` gives the groups or classes that a path leads to. */
function* gather(
  paths: readonly Path[], attached: AttachedGroups, targets: (path: Path) => readonly number[],
): Generator<PairEntry<number>> {
  for (const path of paths) {
    if (path.source.kind !== 'workload') continue
    const groups = attached.get(path.source.workload)
    if (groups === undefined) continue
    const ends = targets(path)
    const claim = claimOf(path)
    for (const [phase, source] of groups) {
      if (!path.phases.includes(phase)) continue
      for (const target of ends) yield { source, target, protocol: path.protocol, claim }
    }
  }
}

function itself(target: number): number {
  return target
}

function freeze<T extends object>(value: T): Readonly<T> {
  return Object.freeze(value)
}
