/** EgressPolicy: workload to External, to an address, a name, or an External asked for by its own name. */
import { holdsAddress, holdsName } from './external.ts'
import { anySelects, carries, hasExpired } from './select.ts'
import { setContains } from '../../net/address-set.ts'
import type { EgressPolicy, Flow, FlowEnd, Platform, Workload } from '../../model/platform.ts'
import type { Address } from '../../net/address.ts'
import type { Witness } from './rules.ts'

type OutsideEnd = Extract<FlowEnd, { readonly kind: 'address' | 'name' | 'external' }>

export function egressAllows(platform: Platform, source: Workload, end: OutsideEnd, flow: Flow, now: number, witness: Witness): boolean {
  if (end.kind === 'address') {
    if (setContains(platform.addresses, end.address)) {
      witness('an address of the platform is never outside')
      return false
    }
    if (isPublished(platform, end.address)) {
      witness('a published address answers only from outside')
      return false
    }
  }
  for (const policy of platform.egressPolicies) {
    if (source.enclave !== policy.enclave) continue
    if (!anySelects(platform, policy.source, source)) {
      witness('the policy selects other ends')
      continue
    }
    if (!reaches(platform, policy, end, witness)) continue
    if (!carries(policy.traffic, flow, undefined, witness)) continue
    if (!policy.phases.includes(flow.phase ?? source.phase)) {
      witness('the policy holds in other phases')
      continue
    }
    if (hasExpired(policy, now, witness)) continue
    switch (end.kind) {
      case 'external':
        witness('an egress policy names the external')
        return true
      case 'name':
        witness('an egress policy holds the name')
        return true
      case 'address':
        if (policy.http === undefined) {
          witness('an egress policy holds the address')
          return true
        }
        witness('the kernel cannot decide a request')
    }
  }
  return false
}

function reaches(platform: Platform, policy: EgressPolicy, end: OutsideEnd, witness: Witness): boolean {
  for (const ref of policy.destination) {
    if (end.kind === 'external') {
      if (ref.external === end.external) return true
      witness('the external is another one')
      continue
    }
    const external = platform.externals.get(ref.external)
    if (external === undefined) continue
    if (end.kind === 'address' && holdsAddress(platform, external, end.address, witness)) return true
    if (end.kind === 'name' && holdsName(external, end.name, witness)) return true
  }
  return false
}

/** Whether it is the gateway's, or any IngressPolicy publishes it, whatever its port and however long ago it expired. */
function isPublished(platform: Platform, address: Address): boolean {
  for (const own of platform.gateway?.addresses ?? []) {
    if (own.family === address.family && own.bits === address.bits) return true
  }
  for (const { gateway } of platform.ingressPolicies) {
    if (gateway.kind !== 'publish') continue
    for (const published of gateway.addresses) {
      if (published.family === address.family && published.bits === address.bits) return true
    }
  }
  return false
}
