/**
 * The second opinion: decides one flow straight from the Platform, in the plainest code that follows `docs/meaning.md`.
 * It shares nothing with `intent` but the addresses and names of `net`, has no index and keeps nothing between calls.
 */
import { egressAllows } from './reference/egress.ts'
import { allowedFromPeer, allowedToPeer, federationAllows } from './reference/federation.ts'
import { groupAllows } from './reference/group.ts'
import { gatewayAllows, publishedAllows } from './reference/ingress.ts'
import { reachesDatabase } from './reference/layers.ts'
import { staysInside } from './reference/restricted.ts'
import { nobody } from './reference/rules.ts'
import { serviceAllows } from './reference/service.ts'
import type { Flow, FlowEnd, Platform, Workload } from '../model/platform.ts'
import type { Witness } from './reference/rules.ts'

/** `now` is in milliseconds since the epoch. `witness` hears which rules decided, so that tests can show that all of them do. */
export function referenceDecide(platform: Platform, flow: Flow, now: number, witness: Witness = nobody): 'allow' | 'deny' {
  return isAllowed(platform, flow, now, witness) ? 'allow' : 'deny'
}

function isAllowed(platform: Platform, flow: Flow, now: number, witness: Witness): boolean {
  if (!portFits(flow)) {
    witness('the port does not fit the protocol')
    return false
  }
  if (flow.source.kind === 'workload') {
    const source = platform.workloads.get(flow.source.workload)
    if (source !== undefined) return fromWorkload(platform, source, flow, now, witness)
    witness('the workload is not known')
    return false
  }
  if (flow.destination.kind === 'workload') {
    const destination = platform.workloads.get(flow.destination.workload)
    if (destination !== undefined) return toWorkload(platform, flow.source, destination, flow, now, witness)
    witness('the workload is not known')
    return false
  }
  if (flow.destination.kind === 'address') {
    if (flow.source.kind === 'address') return publishedAllows(platform, flow.source.address, flow.destination.address, flow, now, witness)
    witness('only an address reaches a published address')
    return false
  }
  witness('both ends are outside')
  return false
}

function portFits(flow: Flow): boolean {
  if (flow.protocol === 'icmp') return flow.port === undefined
  return flow.port !== undefined && Number.isInteger(flow.port) && flow.port >= 1 && flow.port <= 65_535
}

function fromWorkload(platform: Platform, source: Workload, flow: Flow, now: number, witness: Witness): boolean {
  switch (flow.destination.kind) {
    case 'workload': {
      const destination = platform.workloads.get(flow.destination.workload)
      if (destination === undefined) {
        witness('the workload is not known')
        return false
      }
      if (!reachesDatabase(platform, flow.source, destination, witness)) return false
      return (
        serviceAllows(platform, source, destination, flow, now, witness) ||
        groupAllows(platform, source, destination, flow, witness) ||
        federationAllows(platform, source, destination, flow, now, witness)
      )
    }
    case 'peer':
      return allowedToPeer(platform, source, flow.destination, flow, now, witness)
    case 'address':
    case 'name':
    case 'external':
      return staysInside(platform, source, flow.destination, flow, witness) && egressAllows(platform, source, flow.destination, flow, now, witness)
  }
}

function toWorkload(
  platform: Platform, source: Exclude<FlowEnd, { readonly kind: 'workload' }>, destination: Workload, flow: Flow, now: number, witness: Witness,
): boolean {
  switch (source.kind) {
    case 'external':
      return reachesDatabase(platform, source, destination, witness) && gatewayAllows(platform, source.external, destination, flow, now, witness)
    case 'peer':
      return reachesDatabase(platform, source, destination, witness) && allowedFromPeer(platform, source, destination, flow, now, witness)
    case 'address':
    case 'name':
      witness('an outside end asks for a workload itself')
      return false
  }
}
