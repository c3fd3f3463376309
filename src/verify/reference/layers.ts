/** Layers of hosts: who reaches a database, and for how long somebody outside may be let in to a bastion. */
import { anySelects } from './select.ts'
import type { FlowEnd, IngressPolicy, Platform, Workload } from '../../model/platform.ts'
import type { Witness } from './rules.ts'

/** True also where the destination is no database. Asked before any policy. */
export function reachesDatabase(platform: Platform, source: FlowEnd, destination: Workload, witness: Witness): boolean {
  if (destination.layer !== 'database') return true
  const from = source.kind === 'workload' ? platform.workloads.get(source.workload) : undefined
  if (from !== undefined) {
    if (from.id === destination.id) return true
    if ((from.layer === 'app' || from.layer === 'bastion') && stackName(platform, from) === stackName(platform, destination)) return true
  }
  witness('a database answers its own stack\'s app and bastion')
  return false
}

/** Whether this policy may let somebody outside in to the workload: to a bastion only if it ends. */
export function letsIn(policy: { readonly expires: number | undefined }, destination: Workload, witness: Witness): boolean {
  if (destination.layer !== 'bastion' || policy.expires !== undefined) return true
  witness('a way in to a bastion has an end')
  return false
}

/** Both rules for one workload behind the gateway. */
export function opensLayer(policy: IngressPolicy, destination: Workload, witness: Witness): boolean {
  if (destination.layer !== 'database') return letsIn(policy, destination, witness)
  witness('a database answers its own stack\'s app and bastion')
  return false
}

/** Both rules for what stands behind a published address: all of its workloads have to keep them. */
export function opensLayers(platform: Platform, policy: IngressPolicy, witness: Witness): boolean {
  for (const workload of platform.workloads.values()) {
    if (workload.enclave === policy.enclave && anySelects(platform, policy.destination, workload) && !opensLayer(policy, workload, witness)) return false
  }
  return true
}

function stackName(platform: Platform, workload: Workload): string {
  const enclave = platform.enclaves.get(workload.enclave)
  const environment = platform.environments.get(enclave?.environment ?? 'default')
  return environment?.stack ?? 'default'
}
