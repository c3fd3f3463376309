/**
 * Sets of what may travel to one destination, as small numbers: each distinct set is kept once, so that equality is
 * equality of numbers and every operation on the same two sets is worked out once.
 */
import { allPorts, formatPorts, intersectPorts, isAllPorts, noPorts, subtractPorts, unionPorts } from '../../net/ports.ts'
import type { PortSet } from '../../net/ports.ts'

/** In alphabetical order, as they are printed. */
export const portedProtocols = ['sctp', 'tcp', 'udp'] as const
export type PortedProtocol = (typeof portedProtocols)[number]

export interface Traffic {
  readonly sctp: PortSet
  readonly tcp: PortSet
  readonly udp: PortSet
  /** Everything that is none of the three: what a rule without ports also allows. */
  readonly rest: boolean
}

export type TrafficId = number

export const noTraffic: TrafficId = 0
export const allTraffic: TrafficId = 1

export interface TrafficTable {
  readonly id: (traffic: Traffic) => TrafficId
  readonly get: (id: TrafficId) => Traffic
  readonly union: (a: TrafficId, b: TrafficId) => TrafficId
  readonly intersect: (a: TrafficId, b: TrafficId) => TrafficId
  readonly subtract: (from: TrafficId, what: TrafficId) => TrafficId
}

export const nothing: Traffic = Object.freeze({ sctp: noPorts, tcp: noPorts, udp: noPorts, rest: false })
const everything: Traffic = Object.freeze({ sctp: allPorts, tcp: allPorts, udp: allPorts, rest: true })

export function trafficTable(): TrafficTable {
  const sets: Traffic[] = []
  const ids = new Map<string, TrafficId>()
  const id = (traffic: Traffic): TrafficId => {
    const key = `${portedProtocols.map((p) => formatPorts(traffic[p])).join(' ')} ${String(traffic.rest)}`
    let known = ids.get(key)
    if (known === undefined) {
      known = sets.push(Object.freeze(traffic)) - 1
      ids.set(key, known)
    }
    return known
  }
  id(nothing)
  id(everything)
  const get = (of: TrafficId): Traffic => sets[of] ?? nothing
  const remembered = (ports: (a: PortSet, b: PortSet) => PortSet, rest: (a: boolean, b: boolean) => boolean) => {
    const known = new Map<number, TrafficId>()
    return (a: TrafficId, b: TrafficId): TrafficId => {
      const key = a * 2 ** 26 + b
      let result = known.get(key)
      if (result === undefined) {
        const [x, y] = [get(a), get(b)]
        result = id({ sctp: ports(x.sctp, y.sctp), tcp: ports(x.tcp, y.tcp), udp: ports(x.udp, y.udp), rest: rest(x.rest, y.rest) })
        known.set(key, result)
      }
      return result
    }
  }
  const union = remembered(unionPorts, (a, b) => a || b)
  const intersect = remembered(intersectPorts, (a, b) => a && b)
  const subtract = remembered(subtractPorts, (a, b) => a && !b)
  return {
    id,
    get,
    union: (a, b) => (a === b || b === noTraffic ? a : a === noTraffic ? b : union(a, b)),
    intersect: (a, b) => (a === b || b === allTraffic ? a : a === allTraffic ? b : a === noTraffic || b === noTraffic ? noTraffic : intersect(a, b)),
    subtract: (from, what) => (what === noTraffic || from === noTraffic ? from : from === what || what === allTraffic ? noTraffic : subtract(from, what)),
  }
}

/** True when there is something of the three protocols in it: that is what a connection is. */
export function hasConnection(traffic: Traffic): boolean {
  return portedProtocols.some((protocol) => traffic[protocol].length > 0)
}

/** `All Connections`, or `SCTP 1-79,81-65535,TCP 80`: protocols in the order of the alphabet, each with its ports. */
export function formatConnection(traffic: Traffic): string {
  if (portedProtocols.every((protocol) => isAllPorts(traffic[protocol]))) return 'All Connections'
  return portedProtocols
    .filter((protocol) => traffic[protocol].length > 0)
    .map((protocol) => `${protocol.toUpperCase()} ${isAllPorts(traffic[protocol]) ? '1-65535' : formatPorts(traffic[protocol])}`)
    .join(',')
}

export const protocolWords = ['TCP', 'UDP', 'SCTP'] as const

export function protocolOf(word: (typeof protocolWords)[number]): PortedProtocol {
  return word === 'TCP' ? 'tcp' : word === 'UDP' ? 'udp' : 'sctp'
}
