/** Where a broker that runs here finds what it needs, as it sees it. */
import { existsSync } from 'node:fs'
import { svidFileNames } from '../identity/svid-files.ts'
import { insideSvid } from './bwrap.ts'
import type { BrokerInventory } from '../engines/nats/inventory.ts'
import type { WorkloadId } from '../model/platform.ts'

/** The name of the file beside the identity; a broker is started with `-c /run/bulkhead/svid/nats.conf`. */
export const configurationFile = 'nats.conf'

/** Brokers that are started here, as they see their own files. */
export function brokerInventory(brokers: Iterable<WorkloadId>): BrokerInventory {
  const inside = (name: string): string => `${insideSvid}/${name}`
  const placed = {
    // One socket takes both families where the kernel has them.
    listen: existsSync('/proc/sys/net/ipv6') ? '[::]' : '0.0.0.0',
    certificateFile: inside(svidFileNames.chain), keyFile: inside(svidFileNames.key), bundleFile: inside(svidFileNames.bundle),
  }
  return { brokers: new Map([...brokers].map((workload) => [workload, placed])) }
}
