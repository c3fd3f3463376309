/**
 * What the Envoys and the brokers of this host go by, read back and compared with the documents by the second opinion: by their own word what is
 * in force now, and in their files what the next one would begin with.
 */
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../base/fault.ts'
import { adminSocket } from '../../engines/envoy/bootstrap.ts'
import { filesInForce } from '../../engines/envoy/in-force.ts'
import { compareGateway } from '../../verify/gateways.ts'
import { compareMesh } from '../../verify/mesh.ts'
import { gatewayFolder } from './files.ts'
import { readBrokers } from '../broker-reading.ts'
import { gatewaySeats } from './places.ts'
import { envoyInventory, serve } from './serve.ts'
import type { EnvoyArtefacts } from '../../engines/envoy/render.ts'
import type { CheckedSet } from '../documents.ts'
import type { Plan } from '../plan.ts'
import type { WorkloadId } from '../../model/platform.ts'
import type { GatewayComparison } from '../../verify/gateways.ts'
import type { GatewaySeat } from './places.ts'

export interface GatewayReading {
  readonly gateway: 'outbound' | 'inbound' | `broker ${WorkloadId}`
  /** `in force`: by Envoy's own word. `files`: what it begins with when it is started again. */
  readonly what: 'in force' | 'files'
  /** Requests and encrypted ways, or messages, that were looked at, of those that the documents and the gateway give reason for. */
  readonly compared: number
  readonly planned: number
  readonly differences: readonly string[]
}

const timeoutMs = 5_000
/** For each reading. */
const comparingMs = 1_000

/** `tried`: the encrypted ways that stand-ins of verification have. */
export async function readGateways(set: CheckedSet, plan: Pick<Plan, 'places' | 'inventory'>, stateFolder: string, now: number): Promise<{ readonly gateways: readonly GatewayReading[]; readonly tried: EnvoyArtefacts['tried'] }> {
  const { envoy } = serve(set, plan, now)
  const brokers = readBrokers(set, plan, stateFolder, now).map(({ broker, compared, differences }): GatewayReading => ({ gateway: `broker ${broker}`, what: 'files', compared, planned: compared, differences }))
  if (envoy === undefined) return { gateways: brokers, tried: [] }
  const inventory = envoyInventory(set.intent, plan.places, plan.inventory)
  const readings: GatewayReading[] = []
  for (const { name } of gatewaySeats(plan.inventory.gateways, '')) {
    if (name === 'resolver') continue
    for (const what of ['in force', 'files'] as const) {
      try {
        const files = await (what === 'files' ? filesOf(stateFolder, name) : inForce(stateFolder, name))
        const parts = [compareGateway, compareMesh].map((compare) => compare(set.platform, { direction: name, files }, envoy, inventory, now, comparingMs))
        const sum = (of: (part: GatewayComparison) => number): number => parts.reduce((all, part) => all + of(part), 0)
        readings.push({ gateway: name, what, compared: sum((part) => part.compared), planned: sum((part) => part.planned), differences: parts.flatMap((part) => part.differences) })
      } catch (error) {
        // What cannot be read could do anything.
        readings.push({ gateway: name, what, compared: 0, planned: 0, differences: [`not readable: ${messageOf(error)}`] })
      }
    }
  }
  return { gateways: [...readings, ...brokers], tried: envoy.tried }
}

async function inForce(stateFolder: string, name: GatewaySeat['name']): Promise<ReadonlyMap<string, string>> {
  // A socket's path is short, a folder's need not be: the folder is named by its descriptor.
  const fd = openSync(gatewayFolder(stateFolder, name), 'r')
  try {
    return await filesInForce(join(`/proc/self/fd/${fd}`, adminSocket), timeoutMs)
  } finally {
    closeSync(fd)
  }
}

function filesOf(stateFolder: string, name: GatewaySeat['name']): Promise<ReadonlyMap<string, string>> {
  return Promise.resolve(new Map(['lds.json', 'cds.json'].map((file) => [file, readFileSync(join(gatewayFolder(stateFolder, name), file), 'utf8')])))
}
