/** IngressPolicy: from outside to a published address, or from an External by name to the workload behind the gateway. */
import { holdsAddress } from './external.ts'
import { letsIn, opensLayers } from './layers.ts'
import { anySelects, carries, hasExpired } from './select.ts'
import { setContains } from '../../net/address-set.ts'
import type { Flow, IngressPolicy, Platform, Workload } from '../../model/platform.ts'
import type { Address } from '../../net/address.ts'
import type { Witness } from './rules.ts'

export function publishedAllows(platform: Platform, source: Address, destination: Address, flow: Flow, now: number, witness: Witness): boolean {
  if (setContains(platform.addresses, source) || setContains(platform.addresses, destination)) {
    witness('an address of the platform is never outside')
    return false
  }
  for (const policy of platform.ingressPolicies) {
    if (!publishes(policy, destination, flow, witness)) continue
    if (!comesFrom(platform, policy, source, witness)) continue
    if (!opensLayers(platform, policy, witness)) continue
    if (hasExpired(policy, now, witness)) continue
    witness('an ingress policy publishes the address')
    return true
  }
  return false
}

function publishes(policy: IngressPolicy, address: Address, flow: Flow, witness: Witness): boolean {
  if (policy.gateway.kind !== 'publish') return false
  let listed = false
  for (const published of policy.gateway.addresses) {
    if (published.family === address.family && published.bits === address.bits) listed = true
  }
  if (!listed) {
    witness('nobody publishes the address')
    return false
  }
  if (policy.gateway.port === flow.port && (policy.traffic.protocol === flow.protocol || policy.traffic.protocol === 'any')) return true
  witness('the published address has another port')
  return false
}

function comesFrom(platform: Platform, policy: IngressPolicy, source: Address, witness: Witness): boolean {
  for (const ref of policy.source) {
    const external = platform.externals.get(ref.external)
    if (external !== undefined && holdsAddress(platform, external, source, witness)) return true
  }
  witness('the published address is for other sources')
  return false
}

/** Asks about the gateway: may this External, by name, be led on to the workload's private port. */
export function gatewayAllows(
  platform: Platform, external: string, destination: Workload, flow: Flow, now: number, witness: Witness,
): boolean {
  for (const policy of platform.ingressPolicies) {
    if (policy.enclave !== destination.enclave) continue
    let named = false
    for (const ref of policy.source) {
      if (ref.external === external) named = true
    }
    if (!named) {
      witness('the external is another one')
      continue
    }
    if (!anySelects(platform, policy.destination, destination)) {
      witness('the policy selects other ends')
      continue
    }
    if (!carries(policy.traffic, flow, destination, witness)) continue
    if (!letsIn(policy, destination, witness)) continue
    if (hasExpired(policy, now, witness)) continue
    witness('an ingress policy names the external')
    return true
  }
  return false
}
