/** Flows to, from and between gateways, which no policy names: everything that some path needs, and nothing else. */
import { formatAddress } from '../../net/address.ts'
import { protocols } from '../../net/protocol.ts'
import { gatewaysOf, inboundGroup, outboundGroup, resolverGroup, uplinkGroup } from '../../engines/nftables/inventory.ts'
import { privateAddresses } from '../../net/private.ts'
import { addressSetsOf, addressStretches, firstOf, only, portStretches, portsOfEnclaves } from './representatives.ts'
import { gatewayFacts } from './gateway-facts.ts'
import { instantsOf, judge } from './subject.ts'
import { membersOf } from './inside.ts'
import type { ReadFlow } from './read-index.ts'
import type { Flow } from '../../model/platform.ts'
import type { AddressRange } from '../../net/address-set.ts'
import type { PortRange } from '../../net/ports.ts'
import type { GatewayFacts } from './gateway-facts.ts'
import type { Case, Expectation, Subject } from './subject.ts'

export const gatewayNames: ReadonlyMap<number, string> = new Map([[outboundGroup, 'outbound gateway'], [inboundGroup, 'inbound gateway'], [resolverGroup, 'resolver']])

export function compareGateways(subject: Subject): void {
  const { inventory, platform, read } = subject
  const gateways = gatewaysOf(inventory)
  if (gateways.length === 0) return
  const members = membersOf(subject)
  const facts = gatewayFacts(subject, members)
  const own = [...gateways, ...inventory.attachments, ...(inventory.gateways?.virtual?.values() ?? [])].flatMap((each) => [only(each.ipv4), only(each.ipv6)])
  const ours = new Set([outboundGroup, inboundGroup, resolverGroup])
  const involved = read.paths.filter((path) => ours.has(Number(path.source.group)) || ours.has(Number(path.destination.group)))
  const cuts = involved.flatMap((path) => [path.source.addresses ?? [], path.destination.addresses ?? [], path.published?.addresses ?? []])
  const stretches = addressStretches([...addressSetsOf(platform), ...own, ...cuts, ...facts.addresses.map(only), privateAddresses])
  const enclaves = new Set([...platform.workloads.values()].map(({ enclave }) => enclave))
  const named = [...portsOfEnclaves(platform, enclaves), ...facts.ports.map((port) => [{ from: port, to: port }]), ...involved.flatMap((path) => [path.ports, ...(path.published === undefined ? [] : [path.published.ports])])]
  const ports = portStretches(named)
  const ends = [...members.map(({ name, group, attached }) => ({ name, group, attached })), ...gateways.map(({ group }) => ({ name: gatewayNames.get(group) ?? '', group, attached: true }))]
  const outside = { name: 'outside', group: uplinkGroup, attached: true }
  for (const source of ends) {
    for (const destination of [...ends, outside]) {
      if (!ours.has(source.group) && !ours.has(destination.group)) continue
      const open = subject.index.between(source.group, destination.group)
      if (open.length === 0 && !(source.attached && destination.attached)) continue
      const wide = destination.group === uplinkGroup || destination.group === outboundGroup
      const pair = { source: source.group, destination: destination.group }
      each(subject, ports, wide ? stretches : [undefined], (flow, address) => ({
        read: (address === undefined ? ([4, 6] as const) : [address.family]).map((family): ReadFlow =>
          ({ ...pair, ...flow, family, ...(address === undefined ? {} : { destinationAddress: firstOf(address) }) })),
        source: source.name, destination: address ?? destination.name, missing: `${source.name} to ${destination.name}`,
        expect: facts.expect(source.group, destination.group, flow.protocol, flow.port, address === undefined ? undefined : firstOf(address)),
      }))
    }
  }
  entrances(subject, facts, stretches, ports)
}

/** From outside: published ends alone, each for its own clients. */
function entrances(subject: Subject, facts: GatewayFacts, stretches: readonly AddressRange[], ports: readonly PortRange[]): void {
  for (const { group } of gatewaysOf(subject.inventory)) {
    const open = subject.index.between(uplinkGroup, group)
    for (const path of open) {
      if (path.published !== undefined && (group === inboundGroup)) continue
      for (const family of path.families) {
        subject.differences.add({ kind: 'wider', source: 'outside', destination: gatewayNames.get(group) ?? '', protocol: path.protocol, ports: path.ports, family, cause: `a gateway's own address answers the outside (${path.rule})`, declared: false })
      }
    }
    const asked = new Map([...facts.published, ...stretches.map(firstOf).filter((each) => open.some((path) => path.published?.addresses?.some((range) => range.family === each.family && range.first <= each.bits && each.bits <= range.last) === true))]
      .map((each) => [formatAddress(each), each]))
    for (const [text, address] of [...asked].sort(([a], [b]) => (a < b ? -1 : 1))) {
      each(subject, ports, stretches.filter(({ family }) => family === address.family), (flow, from) => ({
        read: [{ source: uplinkGroup, destination: group, ...flow, family: address.family, published: true, destinationAddress: address, ...(from === undefined ? {} : { sourceAddress: firstOf(from) }) }],
        source: from ?? 'outside', destination: text, missing: 'the inbound gateway',
        expect: group === inboundGroup && from !== undefined ? facts.enters(firstOf(from), address, flow.protocol, flow.port) : never,
      }))
    }
  }
}

function never(): Expectation {
  return 'never'
}

type Attempt = Pick<Flow, 'protocol' | 'port'>

function each(
  subject: Subject, ports: readonly PortRange[], addresses: readonly (AddressRange | undefined)[],
  make: (flow: Attempt, address: AddressRange | undefined) => Pick<Case, 'read' | 'source' | 'destination'> & Required<Pick<Case, 'missing' | 'expect'>>,
): void {
  const instants = instantsOf(subject)
  const nobody = { kind: 'name', name: '' } as const
  for (const address of addresses) {
    for (const protocol of protocols) {
      for (const port of protocol === 'icmp' ? [undefined] : ports) {
        const attempt = { protocol, port: port?.from }
        judge(subject, instants, { ...make(attempt, address), flow: { source: nobody, destination: nobody, ...attempt, phase: undefined }, every: true, ports: port === undefined ? [] : [port] })
      }
    }
  }
}
