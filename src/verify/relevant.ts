/**
 * The documents that can decide between two workloads, by the reference's own selection: asking it about every pair of many
 * workloads would otherwise look at every policy each time. What is left out would only make it say "deny" more often,
 * and that shows: as a path that is open and should not be.
 */
import { anySelects } from './reference/select.ts'
import type { FederationPolicy, Platform, Ref, ServicePolicy, WorkloadId } from '../model/platform.ts'

export interface Relevant {
  /** The same platform for flows that begin at this workload and end at another workload of the platform. */
  readonly from: (source: WorkloadId) => Platform
  /** True when no document opens anything from one to the other, at any time. */
  readonly nothing: (source: WorkloadId, destination: WorkloadId) => boolean
}

interface Selected {
  readonly service: ReadonlySet<ServicePolicy>
  readonly federation: ReadonlySet<FederationPolicy>
}

const none: Selected = { service: new Set(), federation: new Set() }

export function relevantTo(platform: Platform): Relevant {
  const services = Map.groupBy(platform.servicePolicies, (p) => p.enclave)
  const selected = (end: 'source' | 'destination') => remembered((id: WorkloadId): Selected => {
    const workload = platform.workloads.get(id)
    if (workload === undefined) return none
    const picks = (refs: readonly Ref[]): boolean => anySelects(platform, refs, workload)
    return {
      service: new Set((services.get(workload.enclave) ?? []).filter((p) => picks(p[end]))),
      federation: new Set(platform.federationPolicies.filter((p) => [...p.imports, ...p.exports].some((half) => picks(half[end])))),
    }
  })
  const [sources, destinations] = [selected('source'), selected('destination')]
  const mayBeGrouped = (id: WorkloadId): boolean => platform.groups.size > 0 && (platform.workloads.get(id)?.groups.length ?? 0) > 0
  return {
    from: remembered((source) => {
      const { service, federation } = sources(source)
      return { ...platform, servicePolicies: [...service], federationPolicies: [...federation] }
    }),
    nothing: (source, destination) => {
      const [from, to] = [sources(source), destinations(destination)]
      return from.service.isDisjointFrom(to.service) && (from.federation.size === 0 || to.federation.size === 0) && !(mayBeGrouped(source) && mayBeGrouped(destination))
    },
  }
}

function remembered<T>(make: (id: WorkloadId) => T): (id: WorkloadId) => T {
  const known = new Map<WorkloadId, T>()
  return (id) => {
    let value = known.get(id)
    if (value === undefined) known.set(id, (value = make(id)))
    return value
  }
}
