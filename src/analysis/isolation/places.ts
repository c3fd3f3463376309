/** Where a party's workloads are, layer by layer, as sets of names; `undefined` among them stands for a workload whose place nobody has said. */
import type { Environment, Platform, Stack, Workload, WorkloadId } from '../../model/platform.ts'

export interface Places {
  readonly environmentOf: (workload: Workload) => Environment | undefined
  readonly stackOf: (workload: Workload) => Stack | undefined
  /** The hosts that the operator has put it on. */
  readonly hostsOf: (workload: Workload) => readonly string[]
  /** All of its replicas have a host: it is on no other. */
  readonly placed: (workload: Workload) => boolean
}

export function placesOf(platform: Platform): Places {
  const assigned = new Map<WorkloadId, { readonly hosts: string[]; replicas: number }>()
  for (const host of platform.hosts.values()) {
    for (const { workload, replicas } of host.assigned) {
      const known = assigned.get(workload) ?? { hosts: [], replicas: 0 }
      known.hosts.push(host.name)
      known.replicas += replicas
      assigned.set(workload, known)
    }
  }
  const environmentOf = (workload: Workload): Environment | undefined => platform.environments.get(platform.enclaves.get(workload.enclave)?.environment ?? 'default')
  return {
    environmentOf,
    stackOf: (workload) => platform.stacks.get(environmentOf(workload)?.stack ?? 'default'),
    hostsOf: (workload) => assigned.get(workload.id)?.hosts.toSorted() ?? [],
    placed: (workload) => (assigned.get(workload.id)?.replicas ?? 0) >= workload.replicas,
  }
}

/** What two parties have in common of something that each of their workloads has one or more of, or of which nothing is said. */
export interface Overlap {
  readonly ours: readonly string[]
  readonly theirs: readonly string[]
  readonly common: readonly string[]
  /** Something has no value, so that nothing can be ruled out. */
  readonly unsaid: boolean
}

export function overlapOf(ours: readonly Workload[], theirs: readonly Workload[], valuesOf: (workload: Workload) => readonly string[] | undefined): Overlap {
  const all = (workloads: readonly Workload[]): ReadonlySet<string> => new Set(workloads.flatMap((w) => valuesOf(w) ?? []))
  const [a, b] = [all(ours), all(theirs)]
  return {
    ours: [...a].sort(), theirs: [...b].sort(), common: [...a.intersection(b)].sort(),
    unsaid: [...ours, ...theirs].some((w) => valuesOf(w) === undefined),
  }
}
