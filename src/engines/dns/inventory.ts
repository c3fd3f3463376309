/** What the resolver of one host serves: who asks from which address, and where names lead. Input of `render`. */
import type { Address } from '../../net/address.ts'
import type { Phase, WorkloadId } from '../../model/platform.ts'

export interface DnsInventory {
  /** Every replica and every shadow on this platform's hosts, with its addresses. */
  readonly places: readonly DnsPlace[]
  /** Addresses that stand for workloads of Peers; the outbound gateway answers behind them. */
  readonly peers: readonly PeerAddresses[]
  readonly gateways: readonly GatewayAsker[]
}

export interface DnsPlace {
  readonly workload: WorkloadId
  readonly phase: Phase
  readonly ipv4: Address
  readonly ipv6: Address
  /** A shadow asks as its identity does, but nobody is led to it. */
  readonly probe: boolean
}

export interface PeerAddresses {
  readonly peer: string
  readonly enclave: string
  readonly workload: string
  readonly ipv4: Address
  readonly ipv6: Address
}

/** A gateway may ask for every name that some policy leads to, whoever it leads there. */
export interface GatewayAsker {
  readonly name: 'inbound' | 'outbound'
  readonly addresses: readonly Address[]
  /** Names that it needs beside those of policies, such as a token issuer's. */
  readonly names: readonly string[]
}

/** Names inside end so, as in the hosts files of workloads: `postgres-db.research.internal`. */
export const insideSuffix = 'internal'
