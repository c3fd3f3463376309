/** Finds the paths between two ends of a flow without looking at any others. */
import { setContains } from '../net/address-set.ts'
import { domainMatches, parseDomain } from '../net/domain.ts'
import { externalAddresses } from './externals.ts'
import type { Address } from '../net/address.ts'
import type { FlowEnd, Platform, WorkloadId } from '../model/platform.ts'
import type { Intent, Path, PathEnd } from './intent.ts'
import type { Asked } from './mismatch.ts'

export interface PathIndex {
  /** Every path whose two ends hold the flow's; traffic, phase and time are not looked at. */
  readonly between: (source: FlowEnd, destination: FlowEnd) => readonly Path[]
  /** Every path whose source, or destination, holds the end. */
  readonly from: (source: FlowEnd) => readonly Path[]
  readonly to: (destination: FlowEnd) => readonly Path[]
}

const none: readonly Path[] = Object.freeze([])

export function pathIndex(platform: Platform, intent: Intent): PathIndex {
  const holds = externalHolds(platform)
  const direct = new Map<WorkloadId, Map<WorkloadId, Path[]>>()
  const outward = new Map<WorkloadId, Path[]>()
  const inward = new Map<WorkloadId, Path[]>()
  const published = new Map<string, Path[]>()
  for (const path of intent.paths) {
    const { source, destination, via } = path
    if (source.kind === 'workload' && destination.kind === 'workload') {
      let row = direct.get(source.workload)
      if (row === undefined) direct.set(source.workload, (row = new Map<WorkloadId, Path[]>()))
      push(row, destination.workload, path)
    } else if (source.kind === 'workload') push(outward, source.workload, path)
    else if (destination.kind === 'workload') push(inward, destination.workload, path)
    if (via.kind === 'publish') for (const address of via.addresses) push(published, addressKey(address), path)
  }

  function between(source: FlowEnd, destination: FlowEnd): readonly Path[] {
    if (source.kind === 'workload') {
      if (destination.kind === 'workload') return direct.get(source.workload)?.get(destination.workload) ?? none
      return (outward.get(source.workload) ?? none).filter((path) => endHolds(path.destination, destination))
    }
    if (destination.kind === 'workload') {
      // From outside only a name asks about a gateway; an address never reaches a workload itself.
      if (source.kind !== 'external' && source.kind !== 'peer') return none
      return (inward.get(destination.workload) ?? none).filter((path) => endHolds(path.source, source))
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

  let towards: Map<WorkloadId, Path[]> | undefined
  function toWorkload(id: WorkloadId): readonly Path[] {
    if (towards === undefined) {
      towards = new Map()
      for (const path of intent.paths) if (path.destination.kind === 'workload') push(towards, path.destination.workload, path)
    }
    return towards.get(id) ?? none
  }

  return {
    between,
    from: (source) =>
      source.kind === 'workload'
        ? [...(direct.get(source.workload)?.values() ?? [])].flat().concat(outward.get(source.workload) ?? none)
        : intent.paths.filter((path) => endHolds(path.source, source)),
    to: (destination) => {
      if (destination.kind === 'workload') return toWorkload(destination.workload)
      if (destination.kind === 'address') {
        const here = published.get(addressKey(destination.address))
        if (here !== undefined) return here
      }
      return intent.paths.filter((path) => endHolds(path.destination, destination))
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
