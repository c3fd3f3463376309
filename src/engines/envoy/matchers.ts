/**
 * Which chain takes a connection, as a tree of look-ups. A look-up that finds nothing ends the connection: no tree here says what
 * else would do, but where `otherwise` is written out.
 */
import { extension, typed } from './json.ts'
import { formatAddress } from '../../net/address.ts'
import type { Address } from '../../net/address.ts'
import type { Json, JsonObject } from './json.ts'

/** An action, or a further look-up: what Envoy calls `OnMatch`. */
export type Next = JsonObject

export function toChain(name: string): Next {
  return { action: { name: 'chain', typed_config: typed('google.protobuf.StringValue', { value: name }) } }
}

const inputs = {
  source: 'SourceIPInput',
  destination: 'DestinationIPInput',
  port: 'DestinationPortInput',
  transport: 'TransportProtocolInput',
  name: 'ServerNameInput',
} as const

function input(what: keyof typeof inputs): Json {
  return extension(what, `envoy.extensions.matching.common_inputs.network.v3.${inputs[what]}`)
}

/** By the exact text of one property of the connection. `undefined` when nothing could be found. */
export function by(what: keyof typeof inputs, entries: Iterable<readonly [string, Next | undefined]>): Next | undefined {
  const map = Object.fromEntries([...entries].filter((entry): entry is [string, Next] => entry[1] !== undefined))
  return Object.keys(map).length === 0 ? undefined : { matcher: { matcher_tree: { input: input(what), exact_match_map: { map } } } }
}

export function byAddress(what: 'source' | 'destination', entries: Iterable<readonly [Address, Next | undefined]>): Next | undefined {
  return by(what, Array.from(entries, ([address, next]) => [formatAddress(address), next] as const))
}

/**
 * By name, the most specific pattern first (`a.example.org`, then `*.example.org`). An empty name finds nothing. Envoy has a look-up for
 * this that it calls unfinished and outside its threat model; hence exact names in a map, and the few patterns in a list.
 */
export function byName(entries: Iterable<readonly [string, Next | undefined]>): Next | undefined {
  const known = [...entries].filter((entry): entry is readonly [string, Next] => entry[1] !== undefined)
  const exact = by('name', known.filter(([pattern]) => !pattern.startsWith('*')))
  const below = known.filter(([pattern]) => pattern.startsWith('*.')).sort(([a], [b]) => b.length - a.length || (a < b ? -1 : 1))
  if (below.length === 0) return exact
  const list: Next = {
    matcher: {
      matcher_list: {
        matchers: below.map(([pattern, next]) => ({ predicate: { single_predicate: { input: input('name'), value_match: { suffix: pattern.slice(1) } } }, on_match: next })),
      },
    },
  }
  return exact === undefined ? list : { matcher: { ...(exact['matcher'] as JsonObject), on_no_match: list } }
}

/** A listener's matcher: a tree, which is there even when it holds nothing. */
export function rootMatcher(next: Next | undefined): JsonObject {
  const matcher = next?.['matcher']
  // A map may not be empty, so what holds nothing looks for a transport that no connection has.
  return (matcher as JsonObject | undefined) ?? (by('transport', [['none', toChain('none')]])?.['matcher'] as JsonObject)
}
