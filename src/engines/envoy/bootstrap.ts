/** What an Envoy is started with; everything else it reads from the files beside it, which are replaced by rename. */
import { duration } from './json.ts'
import { overloadManager } from './limits.ts'
import type { JsonObject } from './json.ts'

export type Direction = 'outbound' | 'inbound'

/** In the folder of the configuration. Whoever reaches it commands the Envoy: a socket in a folder that workloads do not see, never a port. */
export const adminSocket = 'admin.sock'

export function bootstrap(direction: Direction, folder: string): JsonObject {
  const files = (kind: string): JsonObject => ({
    resource_api_version: 'V3',
    path_config_source: { path: `${folder}/${kind}.json` },
  })
  return {
    node: { id: `bulkhead-${direction}`, cluster: 'bulkhead' },
    admin: { address: { pipe: { path: `${folder}/${adminSocket}`, mode: 0o600 } } },
    dynamic_resources: { cds_config: files('cds'), lds_config: files('lds') },
    overload_manager: overloadManager(),
    layered_runtime: {
      layers: [{ name: 'fixed', static_layer: { 're2.max_program_size.error_level': 1_000 } }],
    },
    stats_flush_interval: duration(60_000),
    // Names of workloads and domains are not to become metrics by the thousand.
    stats_config: { stats_matcher: { inclusion_list: { patterns: ['listener_manager.', 'cluster_manager.', 'server.', 'sds.', 'overload.'].map((prefix) => ({ prefix })) } } },
  }
}

/**
 * How Envoy is run. Removed chains end their connections `drainSeconds` after the change; nothing is handed to a next process,
 * since a restart closes all paths anyway.
 */
const drainSeconds = 1

export function envoyArguments(folder: string): readonly string[] {
  return [
    '--config-path', `${folder}/bootstrap.json`, '--disable-hot-restart', '--drain-time-s', String(drainSeconds), '--drain-strategy', 'immediate',
    '--parent-shutdown-time-s', String(drainSeconds + 1), '--concurrency', '2', '--log-level', 'warning',
    // It would write codes and tokens that it does not like; the access log has its reasons.
    '--component-log-level', 'oauth2:off',
    // Records are read as they come; by default they would wait ten seconds.
    '--file-flush-interval-msec', '200',
  ]
}
