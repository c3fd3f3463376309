/** Intent to the configuration of NATS servers: one text for each broker. */
import { brokerPort, isExpired } from '../../model/platform.ts'
import { workloadSpiffeId } from '../../model/workload-id.ts'
import { refuseBroker } from './capabilities.ts'
import { permissionsOf } from './permissions.ts'
import type { Intent, Path } from '../../intent/intent.ts'
import type { Platform, Workload, WorkloadId } from '../../model/platform.ts'
import type { Refusal } from './capabilities.ts'
import type { BrokerInventory, PlacedBroker } from './inventory.ts'
import type { Permissions } from './permissions.ts'

export interface NatsArtefacts {
  readonly kind: 'nats-artefacts'
  /** The whole configuration file of each broker of the inventory, also of one that nobody may use. */
  readonly configurations: ReadonlyMap<WorkloadId, string>
  readonly refused: readonly Refusal[]
}

/** Pure and deterministic. What has expired at `now` (milliseconds since the epoch) is left out. `intent` must be that of `platform`. */
export function render(platform: Platform, intent: Intent, inventory: BrokerInventory, { now }: { readonly now: number }): NatsArtefacts {
  const refused: Refusal[] = []
  const paths = new Map<WorkloadId, Path[]>()
  for (const path of intent.paths) {
    if (path.via.kind !== 'direct' || path.via.messages === undefined || path.destination.kind !== 'workload') continue
    if (isExpired(path, now)) continue
    if (!inventory.brokers.has(path.destination.workload)) {
      refused.push(refuseBroker(path))
      continue
    }
    const known = paths.get(path.destination.workload)
    if (known === undefined) paths.set(path.destination.workload, [path])
    else known.push(path)
  }
  const configurations = new Map<WorkloadId, string>()
  for (const [id, placed] of [...inventory.brokers].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const broker = platform.workloads.get(id)
    if (broker?.broker === undefined) continue
    const permissions = permissionsOf(paths.get(id) ?? [])
    refused.push(...permissions.refused)
    configurations.set(id, configuration(platform.trustDomain, broker, placed, permissions.users))
  }
  return Object.freeze({ kind: 'nats-artefacts', configurations, refused })
}

/**
 * A user is allowed nothing that is not listed; for the server an empty list would be everything, so it is written as a denial.
 * Nobody is in it who may do nothing: the server then ends the connection.
 */
function configuration(trustDomain: string, broker: Workload, placed: PlacedBroker, users: ReadonlyMap<WorkloadId, Permissions>): string {
  const port = broker.ports.find(({ name, protocol }) => name === brokerPort && protocol === 'tcp')?.port ?? 4222
  const lines = [
    `server_name: ${text(broker.id.replace('/', '.'))}`,
    `listen: ${text(`${placed.listen}:${port}`)}`,
    'tls: {',
    `  cert_file: ${text(placed.certificateFile)}`,
    `  key_file: ${text(placed.keyFile)}`,
    `  ca_file: ${text(placed.bundleFile)}`,
    '  verify_and_map: true',
    '  timeout: 5',
    '}',
    'authorization: {',
    '  timeout: 5',
    '  default_permissions: { publish: { deny: [">"] }, subscribe: { deny: [">"] } }',
    '  users: [',
    ...[...users].map(([workload, permissions]) => user(trustDomain, workload, permissions)),
    '  ]',
    '}',
  ]
  return `# Made by bulkhead from the documents; what is changed here is overwritten.\n${markKey}: 1\n${lines.join('\n')}\n`
}

function user(trustDomain: string, workload: WorkloadId, { publish, subscribe, subscribeDeny }: Permissions): string {
  const list = (subjects: readonly string[]): string => `[${subjects.map(text).join(', ')}]`
  const allow = (subjects: readonly string[], deny: readonly string[]): string =>
    subjects.length === 0 ? '{ deny: [">"] }' : `{ allow: ${list(subjects)}${deny.length === 0 ? '' : `, deny: ${list(deny)}`} }`
  return [
    `    { user: ${text(workloadSpiffeId(trustDomain, workload))}, permissions: {`,
    `      publish: ${allow(publish, [])}`,
    `      subscribe: ${allow(subscribe, subscribeDeny)}`,
    '    } }',
  ].join('\n')
}

/**
 * A setting of clusters, which these servers are not part of. When it changes the server's log says the new value: so
 * whoever gives it one of its own knows when that very text is in force.
 */
export const markKey = 'reconnect_error_reports'

/** Names and paths that would need escapes do not come from documents, and are not guessed at. */
function text(value: string): string {
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(value)) throw new TypeError(`not to be written in a configuration: ${JSON.stringify(value)}`)
  return `"${value}"`
}
