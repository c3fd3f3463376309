/** A raw record, told in the words of the documents: which identity tried to reach which, and what decided it. */
import { isProtocol } from '../net/protocol.ts'
import { probeInterfacePrefix } from '../engines/nftables/inventory.ts'
import type { Flow, FlowEnd, Phase, WorkloadId } from '../model/platform.ts'
import type { Origin } from '../intent/intent.ts'
import type { Host, HostEnd } from './host-index.ts'
import type { RawAllowed, RawDenied, RawTime } from './parse.ts'

export interface VerdictRecord {
  readonly kind: 'verdict'
  /** ISO 8601 in UTC with microseconds: when the packet was seen; for `count` above 1 the first one. */
  readonly time: string
  /** With `count` above 1: the last one. */
  readonly until?: string
  /** Identical refusals that this record stands for. */
  readonly count: number
  readonly verdict: 'deny' | 'allow'
  /** Of an allowed connection. */
  readonly event?: 'new' | 'end'
  /** Refused: what refused it (`policy`, `spoof`, ...). Allowed: `policy`, or `unaccounted` when no policy is known for it. */
  readonly reason: string
  readonly source: VerdictEnd
  readonly destination: VerdictEnd
  /** `tcp`, `udp`, `sctp`, `icmp`, or the IANA number as text. */
  readonly protocol: string
  /** The destination port as the initiator saw it. */
  readonly port?: number
  readonly sourcePort?: number
  readonly icmp?: { readonly type: number; readonly code?: number }
  /** A TCP packet in the middle of a connection, such as one whose path was revoked. */
  readonly midstream?: true
  readonly interfaces: { readonly in: string; readonly out: string }
  /** Made by live verification, not by a workload. */
  readonly probe: boolean
  /** Who decided, when it was not the kernel. */
  readonly gateway?: 'outbound' | 'inbound' | 'resolver'
  /** The name that was asked for: of a question, in a client hello, or as Host. */
  readonly name?: string
  readonly http?: { readonly method: string; readonly path: string; readonly status?: number }
  readonly question?: { readonly type: string; readonly answer: string; readonly addresses?: readonly string[] }
  /** Of an allowed connection: the documents that opened its path, sorted. */
  readonly policies?: readonly string[]
  /** Of a refused packet: what the documents say, and the policy that came closest. */
  readonly explanation?: string
  readonly nearest?: NearestPolicy
  /** The documents allow what the kernel refused, for instance because an engine cannot carry the path. */
  readonly intended?: 'allow'
  /** Of an ended connection, both directions together, where the kernel counts. */
  readonly packets?: number
  readonly bytes?: number
}

export interface VerdictEnd {
  readonly address: string
  /** The SPIFFE ID of a workload. */
  readonly identity?: string
  readonly workload?: WorkloadId
  readonly phase?: Phase
  readonly replica?: number
  /** The Externals that hold the address, sorted. */
  readonly externals?: readonly string[]
  /** An address of the host's own router. */
  readonly router?: true
  readonly gateway?: 'outbound' | 'inbound' | 'resolver'
}

export interface NearestPolicy {
  /** One document, or the two halves of a federation. */
  readonly origin: readonly Origin[]
  /** The part that would have had to be another. */
  readonly why: string
}

export interface Explanation {
  readonly verdict: 'allow' | 'deny'
  readonly reason: string
  readonly nearest?: NearestPolicy
}

/** What the documents say about a flow; `undefined` when nobody has the time to work it out. */
export type Explain = (flow: Flow) => Explanation | undefined

const protocolNames: ReadonlyMap<number, string> = new Map([[1, 'icmp'], [6, 'tcp'], [17, 'udp'], [58, 'icmp'], [132, 'sctp']])
/** Reasons that are about the form of a packet; no policy could have allowed it. */
const formal: ReadonlySet<string> = new Set(['spoof', 'invalid', 'icmp-error'])
/** Below Linux's and the IANA's ephemeral ports. */
const firstEphemeral = 32_768

/**
 * The source is who owns the interface on which the packet came in: its address may be forged and is only shown. `count`
 * packets that differ in time and source port alone make one record.
 */
export function deniedVerdict(raw: RawDenied, host: Host, explain: Explain, count = 1, until?: RawTime): VerdictRecord {
  const from = host.byInterface(raw.interfaceIn)
  const to = host.byInterface(raw.interfaceOut) ?? host.byAddress(raw.destination)
  const flow = formal.has(raw.reason) ? undefined : deniedFlow(raw, host, from, to)
  const explanation = flow === undefined ? undefined : explain(flow)
  return {
    kind: 'verdict',
    time: formatTime(raw.time),
    ...(until === undefined || count === 1 ? {} : { until: formatTime(until) }),
    count,
    verdict: 'deny',
    reason: raw.reason,
    source: end(raw.source, from, host),
    destination: end(raw.destination, to, host),
    ...traffic(raw.protocol, raw.destinationPort, count === 1 ? raw.sourcePort : undefined, raw.icmpType, raw.icmpCode),
    ...(raw.midstream ? { midstream: true } : {}),
    interfaces: { in: raw.interfaceIn, out: raw.interfaceOut },
    probe: raw.interfaceIn.startsWith(probeInterfacePrefix) || isProbe(from, to),
    ...(explanation === undefined ? {} : { explanation: explanation.reason }),
    ...(explanation?.nearest === undefined ? {} : { nearest: explanation.nearest }),
    ...(explanation?.verdict === 'allow' ? { intended: 'allow' } : {}),
  }
}

/**
 * Conntrack knows no interfaces, but an entry's addresses have passed the check of (interface, address), so here an
 * address does name its owner. `undefined` for connections of the host that have nothing to do with the platform.
 */
export function allowedVerdict(raw: RawAllowed, host: Host): VerdictRecord | undefined {
  const from = host.byAddress(raw.source)
  // After translation the one who answers is the destination, whatever address the initiator used.
  const to = host.byAddress(raw.replySource) ?? host.byAddress(raw.destination)
  const policies = host.documentsOf(raw.mark)
  // The resolver tells each question itself.
  if (to?.kind === 'gateway' && to.gateway === 'resolver') return undefined
  if (from?.kind !== 'workload' && to?.kind !== 'workload' && policies === undefined) return undefined
  return {
    kind: 'verdict',
    time: formatTime(raw.time),
    count: 1,
    verdict: 'allow',
    event: raw.event,
    reason: policies === undefined ? 'unaccounted' : 'policy',
    source: end(raw.source, from, host),
    destination: end(raw.destination, to, host),
    ...traffic(raw.protocol, raw.destinationPort, raw.sourcePort, raw.icmpType, undefined),
    interfaces: { in: from?.interface ?? '', out: to?.interface ?? '' },
    probe: isProbe(from, to),
    ...(policies === undefined ? {} : { policies }),
    ...(raw.packets === 0 ? {} : { packets: raw.packets, bytes: raw.bytes }),
  }
}

/** From a shadow, or from outside to one. What a real workload sends to a shadow is its own doing. */
function isProbe(from: HostEnd | undefined, to: HostEnd | undefined): boolean {
  return from?.kind === 'workload' ? from.probe : to?.kind === 'workload' && to.probe
}

/** ISO 8601 in UTC; a Date holds only milliseconds. */
function formatTime(time: RawTime): string {
  return `${new Date(time.seconds * 1000).toISOString().slice(0, 19)}.${String(time.micros).padStart(6, '0')}Z`
}

/** The attempt as its initiator would tell it, or `undefined` where policies have no words for it. */
function deniedFlow(raw: RawDenied, host: Host, from: HostEnd | undefined, to: HostEnd | undefined): Flow | undefined {
  const protocol = protocolNames.get(raw.protocol)
  if (protocol === undefined || !isProtocol(protocol)) return undefined
  if (protocol === 'icmp') {
    const echo = raw.icmpType === (raw.protocol === 1 ? 8 : 128)
    return echo ? flowOf(raw.source, from, raw.destination, to, host, protocol, undefined) : undefined
  }
  const { sourcePort, destinationPort } = raw
  if (sourcePort === undefined || destinationPort === undefined || sourcePort === 0 || destinationPort === 0) return undefined
  // A reply on a path that was revoked: what the documents say about its initiator explains it.
  if (raw.midstream && destinationPort >= firstEphemeral && sourcePort < firstEphemeral) {
    return flowOf(raw.destination, to, raw.source, from, host, protocol, sourcePort)
  }
  return flowOf(raw.source, from, raw.destination, to, host, protocol, destinationPort)
}

function flowOf(
  source: string, from: HostEnd | undefined, destination: string, to: HostEnd | undefined, host: Host,
  protocol: Flow['protocol'], port: number | undefined,
): Flow | undefined {
  const a = flowEnd(source, from, host)
  const b = flowEnd(destination, to, host)
  if (a === undefined || b === undefined) return undefined
  return { source: a, destination: b, protocol, port, phase: from?.kind === 'workload' ? from.phase : undefined }
}

function flowEnd(address: string, owner: HostEnd | undefined, host: Host): FlowEnd | undefined {
  if (owner?.kind === 'workload') return { kind: 'workload', workload: owner.workload }
  const parsed = host.address(address)
  return parsed === undefined ? undefined : { kind: 'address', address: parsed }
}

function end(address: string, owner: HostEnd | undefined, host: Host): VerdictEnd {
  if (owner?.kind === 'workload') {
    return { address, identity: owner.identity, workload: owner.workload, phase: owner.phase, replica: owner.replica }
  }
  if (owner?.kind === 'gateway') return { address, gateway: owner.gateway }
  if (host.isRouter(address)) return { address, router: true }
  const externals = host.externalsOf(address)
  return externals.length === 0 ? { address } : { address, externals }
}

function traffic(
  protocol: number, port: number | undefined, sourcePort: number | undefined, icmpType: number | undefined, icmpCode: number | undefined,
): Pick<VerdictRecord, 'protocol' | 'port' | 'sourcePort' | 'icmp'> {
  const name = protocolNames.get(protocol) ?? String(protocol)
  if (name === 'icmp') {
    const code = icmpCode === undefined ? {} : { code: icmpCode }
    return icmpType === undefined ? { protocol: name } : { protocol: name, icmp: { type: icmpType, ...code } }
  }
  return { protocol: name, ...(port === undefined ? {} : { port }), ...(sourcePort === undefined ? {} : { sourcePort }) }
}
