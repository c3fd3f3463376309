/** Records as lines for people. Whatever a record holds, a line never drives the terminal. */
import { escapeText } from '../base/diagnostic.ts'
import { formatLocation } from '../base/location.ts'
import type { StoredRecord } from '../observe/store.ts'
import type { VerdictEnd, VerdictRecord } from '../observe/verdict.ts'
import type { Output } from './output.ts'

/** One line: time, verdict, source -> destination, protocol/port, reason, nearest policy. */
export function flowLine(record: StoredRecord, paint: Output['paint']): string {
  switch (record.kind) {
    case 'verdict':
      return verdictLine(record, paint)
    case 'loss':
      return `${safe(record.time)} ${paint('yellow', 'lost ')} ${lossText(record.of, record.lost)}`
    case 'session':
      return `${safe(record.time)} ${paint('dim', `recording ${safe(record.event)}`)}`
  }
}

function lossText(of: 'denied' | 'allowed', count: number | undefined): string {
  if (of === 'allowed') return 'connections may be missing: there were more than could be taken'
  return `${count === 1 ? '1 refused packet has' : `${count ?? 'some'} refused packets have`} no record`
}

function verdictLine(record: VerdictRecord, paint: Output['paint']): string {
  const denied = record.verdict === 'deny'
  const parts = [
    safe(record.time),
    denied ? paint('red', 'deny ') : paint('green', 'allow'),
    `${sourceText(record)} -> ${endText(record.destination)}`,
    trafficText(record),
    ...askedText(record),
    ...(record.event === undefined ? [] : [safe(record.event)]),
    reasonText(record),
    ...(record.count === 1 ? [] : [paint('yellow', `(${record.count} times)`)]),
    ...(record.probe ? [paint('dim', '[probe]')] : []),
  ]
  return parts.join(' ')
}

/** What gateways and resolver saw beyond addresses. */
function askedText({ gateway, name, http, question }: VerdictRecord): readonly string[] {
  if (gateway === undefined) return []
  const asked = question !== undefined ? `${question.type} ${name ?? ''}: ${question.answer}` : http !== undefined ? `${http.method} ${name ?? ''}${http.path}${http.status === undefined ? '' : `: ${http.status}`}` : (name ?? 'no name')
  return [`at ${gateway === 'resolver' ? 'the resolver' : `the ${gateway} gateway`}: ${safe(asked)},`]
}

function sourceText(record: VerdictRecord): string {
  const text = endText(record.source)
  return record.reason === 'spoof' && record.source.workload !== undefined ? `${text} (as ${safe(record.source.address)})` : text
}

function endText(end: VerdictEnd): string {
  if (end.workload !== undefined) return safe(end.phase === undefined || end.phase === 'running' ? end.workload : `${end.workload}@${end.phase}`)
  if (end.gateway !== undefined) return end.gateway === 'resolver' ? 'resolver' : `${end.gateway} gateway`
  if (end.router === true) return `router (${safe(end.address)})`
  return safe(end.externals === undefined ? end.address : `${end.address} (${end.externals.join(', ')})`)
}

function trafficText({ protocol, port, icmp }: VerdictRecord): string {
  if (icmp !== undefined && icmp.type !== 8 && icmp.type !== 128) return `icmp type ${icmp.type}`
  return safe(port === undefined ? protocol : `${protocol}/${port}`)
}

function reasonText(record: VerdictRecord): string {
  if (record.verdict === 'allow') {
    return record.policies === undefined ? `${safe(record.reason)}: no policy is known for it` : `by ${safe(record.policies.join(', '))}`
  }
  const midstream = record.midstream === true ? ' (established)' : ''
  const reason = `${safe(record.reason)}${midstream}`
  if (record.nearest !== undefined) {
    const origin = record.nearest.origin.map(({ document, at }) => `${document} (${formatLocation(at)})`).join(' and ')
    return `${reason}; nearest: ${safe(origin)}, but ${safe(record.nearest.why)}`
  }
  if (record.intended === 'allow') return `${reason}, although ${safe(record.explanation ?? 'the documents allow it')}`
  return record.explanation === undefined ? reason : `${reason}; ${safe(record.explanation)}`
}

function safe(text: string): string {
  return escapeText(String(text))
}
