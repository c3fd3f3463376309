/** Why a packet stops, and which lookup let it through, as sentences. */
import type { Reason } from '../engines/nftables/chains.ts'
import type { SeenPacket } from './trace-events.ts'

const kinds: ReadonlyMap<string, string> = new Map([
  ['port', 'exactly this port'], ['protocol', 'every port of the protocol'], ['range', 'a range of ports'], ['echo', 'echo'],
])

/** ` (exactly this port)`, from the map that a rule looks up; empty when it names none. */
export function mapWords(rule: string): string {
  const [, name = ''] = /map @([a-z0-9-]+)/.exec(rule) ?? []
  const kind = kinds.get(name.replace(/^egress-/, ''))
  return kind === undefined ? '' : ` (${kind})`
}

/** `sender` is the owner of the interface on which it came. */
export function reasonWords(reason: Reason | undefined, packet: SeenPacket, sender: string): string {
  switch (reason) {
    case 'spoof': return `${packet.source} is not an address of ${sender}`
    case 'invalid': return 'it belongs to no connection and cannot begin one'
    case 'icmp-error': return 'an error that is about no connection of its sender'
    case 'gate': return 'forwarding let it pass although no path permits it: some rule is not Bulkhead\'s'
    case 'input': return 'it is for the router itself, which answers nobody'
    case 'published': return 'a published address answers only from outside, a private one only inside'
    case 'limit': return `${sender} has as many connections open as it may have`
    case 'policy': case undefined: return 'no path is open'
  }
}
