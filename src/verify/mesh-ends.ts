/** Who may speak to whom by mutual TLS, straight from the documents, and where each of them is. */
import { allowedFromPeer } from './reference/federation.ts'
import { anySelects } from './reference/select.ts'
import { encryptedAllows, reachesPeer } from './reference/gateway.ts'
import { formatAddress } from '../net/address.ts'
import { nobody } from './reference/rules.ts'
import type { Address } from '../net/address.ts'
import type { GatewayInventory } from '../engines/envoy/inventory.ts'
import type { Flow, LocalRef, PeerEnd, PeerRef, Platform, TrafficSpec, Workload } from '../model/platform.ts'

/** One end: a workload here, or one of a Peer. `shadow`: a stand-in of verification. */
export type MeshEnd =
  | { readonly kind: 'workload'; readonly workload: Workload; readonly shadow: boolean }
  | PeerEnd

/** By address, everybody who may begin or be meant. */
export function endsByAddress(platform: Platform, inventory: GatewayInventory): ReadonlyMap<string, MeshEnd> {
  const ends = new Map<string, MeshEnd>()
  const put = (addresses: readonly Address[], end: MeshEnd): void => addresses.forEach((address) => ends.set(formatAddress(address), end))
  for (const [places, shadow] of [[inventory.workloads, false], [inventory.shadows ?? [], true]] as const) {
    for (const { workload: id, addresses } of places) {
      const workload = platform.workloads.get(id)
      if (workload !== undefined) put(addresses, { kind: 'workload', workload, shadow })
    }
  }
  for (const { addresses, ...end } of inventory.virtual) put(addresses, { kind: 'peer', ...end })
  return ends
}

/** As certificates bear it. */
export function workloadName(platform: Platform, { enclave, name }: Pick<Workload, 'enclave' | 'name'>): string {
  return `spiffe://${platform.trustDomain}/enclave/${enclave}/workload/${name}`
}

export function idOf(platform: Platform, end: MeshEnd): string {
  if (end.kind === 'workload') return workloadName(platform, end.workload)
  return `spiffe://${platform.peers.get(end.peer)?.trustDomain ?? ''}/enclave/${end.enclave}/workload/${end.workload}`
}

/** `mutual TLS` has nothing to say of paths that the kernel carries. */
export function meshAllows(platform: Platform, source: MeshEnd, destination: MeshEnd, port: number, now: number): boolean {
  const flow = (workload: Workload): Flow => ({ source: { kind: 'workload', workload: workload.id }, destination: { kind: 'workload', workload: workload.id }, protocol: 'tcp', port, phase: undefined })
  if (source.kind === 'workload') {
    if (destination.kind === 'workload') return encryptedAllows(platform, source.workload, destination.workload, flow(source.workload), now)
    return reachesPeer(platform, source.workload, destination, port, now)
  }
  return destination.kind === 'workload' && allowedFromPeer(platform, source, destination.workload, flow(destination.workload), now, nobody)
}

export interface MeshWish {
  readonly source: MeshEnd
  readonly destination: MeshEnd
  readonly port: number
}

/** Everything that may be allowed: for each document and each pair of ends that it selects, ports that it names and their neighbours. */
export function meshWishes(platform: Platform, inventory: GatewayInventory): readonly MeshWish[] {
  const here = new Set(inventory.workloads.map(({ workload }) => workload))
  const workloads = [...platform.workloads.values()].filter(({ id }) => here.has(id))
  const ends = (refs: readonly (LocalRef | PeerRef)[], side: 'source' | 'destination'): readonly MeshEnd[] => [
    ...workloads.filter((each) => anySelects(platform, refs, each)).map((workload): MeshEnd => ({ kind: 'workload', workload, shadow: false })),
    ...refs.flatMap((ref): readonly MeshEnd[] => {
      if (ref.kind !== 'peer') return []
      const { peer, enclave, workload } = ref
      if (side === 'source') return [{ kind: 'peer', peer, enclave, workload }]
      return inventory.virtual.filter((each) => each.peer === peer && each.enclave === enclave && (workload === '*' || each.workload === workload)).map((each) => ({ kind: 'peer', peer, enclave, workload: each.workload }))
    }),
  ]
  const halves: readonly { readonly source: readonly (LocalRef | PeerRef)[]; readonly destination: readonly (LocalRef | PeerRef)[]; readonly traffic: TrafficSpec }[] = [
    ...platform.servicePolicies.filter(({ encryption }) => encryption !== undefined), ...platform.federationPolicies.flatMap((policy) => [...policy.imports, ...policy.exports]),
  ]
  const found = new Map<string, MeshWish>()
  for (const { source: from, destination: to, traffic } of halves) {
    for (const destination of ends(to, 'destination')) {
      for (const source of ends(from, 'source')) {
        for (const port of portsOf(traffic, destination)) found.set(`${idOf(platform, source)} ${idOf(platform, destination)} ${port}`, { source, destination, port })
      }
    }
  }
  return [...found.values()]
}

function portsOf({ ports }: TrafficSpec, destination: MeshEnd): readonly number[] {
  const declared = destination.kind === 'workload' ? destination.workload.ports : []
  const edges = ports.flatMap((item) => (item.kind === 'range' ? [item.from, item.to] : item.kind === 'name' ? declared.flatMap((each) => (each.name === item.name ? [each.port] : [])) : [1, 65_535]))
  return [...new Set(edges.flatMap((port) => [port - 1, port, port + 1]))].filter((port) => port >= 1 && port <= 65_535)
}
