/** Where identities are. */
import type { Address } from '../../net/address.ts'
import type { GatewayInventory } from './inventory.ts'
import type { Phase, WorkloadId } from '../../model/platform.ts'

/** The addresses of one identity, over all its places. */
export function placesOf({ workloads }: Pick<GatewayInventory, 'workloads'>, workload: WorkloadId, phase: Phase): readonly Address[] {
  return workloads.filter((place) => place.workload === workload && place.phase === phase).flatMap(({ addresses }) => addresses)
}

/** The addresses of a workload, in whatever phase. */
export function allPlaces({ workloads }: GatewayInventory, workload: WorkloadId): readonly Address[] {
  return workloads.filter((place) => place.workload === workload).flatMap(({ addresses }) => addresses)
}
