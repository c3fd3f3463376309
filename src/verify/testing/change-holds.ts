/** Whether a change tells of a flow: its ends, its traffic, its phase. */
import { setContains } from '../../net/address-set.ts'
import { domainMatches, parseDomain } from '../../net/domain.ts'
import { hasPort } from '../../net/ports.ts'
import { formatAddress } from '../../net/address.ts'
import { compile } from '../../intent/compile.ts'
import { declaredPhase } from '../../analysis/grants.ts'
import { generatedNow } from './words.ts'
import { isExpired, phases } from '../../model/platform.ts'
import type { Change, ChangeEnd } from '../../analysis/change.ts'
import type { Piece } from '../../analysis/grants.ts'
import type { DomainPattern } from '../../net/domain.ts'
import type { Intent } from '../../intent/intent.ts'
import type { Flow, FlowEnd, Platform } from '../../model/platform.ts'

/** What only becomes longer or shorter in time is not told of a flow now. */
export function changeHolds({ source, destination, pieces }: Change, flow: Flow, before: Platform, after: Platform): boolean {
  const published = flow.destination.kind === 'address' && flow.source.kind === 'address'
  if (!endHolds(source, flow.source, flow, before, after)) return false
  if (!published && !endHolds(destination, flow.destination, flow, before, after)) return false
  const bit = flow.source.kind !== 'workload' || flow.phase === undefined ? declaredPhase : 1 << phases.indexOf(flow.phase)
  return pieces.some((piece) => piece.before === 0 && (piece.phases & bit) !== 0 && carries(piece, flow, published))
}

function carries(piece: Piece, flow: Flow, published: boolean): boolean {
  if (piece.protocol !== flow.protocol) return false
  if (published) return entrances(flow).some((text) => piece.condition.kind === 'entrance' && piece.condition.id === `publish ${text}`)
  if (piece.condition.kind === 'entrance') return false
  return flow.protocol === 'icmp' ? flow.port === undefined : flow.port !== undefined && hasPort(piece.ports, flow.port)
}

function entrances({ destination, port }: Flow): readonly string[] {
  if (destination.kind !== 'address') return []
  const text = formatAddress(destination.address)
  return [`${destination.address.family === 4 ? text : `[${text}]`}:${String(port)}`]
}

function endHolds(end: ChangeEnd, asked: FlowEnd, flow: Flow, before: Platform, after: Platform): boolean {
  switch (asked.kind) {
    case 'workload':
      return end.kind === 'workload' && end.workload === asked.workload
    case 'peer':
      return (
        end.kind === 'peer' && end.peer === asked.peer && end.enclave === asked.enclave &&
        (end.workload === asked.workload || (end.workload === '*' && !end.except.includes(asked.workload)))
      )
    case 'address':
      return end.kind === 'outside' && setContains(end.addresses, asked.address)
    case 'name': {
      const name = parseDomain(asked.name)
      if (end.kind !== 'outside' || name === undefined) return false
      // A pattern in a change leaves out what another pattern of these Externals holds more exactly.
      const nearest = nearestPattern(name, [before, after].flatMap((platform) => patternsFor(platform, flow.source)))
      return end.names.some((pattern) => domainMatches(pattern, name) && (pattern.below ? `*.${pattern.name}` : pattern.name) === nearest)
    }
    case 'external':
      return false
  }
}

function nearestPattern(name: string, patterns: readonly DomainPattern[]): string | undefined {
  const exact = patterns.find((p) => !p.below && p.name === name)
  if (exact !== undefined) return exact.name
  const [longest] = patterns.filter((p) => domainMatches(p, name)).sort((a, b) => b.name.length - a.name.length)
  return longest === undefined ? undefined : `*.${longest.name}`
}

const intents = new WeakMap<Platform, Intent>()

/** Only the Externals to which this source has a path are told apart. */
function patternsFor(platform: Platform, source: FlowEnd): readonly DomainPattern[] {
  const intent = intents.get(platform) ?? compile(platform).intent
  intents.set(platform, intent)
  // What has expired cuts nothing in two.
  const named = new Set(intent.paths.filter((path) => !isExpired(path, generatedNow)).flatMap(({ source: from, destination }) =>
    (destination.kind === 'external' && from.kind === 'workload' && source.kind === 'workload' && from.workload === source.workload ? [destination.external] : [])))
  return [...named].flatMap((external) => platform.externals.get(external)?.domains ?? [])
}
