/** What references and traffic select, one workload and one flow at a time. */
import { isMember } from './group.ts'
import type { Flow, LocalRef, PeerRef, Platform, PortItem, Ref, TrafficSpec, Workload } from '../../model/platform.ts'
import type { Witness } from './rules.ts'

/** Whether one reference selects the workload. An External or a Peer's workload is none of ours. */
function selects(platform: Platform, ref: Ref, workload: Workload): boolean {
  switch (ref.kind) {
    case 'workload':
      return ref.workload === workload.id
    case 'enclave':
      return ref.enclave === workload.enclave
    case 'group':
      return isMember(platform, ref.group, workload)
    case 'labels':
      if (ref.enclave !== workload.enclave) return false
      for (const [key, value] of ref.labels) {
        if (workload.labels.get(key) !== value) return false
      }
      return true
    case 'external':
    case 'peer':
      return false
  }
}

export function anySelects(platform: Platform, refs: readonly Ref[], workload: Workload): boolean {
  for (const ref of refs) {
    if (selects(platform, ref, workload)) return true
  }
  return false
}

/** Rule 1: a pair of a workload with itself needs both of its ends written out. */
export function selectsPair(
  platform: Platform, sources: readonly LocalRef[], destinations: readonly LocalRef[], source: Workload, destination: Workload, witness: Witness,
): boolean {
  if (!anySelects(platform, sources, source) || !anySelects(platform, destinations, destination)) {
    witness('the policy selects other ends')
    return false
  }
  if (source.id !== destination.id) return true
  if (namesItself(sources, source) && namesItself(destinations, destination)) return true
  witness('only a written name selects a workload for itself')
  return false
}

function namesItself(refs: readonly Ref[], workload: Workload): boolean {
  for (const ref of refs) {
    if (ref.kind === 'workload' && ref.workload === workload.id) return true
  }
  return false
}

/** Whether one of the references names this workload of a Peer; `*` stands for all of its enclave. */
export function namesPeer(refs: readonly (LocalRef | PeerRef)[], peer: string, enclave: string, workload: string): boolean {
  for (const ref of refs) {
    if (ref.kind !== 'peer' || ref.peer !== peer || ref.enclave !== enclave) continue
    if (ref.workload === '*' || ref.workload === workload) return true
  }
  return false
}

/** Rules 2 and 3. `destination` is undefined where the other end declares no ports here. */
export function carries(traffic: TrafficSpec, flow: Flow, destination: Workload | undefined, witness: Witness): boolean {
  if (traffic.protocol === 'any') return true
  if (traffic.messages !== undefined && destination?.broker === undefined) {
    witness('the policy carries other traffic')
    return false
  }
  if (traffic.protocol === flow.protocol) {
    if (flow.protocol === 'icmp') return true
    for (const item of traffic.ports) {
      if (itemHolds(item, flow, destination, witness)) return true
    }
  }
  witness('the policy carries other traffic')
  return false
}

function itemHolds(item: PortItem, flow: Flow, destination: Workload | undefined, witness: Witness): boolean {
  if (flow.port === undefined) return false
  if (item.kind === 'any') return true
  if (item.kind === 'range') return flow.port >= item.from && flow.port <= item.to
  let declared = false
  for (const port of destination?.ports ?? []) {
    if (port.name !== item.name || port.protocol !== flow.protocol) continue
    declared = true
    if (port.port === flow.port) return true
  }
  if (!declared) witness('the destination does not declare the port name')
  return false
}

/** Rule 4: from the instant on, nothing. */
export function hasExpired(policy: { readonly expires: number | undefined }, now: number, witness: Witness): boolean {
  if (policy.expires === undefined || now < policy.expires) return false
  witness('the policy has expired')
  return true
}
