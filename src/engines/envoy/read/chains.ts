/** Which filter chain takes a connection. */
import { parseAddress } from '../../../net/address.ts'
import { parsePrefix, prefixContains } from '../../../net/prefix.ts'
import { list, object, text, typeOf } from './values.ts'
import type { Attempt } from './attempt.ts'
import type { Unknown } from './values.ts'

/** With a matcher on the listener the chains' own matches do not count; no match is no chain, since no default chain is set. */
export function chainFor(listener: Unknown, attempt: Attempt): Unknown | undefined {
  const chains = list(listener['filter_chains']).map(object)
  if (listener['default_filter_chain'] !== undefined) return object(listener['default_filter_chain'])
  if (listener['filter_chain_matcher'] === undefined) return byOwnMatches(chains, attempt)
  const name = matched(object(listener['filter_chain_matcher']), attempt)
  return name === undefined ? undefined : chains.find((chain) => chain['name'] === name)
}

/** A matcher whose look-up finds nothing, or finds a matcher that finds nothing, goes on with what it says for no match. */
function matched(matcher: Unknown, attempt: Attempt): string | undefined {
  const tree = object(matcher['matcher_tree'])
  const map = object(object(tree['exact_match_map'])['map'])
  const key = inputOf(tree['input'], attempt)
  const found = key === undefined || !Object.hasOwn(map, key) ? undefined : next(map[key], attempt)
  if (found !== undefined) return found
  for (const each of list(object(matcher['matcher_list'])['matchers']).map(object)) {
    const predicate = object(object(each['predicate'])['single_predicate'])
    const value = inputOf(predicate['input'], attempt)
    const suffix = object(predicate['value_match'])['suffix']
    if (typeof suffix === 'string' && value?.endsWith(suffix) === true) return next(each['on_match'], attempt)
  }
  return matcher['on_no_match'] === undefined ? undefined : next(matcher['on_no_match'], attempt)
}

function next(on: unknown, attempt: Attempt): string | undefined {
  const { action, matcher } = object(on)
  return action === undefined ? matched(object(matcher), attempt) : text(object(object(action)['typed_config'])['value'])
}

function inputOf(input: unknown, { source, destination, port, sni }: Attempt): string | undefined {
  switch (typeOf(object(input)['typed_config'])) {
    case 'SourceIPInput':
      return source
    case 'DestinationIPInput':
      return destination
    case 'DestinationPortInput':
      return String(port)
    case 'TransportProtocolInput':
      return sni === undefined ? 'raw_buffer' : 'tls'
    case 'ServerNameInput':
      return sni === undefined || sni === '' ? undefined : sni.toLowerCase()
    default:
      return undefined
  }
}

/** Server name first, then transport, then source; each step keeps the most specific and never returns to what it left. */
function byOwnMatches(chains: readonly Unknown[], { sni, source }: Attempt): Unknown | undefined {
  const match = (chain: Unknown): Unknown => object(chain['filter_chain_match'])
  const named = mostSpecific(chains, (chain) => {
    const names = list(match(chain)['server_names']).map(text)
    if (names.length === 0) return 0
    return Math.max(...names.map((name) => nameFits(name, sni?.toLowerCase() ?? '')))
  })
  const carried = mostSpecific(named, (chain) => {
    const wanted = match(chain)['transport_protocol']
    return wanted === undefined ? 0 : wanted === (sni === undefined ? 'raw_buffer' : 'tls') ? 1 : -1
  })
  const [chain] = mostSpecific(carried, (each) => {
    const ranges = list(match(each)['source_prefix_ranges']).map(object)
    if (ranges.length === 0) return 0
    return Math.max(...ranges.map(({ address_prefix: address, prefix_len: length }) => (holds(`${text(address)}/${String(length)}`, source) ? 1 + Number(length) : -1)))
  })
  return chain
}

/** -1: no. A name itself before a wildcard, a longer wildcard before a shorter. */
function nameFits(pattern: string, name: string): number {
  if (pattern === name) return 10_000
  return pattern.startsWith('*.') && name.endsWith(pattern.slice(1)) ? pattern.length : -1
}

function mostSpecific(chains: readonly Unknown[], degree: (chain: Unknown) => number): readonly Unknown[] {
  const best = Math.max(-1, ...chains.map(degree))
  return best < 0 ? [] : chains.filter((chain) => degree(chain) === best)
}

export function holds(range: string, address: string): boolean {
  const [prefix, parsed] = [parsePrefix(range), parseAddress(address)]
  return prefix.kind === 'prefix' && parsed !== undefined && prefixContains(prefix, parsed)
}
