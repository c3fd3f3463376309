/** What one host carries: which interface is which identity, and where the outside begins. Input of `lower` and `render`. */
import type { Address } from '../../net/address.ts'
import type { Phase, WorkloadId } from '../../model/platform.ts'

/** `enclave/workload@phase`: what the kernel enforces. */
export type Identity = `${WorkloadId}@${Phase}`

export interface Inventory {
  /** The interface group of every identity of the platform: persistent, at least `firstIdentityGroup`, never reused while referred to. */
  readonly groups: ReadonlyMap<Identity, number>
  readonly attachments: readonly Attachment[]
  /** The interface that leads outside; `undefined` where a host has none, and then every path to an External is refused. */
  readonly uplink: Uplink | undefined
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
export const firstIdentityGroup = 16

export const probeInterfacePrefix = 'bhp'

export function identity(workload: WorkloadId, phase: Phase): Identity {
  return `${workload}@${phase}`
}
