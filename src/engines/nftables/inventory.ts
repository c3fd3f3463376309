/** What one host carries: which interface is which identity, and where the outside begins. Input of `lower` and `render`. */
import type { Address, AddressPair } from '../../net/address.ts'
import type { PeerWorkload, Phase, WorkloadId } from '../../model/platform.ts'

/** `enclave/workload@phase`: what the kernel enforces. */
export type Identity = `${WorkloadId}@${Phase}`

export interface Inventory {
  /** The interface group of every identity of the platform: persistent, at least `firstIdentityGroup`, never reused while referred to. */
  readonly groups: ReadonlyMap<Identity, number>
  readonly attachments: readonly Attachment[]
  /** The interface that leads outside; `undefined` where a host has none, and then every path to an External is refused. */
  readonly uplink: Uplink | undefined
  /** Those that run on this host; paths that need another one are refused. */
  readonly gateways?: Gateways
  /** Those that are kept configured with what the documents permit; paths of messages to others are refused. */
  readonly brokers?: ReadonlySet<WorkloadId>
}

/** What stands behind the router like workloads do, each in a network namespace of its own. */
export interface Gateways {
  /** Connections are led to it with their source and destination kept, and it answers in the destination's name. */
  readonly outbound?: Gateway
  /** Listens on the very ports that the platform publishes, and on the mesh port. */
  readonly inbound?: Gateway
  readonly resolver?: Gateway & {
    /** The servers it asks; those of the Platform's document when unsaid, and where that names none, any server outside. */
    readonly upstream?: readonly { readonly address: Address; readonly port: number }[]
  }
  /** Addresses that stand for workloads of other platforms, by `PEER/enclave/workload`. */
  readonly virtual?: ReadonlyMap<string, AddressPair>
}

export interface Gateway {
  /** The router's end of the pair. */
  readonly interface: string
  readonly ipv4: Address
  readonly ipv6: Address
}

export interface Attachment {
  /** The router's end of the pair: at most 15 characters. */
  readonly interface: string
  readonly workload: WorkloadId
  readonly phase: Phase
  readonly replica: number
  readonly ipv4: Address
  readonly ipv6: Address
  /** A shadow: same identity, used by live verification only; interface name starts with `probeInterfacePrefix`. */
  readonly probe: boolean
}

export interface Uplink {
  readonly interface: string
}

/** Interface groups with a fixed meaning. 0 is the kernel's default and means nothing, so nothing is allowed to it. */
export const uplinkGroup = 1
export const sinkGroup = 2
export const outboundGroup = 3
export const inboundGroup = 4
export const resolverGroup = 5
export const firstIdentityGroup = 16

/** The router's ends of the gateways' pairs. */
export const gatewayInterfaces = { outbound: 'bhg-out', inbound: 'bhg-in', resolver: 'bhg-dns' } as const
/** Offsets of their addresses in the platform's space, in both families; slots begin at 16. */
export const gatewayOffsets = { outbound: 3, inbound: 4, resolver: 5 } as const
/** Where the inbound gateway takes connections of other gateways, when the Platform's document does not say. */
export const defaultMeshPort = 15_443

export const probeInterfacePrefix = 'bhp'

export function identity(workload: WorkloadId, phase: Phase): Identity {
  return `${workload}@${phase}`
}

/** The key of a peer's workload in `Gateways.virtual`. */
export function virtualKey(end: PeerWorkload): string {
  return `${end.peer}/${end.enclave}/${end.workload}`
}

export interface PlacedGateway extends Gateway {
  readonly group: typeof outboundGroup | typeof inboundGroup | typeof resolverGroup
  readonly name: 'outbound' | 'inbound' | 'resolver'
}

/** The gateways of a host in the order of their groups. */
export function gatewaysOf({ gateways }: Pick<Inventory, 'gateways'>): readonly PlacedGateway[] {
  const placed = (name: PlacedGateway['name'], group: PlacedGateway['group']): readonly PlacedGateway[] => {
    const gateway = gateways?.[name]
    return gateway === undefined ? [] : [{ name, group, interface: gateway.interface, ipv4: gateway.ipv4, ipv6: gateway.ipv6 }]
  }
  return [...placed('outbound', outboundGroup), ...placed('inbound', inboundGroup), ...placed('resolver', resolverGroup)]
}
