/**
 * What is tried of the ways to other platforms (pure): by every shadow the addresses that stand for their workloads, which lead to the
 * outbound gateway or nowhere; and from that gateway the door of theirs, up to the certificate that it shows. Nothing is asked of their workloads.
 */
import { compareText } from '../../base/location.ts'
import { formatAddress } from '../../net/address.ts'
import { meshName } from '../../engines/envoy/names.ts'
import { idOf, meshAllows, meshWishes } from '../mesh-ends.ts'
import { withNamedPeers } from '../reference/gateway.ts'
import { referenceDecide } from '../reference.ts'
import { evenly } from './evenly.ts'
import type { AddTrial } from './door-plan.ts'
import type { PeerProbe, ReachProbe } from './probe.ts'
import type { GatewayInventory } from '../../engines/envoy/inventory.ts'
import type { Flow, FlowEnd, PeerWorkload, Platform } from '../../model/platform.ts'
import type { Shadow } from './plan.ts'

export interface PeerPlanOptions {
  readonly inventory: GatewayInventory
  /** Who stands where the outbound gateway does. */
  readonly from: string
  /** PEM: what is held of a trust domain's bundle, if anything. */
  readonly bundleOf: (trustDomain: string) => string | undefined
}

const mostGreeted = 16
/** For each identity. */
const mostReached = 24
const strangerPort = 31_337

/** The doors of Peers, each in the name of a caller that may come in there; what it is called by is told to nobody else. */
export function planPeers(platform: Platform, now: number, { inventory, from, bundleOf }: PeerPlanOptions, add: AddTrial): readonly PeerProbe[] {
  const open = meshWishes(platform, inventory).flatMap(({ source, destination, port }) =>
    source.kind === 'workload' && destination.kind === 'peer' && meshAllows(platform, source, destination, port, now) ? [{ source, destination, port }] : [])
  return evenly(open, mostGreeted).flatMap(({ source, destination, port }): readonly PeerProbe[] => {
    const peer = platform.peers.get(destination.peer)
    if (peer === undefined) return []
    const { enclave, workload } = destination
    const end = `peer:${destination.peer}/${enclave}/${workload} port ${port}`
    return [{
      id: add({ from, what: `the certificate of ${end}, for ${source.workload.id}`, kind: 'peer', expect: 'allow', addresses: [idOf(platform, destination)] }),
      host: peer.gateway.host.replace(/^\[(.*)\]$/, '$1'), port: peer.gateway.port, trustDomain: peer.trustDomain, believes: bundleOf(peer.trustDomain),
      sni: meshName(idOf(platform, source), port, workload, enclave, peer.trustDomain),
    }]
  })
}

/** What stands for the workloads of Peers, tried by one shadow: the same ports of all, whether or not they are open to it. */
export function planReaches(platform: Platform, now: number, { workload, phase, label }: Shadow, { inventory }: PeerPlanOptions, add: AddTrial): readonly ReachProbe[] {
  const all = inventory.virtual.flatMap(({ addresses, ...end }) => addresses.flatMap((address) => portsOf(platform, end).map((port) => ({ end, address: formatAddress(address), port }))))
  const sorted = all.sort((a, b) => compareText(`${a.end.peer}/${a.end.enclave}/${a.end.workload} ${a.address}`, `${b.end.peer}/${b.end.enclave}/${b.end.workload} ${b.address}`) || a.port - b.port)
  const named = withNamedPeers(platform)
  return evenly(sorted, mostReached).flatMap(({ end, address, port }) => {
    const destination: FlowEnd = { kind: 'peer', ...end }
    const flow: Flow = { source: { kind: 'workload', workload }, destination, protocol: 'tcp', port, phase }
    const expect = referenceDecide(platform, flow, now)
    // A path to all workloads of an enclave is refused by name, and may be closed at the address of one that another path names.
    if (expect !== referenceDecide(named, flow, now)) return []
    return { address, port, id: add({ from: label, what: `peer:${end.peer}/${end.enclave}/${end.workload} port ${port} (${address})`, kind: 'reach', expect }) }
  })
}

/** What some policy says of this end, a neighbour of each, and one of which nobody says anything. */
function portsOf({ federationPolicies }: Platform, end: PeerWorkload): readonly number[] {
  const named = federationPolicies.flatMap(({ imports }) => imports).filter(({ destination }) =>
    destination.some((ref) => ref.kind === 'peer' && ref.peer === end.peer && ref.enclave === end.enclave && (ref.workload === '*' || ref.workload === end.workload)))
  const edges = named.flatMap(({ traffic }) => traffic.ports.flatMap((item) => (item.kind === 'range' ? [item.from, item.to, item.to + 1] : [])))
  return [...new Set([...edges, strangerPort])].filter((port) => port <= 65_535).sort((a, b) => a - b)
}
