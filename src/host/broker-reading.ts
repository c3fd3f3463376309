/** What the brokers of this host go by, read back and compared with the documents by the second opinion. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../base/fault.ts'
import { markKey, render } from '../engines/nats/render.ts'
import { identityPlaces } from '../identity/places.ts'
import { compareBroker } from '../verify/brokers.ts'
import { brokerInventory, configurationFile } from './broker-places.ts'
import { logFile } from './supervise.ts'
import type { CheckedSet } from './documents.ts'
import type { Plan } from './plan.ts'
import type { WorkloadId } from '../model/platform.ts'

export interface BrokerReading {
  readonly broker: WorkloadId
  /** Messages that were looked at. */
  readonly compared: number
  readonly differences: readonly string[]
}

export function readBrokers({ platform, intent }: CheckedSet, { places, inventory }: Pick<Plan, 'places' | 'inventory'>, folder: string, now: number): readonly BrokerReading[] {
  const placed = brokerInventory(inventory.brokers ?? [])
  if (placed.brokers.size === 0) return []
  const { refused } = render(platform, intent, placed, { now })
  return [...placed.brokers].map(([broker, place]) => {
    try {
      const text = readFileSync(join(identityPlaces(folder).svid(broker), configurationFile), 'utf8')
      const { compared, differences } = compareBroker(platform, broker, text, refused, place, now)
      const logs = places.filter(({ workload }) => workload === broker).map(({ key }) => logFile(folder, key))
      return { broker, compared, differences: [...differences, ...(logs.every((log) => isTaken(text, log)) ? [] : ['another configuration is in force: the server has not said that it took this one'])] }
    } catch (error) {
      // What cannot be read could let in anybody.
      return { broker, compared: 0, differences: [`not readable: ${messageOf(error)}`] }
    }
  })
}

/** The server says which mark it has taken; a log that was begun anew since says nothing. */
function isTaken(text: string, log: string): boolean {
  const last = [...readFileSync(log, 'utf8').matchAll(new RegExp(`Reloaded: ${markKey} = (\\d+)$`, 'gm'))].at(-1)?.[1]
  return last === undefined || new RegExp(`^${markKey}: ${last}$`, 'm').test(text)
}
