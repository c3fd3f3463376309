/** What a running Envoy says that it goes by, in the form of the files that it reads: for comparing it with what was wanted. */
import { ask } from './admin.ts'
import { list, object } from './read/values.ts'
import type { Unknown } from './read/values.ts'

/**
 * Its listeners and clusters by its own word, also those that it was started with and those that no file names any more. Throws
 * a Fault when it does not answer within `timeoutMs`.
 */
export async function filesInForce(socket: string, timeoutMs = 10_000): Promise<ReadonlyMap<string, string>> {
  const dump = object(JSON.parse(await ask(socket, '/config_dump', timeoutMs)))
  const entries = (key: string): readonly Unknown[] => list(dump['configs']).flatMap((config) => list(object(config)[key])).map(object)
  const listeners = [...entries('static_listeners').map((each) => each['listener']), ...entries('dynamic_listeners').flatMap((each) => object(each['active_state'])['listener'] ?? [])]
  const clusters = [...entries('static_clusters'), ...entries('dynamic_active_clusters')].map((each) => each['cluster'])
  return new Map([['lds.json', JSON.stringify({ resources: listeners })], ['cds.json', JSON.stringify({ resources: clusters })]])
}
