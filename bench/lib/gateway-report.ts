/** The figures of gateways as tables. */
import { digits, spread, table, withSpread } from './stats.ts'
import type { Changes } from './gateway-changes.ts'
import type { Direction } from './gateway-policies.ts'
import type { Order } from '../load/gateway-client.ts'
import type { Running } from './gateways.ts'

export interface Measured {
  /** A second. */
  readonly requests: number
  /** Microseconds of Envoy's processor time for one. */
  readonly requestCpu: number
  /** Milliseconds of a request, one at a time. */
  readonly p50: number
  readonly p99: number
  /** A second, each with its first answer. */
  readonly connections: number
  readonly connectionCpu: number
  readonly connectP50: number
}

export interface Side {
  readonly direction: Direction
  readonly name: string
  readonly kind: 'direct' | 'plain' | 'recording' | 'hardened' | 'bulkhead'
  readonly orders: Readonly<Record<'requests' | 'connects', Omit<Order, 'parallel' | 'ms'>>>
  readonly running: Running | undefined
  readonly files: { readonly bytes: number; readonly renderMs: number } | undefined
  readonly rounds: Measured[]
  /** Mebibytes, after all rounds. */
  memory?: number | undefined
}

type What = keyof Measured
const rates: readonly What[] = ['requests', 'connections']

function values(side: Side, what: What): readonly number[] {
  return side.rounds.map((round) => round[what])
}

/** Cost relative to another side of the same round: above 1 is dearer. */
function ratios(side: Side, base: Side | undefined, what: What): readonly number[] {
  return side.rounds.map((round, i) => {
    const other = base?.rounds[i]?.[what] ?? NaN
    return rates.includes(what) ? other / round[what] : round[what] / other
  })
}

function added(side: Side, base: Side | undefined, what: What): readonly number[] {
  return side.rounds.map((round, i) => round[what] - (base?.rounds[i]?.[what] ?? NaN))
}

function direction(sides: readonly Side[], title: string): readonly string[] {
  const of = (kind: Side['kind']): Side | undefined => sides.find((side) => side.kind === kind)
  const behind = sides.filter(({ running }) => running !== undefined)
  return [
    '', title, '',
    ...table(
      ['', 'requests/s', 'µs of processor each', 'new connections/s', 'µs of processor each', 'MiB', 'files, MB', 'start, s'],
      sides.map((side) => [
        side.name, withSpread(values(side, 'requests')), side.running === undefined ? '-' : withSpread(values(side, 'requestCpu')),
        withSpread(values(side, 'connections')), side.running === undefined ? '-' : withSpread(values(side, 'connectionCpu')),
        digits(side.memory ?? NaN), digits((side.files?.bytes ?? NaN) / 1e6), digits((side.running?.startMs ?? NaN) / 1000),
      ]),
    ),
    '', 'Added latency of one request at a time, milliseconds, to the direct connection of the same round:', '',
    ...table(['', 'p50', 'p99', 'new connection, p50'], behind.map((side) => [side.name, ...(['p50', 'p99', 'connectP50'] as const).map((what) => withSpread(added(side, of('direct'), what)))])),
    '', 'Cost relative to the plain Envoy, and to the one with records, each within one round; 1 is equal, above 1 is dearer:', '',
    ...table(
      ['', 'processor of a request', 'processor of a connection', 'requests', 'new connections', 'processor of a request, to records', 'processor of a connection, to records'],
      behind.filter(({ kind }) => kind !== 'plain').map((side) => [
        side.name, ...(['requestCpu', 'connectionCpu', 'requests', 'connections'] as const).map((what) => withSpread(ratios(side, of('plain'), what))),
        ...(['requestCpu', 'connectionCpu'] as const).map((what) => (side.kind === 'recording' ? '-' : withSpread(ratios(side, of('recording'), what)))),
      ]),
    ),
  ]
}

interface About {
  readonly changing: number
  readonly busy: number
  readonly opening: number
}

export function gatewayLines(sides: readonly Side[], changes: Changes | undefined, { changing, busy, opening }: About): readonly string[] {
  const of = (which: Direction): readonly Side[] => sides.filter((side) => side.direction === which)
  return [
    ...direction(of('outbound'), `Ways out: plain HTTP by its host on ${busy} connections; new connections of TLS by their name, ${opening} at a time, whose bytes are passed on.`),
    ...direction(of('inbound'), `Ways in: https on ${busy} connections; new connections with a full handshake of TLS 1.3 and a request, ${opening} at a time. The direct connection is without TLS.`),
    ...(changes === undefined ? [] : changeLines(changes, changing)),
    '', ...targets(sides, changes, changing),
  ]
}

function changeLines(changes: Changes, changing: number): readonly string[] {
  const row = (name: string, times: readonly number[], target: string): readonly string[] => {
    const { count, min, median, p99, max } = spread(times)
    return [name, String(count), ...[min, median, p99, max].map(digits), target]
  }
  return [
    '', `One policy of ${changing.toLocaleString('en-US')} on the way out revoked at a time, milliseconds; ${changes.kept} connections by other policies of the same workloads lost nothing:`, '',
    ...table(['', 'times', 'min', 'median', 'p99', 'max', 'target'], [
      row('documents to files', changes.rendered, '-'),
      row('files to accepted by Envoy', changes.accepted, 'under 500'),
      row('processor time of Envoy for it', changes.processor, '-'),
      row('files to the last byte of the revoked connection', changes.lastByteFromFiles, '-'),
      row('documents to the last byte', changes.lastByte, 'p99 under 2,000'),
    ]),
  ]
}

function targets(sides: readonly Side[], changes: Changes | undefined, changing: number): readonly string[] {
  const cost = (which: Direction, kind: Side['kind'], what: What): string => {
    const side = sides.find((each) => each.direction === which && each.name === `${changing.toLocaleString('en-US')} policies`)
    const base = sides.find((each) => each.direction === which && each.kind === kind)
    return side === undefined ? '-' : digits(spread(ratios(side, base, what)).median)
  }
  const line = (kind: Side['kind'], name: string): string =>
    `Processor time at ${changing.toLocaleString('en-US')} policies against ${name} (target: 1.05): request out ${cost('outbound', kind, 'requestCpu')}, in ${cost('inbound', kind, 'requestCpu')}; connection out ${cost('outbound', kind, 'connectionCpu')}, in ${cost('inbound', kind, 'connectionCpu')}.`
  return [
    line('plain', 'the plain Envoy'), line('recording', 'the plain Envoy with records'), line('hardened', 'the plain Envoy that is as strict and has records'),
    ...(changes === undefined ? [] : [`A change at ${changing.toLocaleString('en-US')} policies, files to accepted: median ${digits(spread(changes.accepted).median)} ms (target: 500); a revocation to the last byte: p99 ${digits(spread(changes.lastByte).p99)} ms (target: 2,000).`]),
  ]
}
