/** What one live probe is and what may come of it: shared by the plan, the prober and the judgement. */
import type { Family } from '../../net/address.ts'

/** The label of the namespace that plays everything outside. */
export const outsideLabel = 'outside'

export type ProbeProtocol = 'tcp' | 'udp' | 'icmp'

/** One attempt, from the namespace that stands for `from`. */
export interface Probe {
  readonly id: number
  readonly protocol: ProbeProtocol
  readonly family: Family
  readonly address: string
  /** 0 for `icmp`. */
  readonly port: number
  /** The address to bind to; for attempts from outside. */
  readonly localAddress?: string
}

/**
 * `open`: answered by the stand-in that was meant (for `icmp`, any echo; outside, by anybody). `other`: answered by something else.
 * `refused`: told no. `silent`: nothing came back in time.
 */
export type Outcome = 'open' | 'other' | 'refused' | 'silent'

export interface ProbeResult {
  readonly id: number
  readonly outcome: Outcome
  /** The error's code, or who answered. */
  readonly detail: string
}

/** What a prober process reads from its stdin, one JSON line. */
export interface ProberTask {
  /** Said to whoever connects, so that an answer proves who gave it. */
  readonly label: string
  readonly listen: {
    readonly tcp: readonly number[]
    readonly udp: readonly number[]
    /**
     * Where datagrams are listened for; every address when unsaid. A socket bound to no address answers from the route's, so a
     * namespace in which many addresses are local has to be told which are asked.
     */
    readonly udpAt?: readonly string[]
  }
  readonly probes: readonly (Probe & { readonly expectLabel: string })[]
  readonly timeoutMs: number
  /** What is tried at gateways and resolver; results have the ids of the parts. `other` with a server outside: there was nobody to try it with. */
  readonly gateways?: GatewayTask
}

export interface GatewayTask {
  /** Whom names are asked of. */
  readonly nameServer: string | undefined
  readonly names: readonly { readonly id: number; readonly name: string }[]
  /** Servers outside, by names that are allowed: what they say to the first message of TLS shows that they were reached. */
  readonly servers: readonly { readonly id: number; readonly name: string; readonly port: number; readonly misses: readonly { readonly id: number; readonly sni: string; readonly port: number }[] }[]
  readonly requests: readonly RequestProbe[]
  readonly doors?: readonly (DoorProbe & { readonly greeting: boolean })[]
  readonly reaches?: readonly ReachProbe[]
  readonly peers?: readonly PeerProbe[]
}

/** A connection to an address that stands for a workload of a Peer. */
export interface ReachProbe {
  readonly id: number
  readonly address: string
  readonly port: number
}

/** To the gateway of a Peer, without a certificate and without a word after the handshake. */
export interface PeerProbe {
  readonly id: number
  /** A name, or an address without brackets. */
  readonly host: string
  readonly port: number
  readonly sni: string
  readonly trustDomain: string
  /** PEM; `undefined`: nobody over there is believed yet. */
  readonly believes: string | undefined
}

/** To the port at which the inbound gateway takes other gateways. */
export interface DoorProbe {
  readonly id: number
  readonly address: string
  readonly localAddress?: string
  readonly port: number
  readonly sni: string
  /** PEM. */
  readonly shows: { readonly chain: string; readonly key: string } | undefined
  readonly believes: string
}

/** From outside to the inbound gateway. */
export interface RequestProbe {
  readonly id: number
  readonly address: string
  readonly port: number
  readonly localAddress: string
  readonly sni: string
  /** Without one, the handshake alone. */
  readonly request: { readonly host: string; readonly method: string; readonly path: string } | undefined
}
