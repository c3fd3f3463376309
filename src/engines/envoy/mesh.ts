/** Who calls whom by mutual TLS: the pairs of a platform, and those with Peers. */
import { allPlaces } from './places.ts'
import { compareText } from '../../base/location.ts'
import { countPorts, eachPort } from './permits.ts'
import { refuse } from './capabilities.ts'
import { workloadSpiffeId } from '../../model/workload-id.ts'
import type { Address } from '../../net/address.ts'
import type { GatewayInventory } from './inventory.ts'
import type { Path } from '../../intent/intent.ts'
import type { Phase, Platform, WorkloadId } from '../../model/platform.ts'
import type { Refusal } from './capabilities.ts'

const mostMeshPorts = 256

/** One caller, one destination, one port. */
export interface MeshPair {
  readonly caller: { readonly workload: WorkloadId; readonly phases: readonly Phase[] } | undefined
  /** The caller as its certificate says; ending in `/`, every identity below. */
  readonly callerId: string
  readonly callerDomain: string
  readonly destination: { readonly workload: string; readonly enclave: string; readonly trustDomain: string; readonly addresses: readonly Address[] }
  /** Undefined: this platform's own inbound gateway. */
  readonly gateway: { readonly host: string; readonly port: number } | undefined
  readonly port: number
  readonly document: string
  /** Between the stand-ins of verification, which have chains, names and connections of their own. */
  readonly tried: boolean
}

/** Pairs that verification tries: so many at most, spread over all. */
export const mostTried = 100

export interface MeshPairs {
  /** Begun here. */
  readonly outbound: readonly MeshPair[]
  /** Ending here. */
  readonly inbound: readonly MeshPair[]
  readonly refused: readonly Refusal[]
}

export function meshPairs(platform: Platform, paths: readonly Path[], inventory: GatewayInventory): MeshPairs {
  const outbound: MeshPair[] = []
  const inbound: MeshPair[] = []
  const refused: Refusal[] = []
  for (const path of paths) {
    const { source, destination, via } = path
    if (via.kind !== 'mutual-tls' && via.kind !== 'peer') continue
    if (path.protocol !== 'tcp') refused.push(refuse('mesh-protocol', path))
    else if (countPorts(path.ports) > mostMeshPorts) refused.push(refuse('mesh-ports', path))
    else {
      if (destination.kind === 'workload' && platform.gateway === undefined && source.kind === 'peer') {
        refused.push(refuse('no-gateway', path))
        continue
      }
      const ends = destinationsOf(platform, path, inventory)
      if (ends.length === 0 && destination.kind === 'peer') refused.push(refuse('peer-unnamed', path))
      for (const { gateway, ...end } of ends) {
        for (const port of eachPort(path.ports)) {
          for (const { document } of path.origin) {
            const pair = { ...callerOf(platform, path), destination: end, gateway, port, document, tried: false }
            if (source.kind === 'workload') outbound.push(pair)
            if (destination.kind === 'workload') inbound.push(pair)
          }
        }
      }
    }
  }
  const tried = triedPairs(outbound, inventory)
  return { outbound: [...outbound, ...tried], inbound: [...inbound, ...tried], refused }
}

/** The same pairs between stand-ins, where there are such: who has no place here has no certificate here either. */
function triedPairs(outbound: readonly MeshPair[], inventory: GatewayInventory): readonly MeshPair[] {
  const shadows = { ...inventory, workloads: inventory.shadows ?? [] }
  const pairs = new Map<string, MeshPair>()
  for (const pair of outbound) {
    const { caller, destination, gateway, port } = pair
    if (caller === undefined || gateway !== undefined || destination.addresses.length === 0 || allPlaces(inventory, caller.workload).length === 0) continue
    const to = `${destination.enclave}/${destination.workload}` as const
    const addresses = allPlaces(shadows, to)
    if (to !== caller.workload && addresses.length > 0) pairs.set(`${caller.workload} ${to} ${port}`, { ...pair, destination: { ...destination, addresses }, tried: true })
  }
  const all = [...pairs].sort(([a], [b]) => compareText(a, b)).map(([, pair]) => pair)
  return all.length <= mostTried ? all : all.filter((_, i) => Math.floor((i * mostTried) / all.length) !== Math.floor(((i - 1) * mostTried) / all.length))
}

function callerOf({ trustDomain, peers }: Platform, { source, phases }: Path): Pick<MeshPair, 'caller' | 'callerId' | 'callerDomain'> {
  if (source.kind === 'peer') {
    const domain = peers.get(source.peer)?.trustDomain ?? ''
    const below = `spiffe://${domain}/enclave/${source.enclave}/workload/`
    return { caller: undefined, callerId: source.workload === '*' ? below : `${below}${source.workload}`, callerDomain: domain }
  }
  if (source.kind === 'external') return { caller: undefined, callerId: '', callerDomain: '' }
  return { caller: { workload: source.workload, phases }, callerId: workloadSpiffeId(trustDomain, source.workload), callerDomain: trustDomain }
}

function destinationsOf(
  platform: Platform, { destination }: Path, inventory: GatewayInventory,
): readonly (MeshPair['destination'] & { readonly gateway: MeshPair['gateway'] })[] {
  if (destination.kind === 'workload') {
    const [enclave = '', workload = ''] = destination.workload.split('/')
    return [{ workload, enclave, trustDomain: platform.trustDomain, addresses: allPlaces(inventory, destination.workload), gateway: undefined }]
  }
  if (destination.kind === 'external') return []
  const peer = platform.peers.get(destination.peer)
  if (peer === undefined) return []
  return inventory.virtual
    .filter((each) => each.peer === destination.peer && each.enclave === destination.enclave && (destination.workload === '*' || each.workload === destination.workload))
    .map(({ workload, enclave, addresses }) => ({ workload, enclave, trustDomain: peer.trustDomain, addresses, gateway: peer.gateway }))
}
