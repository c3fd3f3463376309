/** What a policy lets travel, as protocols with port sets. */
import { allPorts, intersectPorts, noPorts, portSet } from '../net/ports.ts'
import { protocols } from '../net/protocol.ts'
import { meetSubjects, widestSubjects } from '../net/subject.ts'
import type { PortSet } from '../net/ports.ts'
import type { Protocol } from '../net/protocol.ts'
import type { Messages, TrafficSpec, Workload } from '../model/platform.ts'

export interface Traffic {
  readonly protocol: Protocol
  /** Empty exactly for `icmp`. */
  readonly ports: PortSet
  readonly messages?: Messages
}

/** Told a destination, what the document opens to it; a destination that is not ours declares no port names. */
export type TrafficFor = (destination: Workload | undefined) => readonly Traffic[]

const everything: readonly Traffic[] = Object.freeze(
  protocols.map((protocol) => Object.freeze({ protocol, ports: protocol === 'icmp' ? noPorts : allPorts })),
)
const echo: readonly Traffic[] = Object.freeze([Object.freeze({ protocol: 'icmp', ports: noPorts })])
const nothing: readonly Traffic[] = Object.freeze([])

/** Reads the document once; only port names depend on the destination. */
export function trafficOf(spec: TrafficSpec): TrafficFor {
  const { protocol } = spec
  if (protocol === 'any') return () => everything
  if (protocol === 'icmp') return () => echo
  const numbers = spec.ports.flatMap((item) => (item.kind === 'range' ? [item] : item.kind === 'any' ? allPorts : []))
  const names = new Set(spec.ports.flatMap((item) => (item.kind === 'name' ? [item.name] : [])))
  const written = only(protocol, portSet(numbers))
  if (names.size === 0) return () => written
  const { messages } = spec
  return (destination) => {
    if (messages !== undefined && destination?.broker === undefined) return nothing
    const named = (destination?.ports ?? []).filter((p) => p.name !== undefined && names.has(p.name) && p.protocol === protocol)
    if (named.length === 0) return written
    return only(protocol, portSet([...numbers, ...named.map((p) => ({ from: p.port, to: p.port }))]), messages)
  }
}

/** Every port that a workload declares, by protocol. */
export function declaredTraffic(workload: Workload): readonly Traffic[] {
  return protocols.flatMap((protocol) =>
    only(protocol, portSet(workload.ports.filter((p) => p.protocol === protocol).map((p) => ({ from: p.port, to: p.port })))),
  )
}

export function intersectTraffic(a: readonly Traffic[], b: readonly Traffic[]): readonly Traffic[] {
  return a.flatMap((x) => {
    const y = b.find((other) => other.protocol === x.protocol)
    if (y === undefined) return nothing
    return x.protocol === 'icmp' ? echo : only(x.protocol, intersectPorts(x.ports, y.ports), intersectMessages(x.messages, y.messages))
  })
}

/** Only two that both speak of messages agree on any. */
function intersectMessages(a: Messages | undefined, b: Messages | undefined): Messages | undefined {
  if (a === undefined || b === undefined) return undefined
  const both = (way: keyof Messages): readonly string[] => widestSubjects(a[way].flatMap((x) => b[way].flatMap((y) => meetSubjects(x, y) ?? [])))
  return Object.freeze({ publish: both('publish'), subscribe: both('subscribe') })
}

function only(protocol: Protocol, ports: PortSet, messages?: Messages): readonly Traffic[] {
  if (ports.length === 0) return nothing
  return Object.freeze([Object.freeze(messages === undefined ? { protocol, ports } : { protocol, ports, messages })])
}
