/** Where the brokers of a host run. Input of `render`. */
import type { WorkloadId } from '../../model/platform.ts'

export interface BrokerInventory {
  /** Those that can be configured here; messages at others are refused. */
  readonly brokers: ReadonlyMap<WorkloadId, PlacedBroker>
}

export interface PlacedBroker {
  /** The address at which it listens, without its port: every address of its own namespace, as a rule. */
  readonly listen: string
  /** Files as the server sees them: its own SVID with its chain, the key, and the roots of its own trust domain alone. */
  readonly certificateFile: string
  readonly keyFile: string
  readonly bundleFile: string
}
