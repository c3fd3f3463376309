/** Verdict records as flows that were seen: what repeats is counted, what no policy could be about is left out. */
import { parseAddress } from '../net/address.ts'
import { isProtocol } from '../net/protocol.ts'
import { parseStored } from '../observe/store.ts'
import type { SeenEnd, SeenFlow } from '../analysis/seen.ts'
import type { VerdictEnd, VerdictRecord } from '../observe/verdict.ts'

export interface SeenFlows {
  readonly flows: readonly SeenFlow[]
  /** Lines that are no records. */
  readonly malformed: number
  /** Records about packets that no policy speaks of: of the host's router, of other protocols, forged ones. */
  readonly unspoken: number
}

/** `denied`: also what was refused, as if it should have been allowed. Probes of the live verification are nobody's flows. */
export function seenFlows(lines: Iterable<string>, denied: boolean): SeenFlows {
  const flows = new Map<string, SeenFlow>()
  const begun = new Set<string>()
  let malformed = 0
  let unspoken = 0
  for (const line of lines) {
    if (line.trim() === '') continue
    const record = parseStored(line)
    if (record === undefined) malformed++
    if (record?.kind !== 'verdict' || record.probe || (record.verdict === 'deny' && !(denied && record.reason === 'policy'))) continue
    const flow = record.midstream === true ? undefined : flowOf(record)
    if (flow === undefined) {
      unspoken++
      continue
    }
    const key = JSON.stringify([record.source.workload ?? record.source.address, record.destination.workload ?? record.destination.address, flow.protocol, flow.port, flow.phase, flow.verdict, flow.policies])
    // The end of a connection whose beginning is here as well is the same connection.
    const connection = `${key} ${record.sourcePort ?? ''}`
    const again = record.event === 'end' && begun.delete(connection)
    if (record.event === 'new') begun.add(connection)
    const known = flows.get(key)
    const times = again ? 0 : flow.times
    flows.set(key, known === undefined ? flow : { ...known, first: Math.min(known.first, flow.first), last: Math.max(known.last, flow.last), times: known.times + times })
  }
  return { flows: [...flows.values()], malformed, unspoken }
}

function flowOf(record: VerdictRecord): SeenFlow | undefined {
  const { protocol, port } = record
  const source = endOf(record.source)
  const destination = endOf(record.destination)
  const first = Date.parse(record.time)
  if (!isProtocol(protocol) || source === undefined || destination === undefined || Number.isNaN(first)) return undefined
  if (protocol === 'icmp' ? !isEcho(record) : port === undefined || port < 1 || port > 65_535) return undefined
  return {
    source, destination, protocol, port: protocol === 'icmp' ? undefined : port, phase: record.source.phase,
    first, last: record.until === undefined ? first : Date.parse(record.until), times: record.count, verdict: record.verdict, policies: record.policies ?? [],
  }
}

/** ICMP type 8 is IPv4's echo request, 128 is IPv6's. */
function isEcho({ icmp }: VerdictRecord): boolean {
  return icmp === undefined || icmp.type === 8 || icmp.type === 128
}

function endOf({ workload, address, router }: VerdictEnd): SeenEnd | undefined {
  if (workload !== undefined) return { kind: 'workload', workload }
  const parsed = router === true ? undefined : parseAddress(address)
  return parsed === undefined ? undefined : { kind: 'address', address: parsed }
}
