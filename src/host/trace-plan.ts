/** What a trace has to watch, and what it sends: from the two ends that were asked about to interfaces and addresses (pure). */
import { Fault } from '../base/fault.ts'
import { externalAddresses } from '../intent/externals.ts'
import { formatFlowEnd } from '../intent/format.ts'
import { toPrefixes } from '../net/address-set.ts'
import { addressFromBits, formatAddress } from '../net/address.ts'
import { formatPrefix } from '../net/prefix.ts'
import { outsideLabel } from '../verify/live/probe.ts'
import type { AskedTraffic } from '../analysis/ends.ts'
import type { Attachment, Inventory } from '../engines/nftables/inventory.ts'
import type { Intent, Path } from '../intent/intent.ts'
import type { Address, Family } from '../net/address.ts'
import type { FlowEnd, Phase, Platform } from '../model/platform.ts'
import type { CheckedSet } from './documents.ts'
import type { Watched } from './trace-table.ts'

export interface TraceAsked extends AskedTraffic {
  readonly source: FlowEnd
  readonly destination: FlowEnd
  readonly phase: Phase | undefined
  readonly family: Family
  /** The source address of the probe, when it is to be another than its sender's own. */
  readonly from: Address | undefined
  readonly live: boolean
}

export interface TracePlan {
  readonly watched: readonly Watched[]
  /** Interfaces on which requests come in. */
  readonly requests: ReadonlySet<string>
  /** Nothing is sent when live packets are followed. */
  readonly probe: TraceProbe | undefined
}

export interface TraceProbe {
  /** Labels of the namespaces at both ends: an identity, or `outside`; `undefined` where nothing of ours listens. */
  readonly source: string
  readonly destination: string | undefined
  readonly address: Address
  readonly from: Address | undefined
}

interface Side {
  readonly interfaces: readonly string[]
  /** In nft's words, by family; empty for any address. */
  readonly addresses: Readonly<Record<Family, readonly string[]>>
}

export function planTrace(set: CheckedSet, inventory: Inventory, asked: TraceAsked, sandbox: boolean): TracePlan {
  const probe = asked.live ? undefined : planProbe(set.platform, inventory, asked, sandbox)
  const source = sideOf(set.platform, inventory, asked.source, asked.live, probe?.from)
  const destination = sideOf(set.platform, inventory, asked.destination, asked.live, probe?.address)
  if (source.interfaces.length === 0) throw new Fault('usage', `\`${formatFlowEnd(asked.source)}\` has no interface on this host`, { help: 'leave out --live to send a probe' })
  return { watched: watch(set, inventory, asked, source, destination), requests: new Set(source.interfaces), probe }
}

/** Requests by their destination, whatever source they claim; replies by their source. */
function watch({ platform, intent }: CheckedSet, inventory: Inventory, asked: TraceAsked, source: Side, destination: Side): readonly Watched[] {
  const families = ([4, 6] as const).filter((family) => destination.addresses[family].length > 0 && (asked.live || family === asked.family))
  if (families.length === 0) throw new Fault('usage', `\`${formatFlowEnd(asked.destination)}\` has no address here`, { help: 'the kernel sees addresses only; name one' })
  const behind = publishedEnds(intent, asked)
  const answering = behind.map((p) => ({ side: sideOf(platform, inventory, p.destination, true, undefined), ports: p.ports.map((r) => r.from) }))
  const asking = [{ side: destination, ports: asked.port === undefined ? [] : [asked.port] }]
  return families.flatMap((family) => {
    const ip = family === 4 ? 'ip' : 'ip6'
    const from = list('iifname', source.interfaces.map((i) => `"${i}"`))
    // What a workload claims as its source is not its identity; what is outside has no other.
    const client = (end: 'saddr' | 'daddr'): string => (asked.source.kind === 'workload' ? '' : list(`${ip} ${end}`, source.addresses[family]))
    const request = ({ side, ports }: (typeof asking)[number]): string => words(from, client('saddr'), list(`${ip} daddr`, side.addresses[family]), traffic(asked, family, 'dport', ports))
    const reply = ({ side, ports }: (typeof asking)[number]): string =>
      words(list('iifname', side.interfaces.map((i) => `"${i}"`)), list(`${ip} saddr`, side.addresses[family]), client('daddr'), traffic(asked, family, 'sport', ports))
    const translated = answering.length === 0 ? asking : answering
    return [
      ...asking.map((end) => ({ arriving: request(end), routed: undefined })),
      ...translated.map((end) => ({ arriving: undefined, routed: request(end) })),
      ...translated.map((end) => ({ arriving: reply(end), routed: reply(end) })),
    ]
  })
}

function traffic({ protocol }: TraceAsked, family: Family, end: 'dport' | 'sport', ports: readonly number[]): string {
  if (protocol === 'icmp') return `${family === 4 ? 'icmp' : 'icmpv6'} type echo-${end === 'dport' ? 'request' : 'reply'}`
  return `${protocol} ${end} { ${[...new Set(ports)].join(', ')} }`
}

/** The paths behind a published address: what comes in for it is translated, and answered by another. */
function publishedEnds(intent: Intent, { source, destination, port }: TraceAsked): readonly (Path & { readonly destination: { readonly kind: 'workload' } })[] {
  if (source.kind === 'workload' || destination.kind !== 'address') return []
  const { family, bits } = destination.address
  return intent.paths.flatMap((p) => {
    const here = p.via.kind === 'publish' && p.via.port === port && p.via.addresses.some((a) => a.family === family && a.bits === bits)
    return here && p.destination.kind === 'workload' ? [{ ...p, destination: p.destination }] : []
  })
}

function sideOf(platform: Platform, inventory: Inventory, end: FlowEnd, live: boolean, address: Address | undefined): Side {
  const uplink = inventory.uplink === undefined ? [] : [inventory.uplink.interface]
  if (end.kind !== 'workload' && address !== undefined) return { interfaces: uplink, addresses: only(address) }
  switch (end.kind) {
    case 'workload': {
      const here = inventory.attachments.filter((a) => a.workload === end.workload && a.probe === !live)
      return { interfaces: here.map((a) => a.interface), addresses: { 4: here.map((a) => formatAddress(a.ipv4)), 6: here.map((a) => formatAddress(a.ipv6)) } }
    }
    case 'address': return { interfaces: uplink, addresses: only(end.address) }
    case 'external': {
      const external = platform.externals.get(end.external)
      const all = external === undefined ? [] : toPrefixes(externalAddresses(platform)(external))
      const of = (family: Family): readonly string[] => all.filter((p) => p.family === family).map(formatPrefix)
      return { interfaces: uplink, addresses: { 4: of(4), 6: of(6) } }
    }
    case 'name': case 'peer': throw notHere(end)
  }
}

function planProbe(platform: Platform, inventory: Inventory, asked: TraceAsked, sandbox: boolean): TraceProbe {
  const { source, destination, family } = asked
  if (asked.protocol === 'icmp' && asked.from !== undefined) throw new Fault('usage', 'an echo request is sent from its sender\'s own address', { help: 'leave out --from, or ask about tcp or udp' })
  if (asked.protocol === 'sctp') throw new Fault('usage', 'a probe cannot be sctp', { help: 'follow what the workload sends itself with --live' })
  if (source.kind === 'workload' && destination.kind === 'workload' && source.workload === destination.workload) {
    throw new Fault('usage', 'a workload\'s shadow cannot probe itself', { help: 'follow what its replicas send each other with --live' })
  }
  const address = destination.kind === 'workload' ? ofFamily(shadowOf(platform, inventory, destination.workload, undefined), family) : outsideAddress(platform, destination, family)
  if (source.kind === 'workload') {
    const shadow = shadowOf(platform, inventory, source.workload, asked.phase)
    const listener = destination.kind === 'workload' ? labelOf(shadowOf(platform, inventory, destination.workload, undefined)) : sandbox ? outsideLabel : undefined
    return { source: labelOf(shadow), destination: listener, address, from: asked.from }
  }
  if (!sandbox) throw new Fault('usage', 'no probe can be sent from outside a real machine', { help: 'follow what comes in with --live' })
  const listener = destination.kind === 'workload' ? labelOf(shadowOf(platform, inventory, destination.workload, undefined)) : undefined
  return { source: outsideLabel, destination: listener, address, from: asked.from ?? outsideAddress(platform, source, family) }
}

function shadowOf(platform: Platform, inventory: Inventory, workload: Attachment['workload'], phase: Phase | undefined): Attachment {
  const wanted = phase ?? platform.workloads.get(workload)?.phase
  const found = inventory.attachments.find((a) => a.probe && a.workload === workload && a.phase === wanted)
  if (found !== undefined) return found
  throw new Fault('usage', `\`${workload}\` has no identity in phase \`${wanted ?? 'none'}\` here`, { help: 'no policy tells its phases apart; leave out --phase' })
}

/** One address stands for an External: the first that it effectively holds. */
function outsideAddress(platform: Platform, end: FlowEnd, family: Family): Address {
  if (end.kind === 'address') return end.address
  const external = end.kind === 'external' ? platform.externals.get(end.external) : undefined
  if (external === undefined) throw notHere(end)
  const range = externalAddresses(platform)(external).find((r) => r.family === family)
  if (range === undefined) throw new Fault('usage', `\`${formatFlowEnd(end)}\` holds no IPv${family} address`, { help: 'the kernel sees addresses only; name one' })
  return addressFromBits(family, range.first + 5n <= range.last ? range.first + 5n : range.first)
}

function notHere(end: FlowEnd): Fault {
  return new Fault('usage', `\`${formatFlowEnd(end)}\` is not an end that the kernel sees`, { help: 'name a workload, an External or an address' })
}

function labelOf(a: Attachment): string {
  return `${a.workload}@${a.phase}`
}

function ofFamily(a: Attachment, family: Family): Address {
  return family === 4 ? a.ipv4 : a.ipv6
}

function only(address: Address): Side['addresses'] {
  const text = [formatAddress(address)]
  return { 4: address.family === 4 ? text : [], 6: address.family === 6 ? text : [] }
}

function list(key: string, values: readonly string[]): string {
  return values.length === 0 ? '' : `${key} { ${values.join(', ')} }`
}

function words(...parts: readonly string[]): string {
  return parts.filter((p) => p !== '').join(' ')
}
