/**
 * What one packet met on its way, told in the words of the documents: each check that it passed, and the one where it
 * stopped. A rule of the table that no check accounts for is told as what it is: somebody else's.
 */
import { chains, logPrefix, reasons } from '../engines/nftables/chains.ts'
import { nothingLed } from '../engines/nftables/lead-chains.ts'
import { defaultConnectionLimit, defaultLogGroup, tableFamily, tableName } from '../engines/nftables/render.ts'
import { addressFromBits } from '../net/address.ts'
import { mapWords, reasonWords } from './trace-words.ts'
import type { Reason } from '../engines/nftables/chains.ts'
import type { Inventory } from '../engines/nftables/inventory.ts'
import type { Host, HostEnd } from './host-index.ts'
import type { SeenPacket, TraceEvent } from './trace-events.ts'

export interface Hop {
  readonly check: 'arrival' | 'source' | 'translation' | 'route' | 'path' | 'connection' | 'gate' | 'departure' | 'stranger' | 'stop'
  readonly text: string
  readonly passed: boolean
}

export interface PacketStory {
  readonly source: string
  readonly sourcePort: number | undefined
  readonly destination: string
  readonly destinationPort: number | undefined
  readonly protocol: string
  readonly interfaceIn: string | undefined
  readonly hops: readonly Hop[]
  /** `refused`: the sender was told. `dropped`: it was not. `lost`: it went in and never came out. */
  readonly end: 'passed' | 'refused' | 'dropped' | 'lost'
  /** Of Bulkhead's own refusals. */
  readonly reason: Reason | undefined
  /** The documents whose path it took, by the id that the kernel holds; sorted. */
  readonly policies: readonly string[]
}

export interface TraceWords {
  readonly host: Host
  /** The path id that the kernel keeps with the packet's connection; 0 for none. */
  readonly pathOf: (packet: SeenPacket) => number | undefined
}

const ownTable = `${tableFamily} ${tableName}`

/** With every part that a host can have, so that its table has every chain there is; which addresses does not matter. */
const gateway = { interface: '', ipv4: addressFromBits(4, 0n), ipv6: addressFromBits(6, 0n) }
const fullHost: Inventory = { groups: new Map(), attachments: [], uplink: { interface: 'up' }, gateways: { outbound: gateway, inbound: gateway, resolver: gateway } }

function acceptingChains(): readonly string[] {
  const found: string[] = []
  let chain = ''
  const tables = [nothingLed, { names: true, inside: true, ranges: true }].flatMap((led) => chains(fullHost, defaultLogGroup, defaultConnectionLimit, led, true))
  for (const line of tables) {
    chain = /^ {2}chain (\S+)/.exec(line)?.[1] ?? chain
    if (/ (accept|masquerade)$|^ *accept$| dnat /.test(line)) found.push(chain)
  }
  return found
}

/** The chains in which a rule of ours accepts or translates; there, and in no other, a packet may be let through. */
const accepting: ReadonlySet<string> = new Set(acceptingChains())

/** Where a packet is sent on that has shown whose it is. */
const arriving = /^(prerouting|lead[46]|lead-name[46]|straight|led)$/

const permitting = /^(original|reply|egress-|publish-|echo-|error-|icmp-)/

/** `events` are those of one packet, in the order in which they were reported; `undefined` when the packet itself was not seen. */
export function tellPacket(events: readonly TraceEvent[], words: TraceWords, ignored: (table: string) => boolean): PacketStory | undefined {
  const first = events.find((e) => e.kind === 'packet')?.seen
  if (first === undefined) return undefined
  const hops: Hop[] = []
  let at = first
  let reason: Reason | undefined
  let end: PacketStory['end'] | undefined
  let gated = false
  let policies: readonly string[] = []

  const passed = (check: Hop['check'], text: string): void => void hops.push({ check, text, passed: true })
  const stop = (how: 'refused' | 'dropped', text: string): void => {
    end = how
    hops.push({ check: 'stop', text, passed: false })
  }

  const moved = (seen: SeenPacket): void => {
    if (seen.destination !== at.destination || seen.destinationPort !== at.destinationPort) passed('translation', `${ends(at.destination, at.destinationPort)} leads to ${ends(seen.destination, seen.destinationPort)}, ${ownerOf(words.host, seen.destination)}`)
    if (seen.interfaceOut !== undefined && at.interfaceOut === undefined) passed('route', `to ${seen.interfaceOut}, ${nameOf(words.host, seen.interfaceOut)}`)
    at = { ...at, ...seen, interfaceIn: seen.interfaceIn ?? at.interfaceIn, interfaceOut: seen.interfaceOut ?? at.interfaceOut }
  }

  const rule = (chain: string, verdict: string, text: string): void => {
    const [word = '', target = ''] = verdict.split(' ')
    if (target.startsWith('refuse-') || target.startsWith('drop-')) reason = reasonOf(target) ?? reason
    if (word === 'accept' && !accepting.has(chain)) return passed('stranger', `a rule in chain \`${chain}\` that is not Bulkhead's: \`${text}\``)
    if (arriving.test(chain) && word === 'accept') {
      passed('arrival', `on ${at.interfaceIn ?? 'no interface'}, ${nameOf(words.host, at.interfaceIn)}: ${at.source} is its own address${chain === 'led' ? ', and it is led to the outbound gateway' : ''}`)
    } else if (chain === 'returning' && word === 'accept') {
      passed('arrival', `on ${at.interfaceIn ?? 'no interface'}, ${nameOf(words.host, at.interfaceIn)}, in the name of ${at.source}`)
    } else if (chain === 'prerouting' && target === 'outside') passed('arrival', `on ${at.interfaceIn ?? 'no interface'}, from outside`)
    else if (chain === 'outside' && word === 'accept') passed('source', `${at.source}, ${ownerOf(words.host, at.source)}`)
    else if (chain === 'srcnat' && word === 'accept') passed('translation', 'leaves under the address of the way out')
    else if (permitting.test(chain) && (target === 'permit' || target === 'pass')) {
      const id = words.pathOf(at)
      policies = id === undefined ? [] : (words.host.documentsOf(id) ?? [])
      const by = policies.length === 0 ? 'a path' : policies.join(' with ')
      passed('path', target === 'permit' ? `${by} opens it${mapWords(text)}` : `${chain.startsWith('error-') ? 'an error about a connection of' : 'a reply on'} ${by}${mapWords(text)}`)
    } else if (chain === 'permit' && word === 'accept') passed('connection', 'an open connection')
    else if (chain.startsWith('admit') && word === 'accept') passed('connection', 'a new connection')
    else if (chain === 'gate' && word === 'accept') {
      gated = true
      passed('gate', 'the second check finds the permission')
    } else if (word === 'drop') dropped(chain, text)
  }

  const dropped = (chain: string, text: string): void => {
    reason = reasonOf(chain) ?? (chain === 'gate' ? 'gate' : reason)
    if (chain === 'refuse') return stop('refused', `${reasonWords(reason, at, nameOf(words.host, at.interfaceIn))}; the sender was told ${text.includes('tcp reset') ? 'with a reset' : 'with `admin-prohibited`'}`)
    if (text.includes('unlogged-')) return stop('dropped', 'the kernels\' own housekeeping, which is never routed')
    if (reason === undefined || !(chain.startsWith('drop-') || chain === 'gate')) return stop('dropped', `a rule in chain \`${chain}\` that is not Bulkhead's: \`${text}\``)
    stop('dropped', `${reasonWords(reason, at, nameOf(words.host, at.interfaceIn))}; the sender was not told`)
  }

  for (const event of events) {
    if (end !== undefined) break
    if (event.kind === 'packet') moved(event.seen)
    else if (ignored(event.table)) continue
    else if (event.table === ownTable) {
      if (event.kind === 'rule') rule(event.chain, event.verdict, event.rule)
      else if (event.verdict === 'drop') stop('dropped', `no rule of chain \`${event.chain}\` lets it through`)
    } else if (event.verdict === 'drop') {
      stop('dropped', `the table \`${event.table}\`, which is not Bulkhead's, drops it in chain \`${event.chain}\`${event.kind === 'rule' ? `: \`${event.rule}\`` : ''}`)
    }
  }
  if (end === undefined && gated) {
    end = 'passed'
    passed('departure', `through ${at.interfaceOut ?? 'no interface'} to ${ends(at.destination, at.destinationPort)}, ${ownerOf(words.host, at.destination)}`)
  } else if (end === undefined) {
    end = 'lost'
    hops.push({ check: 'stop', passed: false, text: at.interfaceOut === undefined ? `the router has no way to ${at.destination}` : 'it never reached the second check' })
  }
  return {
    source: first.source, sourcePort: first.sourcePort, destination: first.destination, destinationPort: first.destinationPort,
    protocol: first.protocol, interfaceIn: first.interfaceIn, hops, end, reason: end === 'passed' ? undefined : reason, policies,
  }
}

/** `refuse-policy`, `drop-spoof`: the reason in a chain's name. */
function reasonOf(chain: string): Reason | undefined {
  return reasons.find((r) => chain === `refuse-${r}` || chain === `drop-${r}` || chain === `${logPrefix}${r}`)
}

function ends(address: string, port: number | undefined): string {
  if (port === undefined) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

function nameOf(host: Host, name: string | undefined): string {
  return name === undefined ? 'the router itself' : name === 'bhs0' ? 'where nothing is' : endName(host.byInterface(name))
}

function ownerOf(host: Host, address: string): string {
  const owner = host.byAddress(address)
  if (owner !== undefined) return endName(owner)
  if (host.isRouter(address)) return 'the router'
  const externals = host.externalsOf(address)
  return externals.length === 0 ? 'which is in no External' : externals.map((name) => `external:${name}`).join(', ')
}

function endName(end: HostEnd | undefined): string {
  if (end === undefined) return 'which is nobody\'s'
  if (end.kind === 'uplink') return 'the way out'
  if (end.kind === 'gateway') return end.gateway === 'resolver' ? 'the resolver' : `the ${end.gateway} gateway`
  const identity = end.phase === 'running' ? end.workload : `${end.workload}@${end.phase}`
  return end.probe ? `a shadow of ${identity}` : end.replica === 0 ? identity : `${identity}#${end.replica}`
}
