/** The order in which atoms are kept and printed, so that equal input gives equal text. */
import type { Address } from '../../net/address.ts'
import type { DirectAtom, EgressAtom, LeadAtom, Match, PublishAtom } from './atoms.ts'
import type { Protocol } from '../../net/protocol.ts'

const protocolOrder: Readonly<Record<Protocol, number>> = { icmp: 0, sctp: 1, tcp: 2, udp: 3 }

export function compareDirect(a: DirectAtom, b: DirectAtom): number {
  return a.source - b.source || a.destination - b.destination || compareTraffic(a, b)
}

export function compareEgress(a: EgressAtom, b: EgressAtom): number {
  return a.source - b.source || a.class - b.class || compareTraffic(a, b)
}

export function comparePublish(a: PublishAtom, b: PublishAtom): number {
  return compareAddresses(a.address, b.address) || protocolOrder[a.protocol] - protocolOrder[b.protocol] || a.port - b.port || a.class - b.class
}

export function compareLead(a: LeadAtom, b: LeadAtom): number {
  const place = a.address === undefined || b.address === undefined ? Number(a.address !== undefined) - Number(b.address !== undefined) : compareAddresses(a.address, b.address)
  return a.source - b.source || place || firstPort(a.match) - firstPort(b.match)
}

function compareAddresses(a: Address, b: Address): number {
  return a.family - b.family || (a.bits < b.bits ? -1 : a.bits > b.bits ? 1 : 0)
}

interface Traffic {
  readonly protocol: Protocol
  readonly match: Match
}

function compareTraffic(a: Traffic, b: Traffic): number {
  return protocolOrder[a.protocol] - protocolOrder[b.protocol] || firstPort(a.match) - firstPort(b.match)
}

function firstPort(match: Match): number {
  switch (match.kind) {
    case 'port': return match.port
    case 'range': return match.from
    case 'protocol': return 1
    case 'echo': return 0
  }
}

export function sameMatch(a: Match, b: Match): boolean {
  if (a.kind === 'range') return b.kind === 'range' && a.from === b.from && a.to === b.to
  return a.kind === b.kind && (a.kind !== 'port' || b.kind !== 'port' || a.port === b.port)
}
