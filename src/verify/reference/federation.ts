/** FederationPolicy: open only where an import meets an export. With a Peer at one end the local half decides. */
import { letsIn } from './layers.ts'
import { anySelects, carries, hasExpired, namesPeer } from './select.ts'
import type { Flow, FlowEnd, Platform, Workload } from '../../model/platform.ts'
import type { Witness } from './rules.ts'

type PeerEnd = Extract<FlowEnd, { readonly kind: 'peer' }>

export function federationAllows(
  platform: Platform, source: Workload, destination: Workload, flow: Flow, now: number, witness: Witness,
): boolean {
  if (source.enclave === destination.enclave) {
    witness('a federation policy stays inside one enclave')
    return false
  }
  const imported = isImported(platform, source, destination, flow, now, witness)
  const exported = isExported(platform, source, destination, flow, now, witness)
  if (imported !== exported) witness('an import meets no export')
  if (!imported || !exported) return false
  witness('an import meets an export')
  return true
}

function isImported(platform: Platform, source: Workload, destination: Workload, flow: Flow, now: number, witness: Witness): boolean {
  for (const policy of platform.federationPolicies) {
    if (policy.enclave !== source.enclave) continue
    for (const half of policy.imports) {
      if (!anySelects(platform, half.source, source) || !anySelects(platform, half.destination, destination)) continue
      if (carries(half.traffic, flow, destination, witness) && !hasExpired(policy, now, witness)) return true
    }
  }
  return false
}

function isExported(platform: Platform, source: Workload, destination: Workload, flow: Flow, now: number, witness: Witness): boolean {
  for (const policy of platform.federationPolicies) {
    if (policy.enclave !== destination.enclave) continue
    for (const half of policy.exports) {
      if (!anySelects(platform, half.source, source) || !anySelects(platform, half.destination, destination)) continue
      if (carries(half.traffic, flow, destination, witness) && !hasExpired(policy, now, witness)) return true
    }
  }
  return false
}

/** Our workload to a Peer's: the other Platform decides its own half, and declares its own ports. */
export function allowedToPeer(platform: Platform, source: Workload, peer: PeerEnd, flow: Flow, now: number, witness: Witness): boolean {
  for (const policy of platform.federationPolicies) {
    if (policy.enclave !== source.enclave) continue
    for (const half of policy.imports) {
      if (!anySelects(platform, half.source, source) || !namesPeer(half.destination, peer.peer, peer.enclave, peer.workload)) continue
      if (!carries(half.traffic, flow, undefined, witness) || hasExpired(policy, now, witness)) continue
      witness('an import names the workload of a peer')
      return true
    }
  }
  return false
}

/** A Peer's workload to ours. */
export function allowedFromPeer(platform: Platform, peer: PeerEnd, destination: Workload, flow: Flow, now: number, witness: Witness): boolean {
  for (const policy of platform.federationPolicies) {
    if (policy.enclave !== destination.enclave) continue
    for (const half of policy.exports) {
      if (!namesPeer(half.source, peer.peer, peer.enclave, peer.workload) || !anySelects(platform, half.destination, destination)) continue
      if (!carries(half.traffic, flow, destination, witness) || !letsIn(policy, destination, witness) || hasExpired(policy, now, witness)) continue
      witness('an export names the workload of a peer')
      return true
    }
  }
  return false
}
