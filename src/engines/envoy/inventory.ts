/** What the two gateways of one host stand between: who has which address, and where things lie as Envoy sees them. */
import type { Address } from '../../net/address.ts'
import type { PeerWorkload, Phase, WorkloadId } from '../../model/platform.ts'

export interface PlacedIdentity {
  readonly workload: WorkloadId
  readonly phase: Phase
  readonly addresses: readonly Address[]
}

export interface GatewayInventory {
  /** One entry for each place (a replica) of this host. */
  readonly workloads: readonly PlacedIdentity[]
  /** Where live verification stands for identities: they may ask for names outside as these do, and nobody is led to them. */
  readonly shadows?: readonly PlacedIdentity[]
  /** The addresses by which workloads here call the workloads of Peers. */
  readonly virtual: readonly (PeerWorkload & { readonly addresses: readonly Address[] })[]
  readonly inbound: { readonly addresses: readonly Address[] }
  readonly resolver: { readonly addresses: readonly Address[] }
  /** The folder of the configuration, the same text for both directions: each Envoy sees its own there. */
  readonly folder: string
  /** A PEM file with the authorities by which outside servers (key sets, sign-in) are judged. */
  readonly trustedRoots: string
  /** What stands in the key set files that policies name, by the name of the file. */
  readonly keySets: ReadonlyMap<string, string>
}

/** Where the outbound gateway's table redirects connections to workloads and virtual addresses. */
export const meshPort = 15_002

/**
 * Where it redirects connections to outside names: a door for each value of the last bits of the source's address, so that a change
 * for one workload gives Envoy the chains of a sixteenth of them again, not those of all.
 */
export const namesPort = 15_100
export const namesDoors = 16

export function namesPortOf({ bits }: Address): number {
  return namesPort + Number(bits % BigInt(namesDoors))
}

/** Where the inbound gateway listens for other gateways when the Platform does not say. */
export const defaultMeshPort = 15_443
