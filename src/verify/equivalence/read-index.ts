/** What was read of a ruleset, asked one flow at a time. */
import { setContains } from '../../net/address-set.ts'
import { hasPort } from '../../net/ports.ts'
import type { GroupName, ReadPath, ReadProtocol } from '../../engines/nftables/read.ts'
import type { Address, Family } from '../../net/address.ts'

/** One attempt in the terms of a ruleset. */
export interface ReadFlow {
  readonly source: number
  readonly destination: number
  readonly family: Family
  readonly protocol: ReadProtocol
  /** Absent for protocols without. */
  readonly port: number | undefined
  /** Outside ends only. */
  readonly sourceAddress?: Address
  readonly destinationAddress?: Address
  /** What the initiator asks for, when it is to be translated. */
  readonly published?: boolean
  /** Seconds from the reading. */
  readonly after?: number
}

export interface ReadIndex {
  /** The paths that some such packet takes. */
  readonly find: (flow: ReadFlow) => readonly ReadPath[]
  readonly between: (source: number, destination: number) => readonly ReadPath[]
  /** Seconds from the reading at which a path for such packets begins or ends by itself. */
  readonly turns: (flow: ReadFlow) => readonly number[]
}

export function indexPaths(paths: readonly ReadPath[]): ReadIndex {
  const between = byPair(paths)
  // Most rulesets have none of these, and every flow is asked about.
  const turning = byPair(paths.filter((path) => turnsOf(path).length > 0))
  return {
    between,
    turns: (flow) => turning(flow.source, flow.destination).flatMap((path) => (isLike(path, flow) ? turnsOf(path) : [])),
    find: (flow) => between(flow.source, flow.destination).filter((path) => takes(path, flow)),
  }
}

function byPair(paths: readonly ReadPath[]): ReadIndex['between'] {
  if (paths.length === 0) return () => []
  const pairs = Map.groupBy(paths, (path) => pairKey(path.source.group, path.destination.group))
  return (source, destination) =>
    [pairKey(source, destination), pairKey('any', destination), pairKey(source, 'any'), pairKey('any', 'any')].flatMap((key) => pairs.get(key) ?? [])
}

function turnsOf({ since, expires }: ReadPath): readonly number[] {
  return [...(since === 0 ? [] : [since]), ...(expires === undefined ? [] : [expires])]
}

/** True when every packet of the flow passes, its connection goes on and its replies come back. */
export function isServed(path: ReadPath): boolean {
  return path.continues && path.replies && path.conditions.length === 0
}

function takes(path: ReadPath, flow: ReadFlow): boolean {
  if (path.since > (flow.after ?? 0)) return false
  if (path.expires !== undefined && flow.after !== undefined && path.expires <= flow.after) return false
  return isLike(path, flow)
}

/** At whatever time. */
function isLike(path: ReadPath, flow: ReadFlow): boolean {
  if (path.protocol !== flow.protocol || !path.families.includes(flow.family)) return false
  if ((path.published !== undefined) !== (flow.published === true)) return false
  if (flow.sourceAddress !== undefined && path.source.addresses !== undefined && !setContains(path.source.addresses, flow.sourceAddress)) return false
  const asked = path.published ?? { addresses: path.destination.addresses, ports: path.ports }
  if (flow.destinationAddress !== undefined && asked.addresses !== undefined && !setContains(asked.addresses, flow.destinationAddress)) return false
  return flow.port === undefined || hasPort(asked.ports, flow.port)
}

function pairKey(source: GroupName, destination: GroupName): string {
  return `${source} ${destination}`
}
