/** ServicePolicy: workload to workload in one enclave. */
import { carries, hasExpired, selectsPair } from './select.ts'
import type { Flow, Platform, Workload } from '../../model/platform.ts'
import type { Witness } from './rules.ts'

export function serviceAllows(
  platform: Platform, source: Workload, destination: Workload, flow: Flow, now: number, witness: Witness,
): boolean {
  for (const policy of platform.servicePolicies) {
    if (source.enclave !== policy.enclave || destination.enclave !== policy.enclave) continue
    if (!selectsPair(platform, policy.source, policy.destination, source, destination, witness)) continue
    if (!carries(policy.traffic, flow, destination, witness)) continue
    if (hasExpired(policy, now, witness)) continue
    witness(source.id === destination.id ? 'a service policy opens a workload to itself' : 'a service policy opens it')
    return true
  }
  return false
}
