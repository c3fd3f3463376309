/** What nftables on one host carries, and the words in which it refuses the rest. */
import type { Path } from '../../intent/intent.ts'
import type { Capability, Refusal as RefusalOf } from '../../intent/refusal.ts'

export type RefusalCode =
  | 'domain' | 'http' | 'proxy' | 'broker' | 'mutual-tls' | 'peer' | 'peer-unaddressed' | 'no-uplink' | 'publish-protocol' | 'publish-ports' | 'publish-replicas' | 'publish-unattached' | 'publish-conflict'

export type Refusal = RefusalOf<RefusalCode>

export const capabilities: readonly Capability[] = Object.freeze([
  { what: 'workload to workload: tcp, udp, sctp by port, range or all ports; icmp echo', carried: true, how: 'lookups by interface group' },
  { what: 'IPv4 and IPv6', carried: true, how: 'the same lookups' },
  { what: 'egress to CIDRs', carried: true, how: 'class of the destination address, masquerade' },
  { what: 'published addresses', carried: true, how: 'class of the source address before translation' },
  { what: 'phases', carried: true, how: 'an interface group for each phase' },
  { what: 'expires', carried: true, how: 'timeout of the element' },
  { what: 'tcp to domain names, with or without HTTP methods and paths', carried: true, how: 'to the outbound gateway and on from it, where there is one' },
  { what: 'other protocols to domain names', carried: false, how: 'packets carry addresses' },
  { what: 'ingress through a proxy', carried: true, how: 'to the inbound gateway and on from it, where there is one' },
  { what: 'messages by subject', carried: true, how: 'to the port of the broker, where something configures that' },
  { what: 'mutual TLS inside a platform and between platforms', carried: true, how: 'from gateway to gateway, where there are both' },
].map((row) => Object.freeze(row)))

const cannot = '`nftables` cannot express'

const reasons: Readonly<Record<RefusalCode, string>> = {
  'domain': `${cannot} domain names: packets carry addresses`,
  'http': `${cannot} HTTP methods and paths: it does not see requests`,
  'proxy': `${cannot} an ingress with host names or authentication: it does not see requests`,
  'broker': `${cannot} subjects of messages, and nothing on this host configures the broker`,
  'mutual-tls': `${cannot} encryption: that takes mutual TLS between gateways`,
  'peer': `${cannot} a path to another platform: that takes mutual TLS between gateways`,
  'peer-unaddressed': 'no address stands for the workload of the other platform on this host',
  'no-uplink': 'this host has no interface that leads outside',
  'publish-protocol': `${cannot} a published address for icmp: it has no port to translate`,
  'publish-ports': `${cannot} a published port that leads to several ports: one packet goes to one port`,
  'publish-replicas': `${cannot} a published address that leads to several replicas: one packet goes to one address`,
  'publish-unattached': 'the workload behind the published address is not attached to this host',
  'publish-conflict': `${cannot} a published address and port that lead to two destinations`,
}

export function refuse(code: RefusalCode, path: Path, detail?: string): Refusal {
  return Object.freeze({ kind: 'refusal', code, path, reason: detail === undefined ? reasons[code] : `${reasons[code]} (${detail})` })
}
