/**
 * What a gateway's files allow, asked one attempt at a time, as Envoy's documentation says that it reads them: the listener's port,
 * its matcher or the chains' own matches, TLS, filters in order, virtual host, route, and the filters' settings for the route.
 * What is not understood here counts as open.
 */
import { chainFor } from './read/chains.ts'
import { connectionFilters } from './read/connection.ts'
import { list, object, text } from './read/values.ts'
import type { Attempt, Outcome, Reading } from './read/attempt.ts'
import type { Authorities } from './read/attempt.ts'

export type { Attempt, Authorities, Outcome } from './read/attempt.ts'

/** `authorities`: whom the secret files of that name vouch for. */
export function readGateway(files: ReadonlyMap<string, string>, authorities: Authorities): (attempt: Attempt) => Outcome {
  const resources = (name: string) => list(object(JSON.parse(files.get(name) ?? '{}'))['resources']).map(object)
  const listeners = resources('lds.json')
  const clusters = new Map(resources('cds.json').map((cluster) => [text(cluster['name']), cluster]))
  const reading: Reading = { clusters, authorities }
  const portOf = (address: unknown): unknown => object(object(address)['socket_address'])['port_value']
  return (attempt) => {
    const listener = listeners.find((each) => portOf(each['address']) === attempt.arrives)
    if (listener === undefined) return { kind: 'closed' }
    const chain = chainFor(listener, attempt)
    return chain === undefined ? { kind: 'closed' } : connectionFilters(chain, attempt, reading)
  }
}
