/** Reads what a person asks about: the ends of a flow, and what travels. */
import { didYouMean } from '../base/suggest.ts'
import { compareText } from '../base/location.ts'
import { quote } from '../base/diagnostic.ts'
import { parseAddress } from '../net/address.ts'
import { parseDomain } from '../net/domain.ts'
import { isProtocol } from '../net/protocol.ts'
import type { Protocol } from '../net/protocol.ts'
import type { FlowEnd, Platform, WorkloadId } from '../model/platform.ts'

export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string; readonly help?: string }

/**
 * `enclave/workload`, a bare workload name that only one enclave has, `external:NAME`, `peer:NAME/enclave/workload`, a SPIFFE
 * ID, an address or a domain name.
 */
export function readEnd(platform: Platform, text: string): Reading<FlowEnd> {
  const spiffe = `spiffe://${platform.trustDomain}/`
  if (text.startsWith('spiffe://')) {
    const match = /^enclave\/([^/]+)\/workload\/([^/]+)$/.exec(text.startsWith(spiffe) ? text.slice(spiffe.length) : '')
    if (match === null) return refuse(`${quote(text)} is no identity of this platform`, `they look like ${spiffe}enclave/ENCLAVE/workload/WORKLOAD`)
    return readWorkload(platform, `${match[1] ?? ''}/${match[2] ?? ''}`)
  }
  if (text.startsWith('external:')) return readExternal(platform, text.slice('external:'.length))
  if (text.startsWith('peer:')) return readPeer(platform, text.slice('peer:'.length))
  const address = parseAddress(text)
  if (address !== undefined) return accept({ kind: 'address', address })
  if (text.includes('/')) return readWorkload(platform, text)
  return readName(platform, text)
}

function readWorkload(platform: Platform, text: string): Reading<FlowEnd> {
  const id = text as WorkloadId
  if (platform.workloads.has(id)) return accept({ kind: 'workload', workload: id })
  return refuse(`no workload is called ${quote(text)}`, didYouMean(text, platform.workloads.keys()))
}

function readExternal(platform: Platform, name: string): Reading<FlowEnd> {
  if (platform.externals.has(name)) return accept({ kind: 'external', external: name })
  return refuse(`no External is called ${quote(name)}`, didYouMean(name, platform.externals.keys()))
}

function readPeer(platform: Platform, text: string): Reading<FlowEnd> {
  const [peer = '', enclave = '', workload = '', ...more] = text.split('/')
  if (enclave === '' || workload === '' || more.length > 0) return refuse(`${quote(`peer:${text}`)} is not \`peer:NAME/enclave/workload\``)
  if (platform.peers.has(peer)) return accept({ kind: 'peer', peer, enclave, workload })
  return refuse(`no Peer is called ${quote(peer)}`, didYouMean(peer, platform.peers.keys()))
}

/** A workload comes before a domain name: workloads' names have no dot. */
function readName(platform: Platform, text: string): Reading<FlowEnd> {
  const named = [...platform.workloads.values()].filter((w) => w.name === text).map((w) => w.id).sort(compareText)
  const [only, second] = named
  if (only !== undefined && second === undefined) return accept({ kind: 'workload', workload: only })
  if (only !== undefined) {
    return refuse(`${quote(text)} is the name of ${named.length} workloads`, `write one of ${named.slice(0, 5).map((id) => `\`${id}\``).join(', ')}`)
  }
  if (parseDomain(text) !== undefined) return accept({ kind: 'name', name: text })
  const names = [...platform.workloads.values()].flatMap((w) => [w.name, w.id])
  return refuse(
    `${quote(text)} is not a workload, an address or a domain name`,
    didYouMean(text, [...names, ...Array.from(platform.externals.keys(), (name) => `external:${name}`)]),
  )
}

export interface AskedTraffic {
  readonly protocol: Protocol
  readonly port: number | undefined
}

/** `5432/tcp`, `tcp/5432`, `icmp`, or a port alone, which is tcp. */
export function readTraffic(text: string): Reading<AskedTraffic> {
  const lower = text.toLowerCase()
  if (lower === 'icmp') return accept({ protocol: 'icmp', port: undefined })
  const [first = '', second = 'tcp', ...more] = lower.split('/')
  const [port, protocol] = isProtocol(first) ? [second, first] : [first, second]
  if (more.length > 0 || !/^[0-9]+$/.test(port)) return refuse(`${quote(text)} is not PORT/PROTO`, 'write `5432/tcp`, `53/udp` or `icmp`')
  if (!isProtocol(protocol)) return refuse(`${quote(protocol)} is not a protocol`, 'write `tcp`, `udp`, `sctp` or `icmp`')
  if (protocol === 'icmp') return refuse('`icmp` has no ports', 'write `icmp` alone')
  const number = Number(port)
  return number >= 1 && number <= 65_535 ? accept({ protocol, port: number }) : refuse(`${quote(port)} is not a port`, 'ports are 1 to 65535')
}

function accept<T>(value: T): Reading<T> {
  return { ok: true, value }
}

function refuse(message: string, help?: string): { readonly ok: false; readonly message: string; readonly help?: string } {
  return help === undefined ? { ok: false, message } : { ok: false, message, help }
}
