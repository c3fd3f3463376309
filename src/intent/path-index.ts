/** Finds the paths between two ends of a flow without looking at any others. */
import { setContains } from '../net/address-set.ts'
import { domainMatches, parseDomain } from '../net/domain.ts'
import { directTable } from './direct-table.ts'
import { endNumbers } from './end-numbers.ts'
import { externalAddresses } from './externals.ts'
import { itemsOf, rowsBy } from './rows.ts'
import type { Address } from '../net/address.ts'
import type { FlowEnd, Platform, WorkloadId } from '../model/platform.ts'
import type { DirectTable } from './direct-table.ts'
import type { Intent, Path, PathEnd } from './intent.ts'
import type { Asked } from './mismatch.ts'
import type { Rows } from './rows.ts'

export interface PathIndex {
  /** Every path whose two ends hold the flow's; traffic, phase and time are not looked at. */
  readonly between: (source: FlowEnd, destination: FlowEnd) => readonly Path[]
  /** Whether a path between two workloads carries the flow. */
  readonly carries: DirectTable['carries']
  /** Every path whose source, or destination, holds the end. */
  readonly from: (source: FlowEnd) => readonly Path[]
  readonly to: (destination: FlowEnd) => readonly Path[]
}

const none: readonly Path[] = Object.freeze([])

export function pathIndex(platform: Platform, intent: Intent): PathIndex {
  const { paths } = intent
  const holds = externalHolds(platform)
  const numbers = endNumbers(paths)
  const { ends, sources, destinations } = numbers
  const inside = ends.map((end) => end.kind === 'workload')
  const numberOf = new Map(ends.flatMap((end, number) => (end.kind === 'workload' ? [[end.workload, number] as const] : [])))
  const where = (from: boolean, to: boolean): Uint32Array =>
    Uint32Array.from(paths.keys()).filter((at) => inside[sources[at] ?? 0] === from && inside[destinations[at] ?? 0] === to)
  const direct = directTable(platform, paths, where(true, true), numbers, numberOf)
  const outward = rowsBy(where(true, false), sources, ends.length)
  const inward = rowsBy(where(false, true), destinations, ends.length)
  const published = new Map<string, Path[]>()
  for (const path of paths) if (path.via.kind === 'publish') for (const address of path.via.addresses) push(published, addressKey(address), path)

  function between(source: FlowEnd, destination: FlowEnd): readonly Path[] {
    if (source.kind === 'workload') {
      if (destination.kind === 'workload') return direct.between(source.workload, destination.workload)
      return itemsOf(outward, numberOf.get(source.workload), paths).filter((path) => endHolds(path.destination, destination))
    }
    if (destination.kind === 'workload') {
      // From outside only a name asks about a gateway; an address never reaches a workload itself.
      if (source.kind !== 'external' && source.kind !== 'peer') return none
      return itemsOf(inward, numberOf.get(destination.workload), paths).filter((path) => endHolds(path.source, source))
    }
    if (source.kind === 'address' && destination.kind === 'address') {
      return (published.get(addressKey(destination.address)) ?? none).filter((path) => endHolds(path.source, source))
    }
    return none
  }

  function endHolds(end: PathEnd, asked: FlowEnd): boolean {
    switch (asked.kind) {
      case 'workload':
        return end.kind === 'workload' && end.workload === asked.workload
      case 'external':
        return end.kind === 'external' && end.external === asked.external
      case 'peer':
        return end.kind === 'peer' && end.peer === asked.peer && end.enclave === asked.enclave && (end.workload === '*' || end.workload === asked.workload)
      case 'address':
      case 'name':
        return end.kind === 'external' && holds(end.external, asked)
    }
  }

  let towards: Rows | undefined
  function toWorkload(id: WorkloadId): readonly Path[] {
    towards ??= rowsBy(Uint32Array.from(paths.keys()), destinations, ends.length)
    return itemsOf(towards, numberOf.get(id), paths)
  }

  return {
    between,
    carries: direct.carries,
    from: (source) => {
      if (source.kind !== 'workload') return paths.filter((path) => endHolds(path.source, source))
      const number = numberOf.get(source.workload)
      return [...itemsOf(direct.rows, number, paths), ...itemsOf(outward, number, paths)]
    },
    to: (destination) => {
      if (destination.kind === 'workload') return toWorkload(destination.workload)
      if (destination.kind === 'address') {
        const here = published.get(addressKey(destination.address))
        if (here !== undefined) return here
      }
      return paths.filter((path) => endHolds(path.destination, destination))
    },
  }
}

/** Whether an External contains an outside address (by its CIDRs) or name (by its domains), never one by the other. */
export function externalHolds(platform: Platform): (external: string, end: Extract<FlowEnd, { kind: 'address' | 'name' }>) => boolean {
  const addresses = externalAddresses(platform)
  return (name, end) => {
    const external = platform.externals.get(name)
    if (external === undefined) return false
    if (end.kind === 'address') return setContains(addresses(external), end.address)
    const asked = parseDomain(end.name)
    return asked !== undefined && external.domains.some((pattern) => domainMatches(pattern, asked))
  }
}

function push<K>(index: Map<K, Path[]>, key: K, path: Path): void {
  const known = index.get(key)
  if (known === undefined) index.set(key, [path])
  else known.push(path)
}

function addressKey(address: Address): string {
  return `${address.family} ${address.bits}`
}

/** The phase in which a flow starts: a workload's declared one unless the flow says another. */
export function phaseOf(platform: Platform, flow: Asked): Asked['phase'] {
  if (flow.source.kind !== 'workload') return undefined
  return flow.phase ?? platform.workloads.get(flow.source.workload)?.phase
}
