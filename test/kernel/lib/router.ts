/** A router namespace as a host sets it up, with workloads and an outside that are bare cable ends. */
import { applyRuleset } from '../../../src/engines/nftables/apply.ts'
import { gatewaysOf, uplinkGroup } from '../../../src/engines/nftables/inventory.ts'
import { leadBit, routeBit } from '../../../src/engines/nftables/marks.ts'
import { formatAddress } from '../../../src/net/address.ts'
import { describe, hosts } from './packet.ts'
import { openSandbox } from './sandbox.ts'
import { openWire, settle } from './wire.ts'
import type { Address } from '../../../src/net/address.ts'
import type { Inventory } from '../../../src/engines/nftables/inventory.ts'
import type { Sandbox } from './sandbox.ts'
import type { Wire } from './wire.ts'

export interface Router {
  readonly sandbox: Sandbox
  /** Loads text with nft. */
  readonly apply: (text: string) => Promise<void>
  /** Sends packets at named ends (`outside`, or an attachment's interface) and tells what arrived: `END: DESCRIPTION`, sorted. */
  readonly exchange: (...sent: readonly (readonly [string, Buffer])[]) => Promise<readonly string[]>
  /** The same, with the packets themselves. */
  readonly exchangeRaw: (...sent: readonly (readonly [string, Buffer])[]) => Promise<ReadonlyMap<string, readonly Buffer[]>>
  /** Refusals for each reason since the last call. */
  readonly refused: () => Promise<Readonly<Record<string, number>>>
  readonly close: () => Promise<void>
}

export const uplinkInterface = 'bhu0'
export const uplinkAddresses = { ipv4: '192.0.2.1', ipv6: '2001:db8:ffff::1' } as const
const next = { ipv4: '192.0.2.254', ipv6: '2001:db8:ffff::fe' } as const
const table = '100'

/** An end that has a kernel's own network stack with these addresses, and so answers for itself; the others are bare cable. */
export interface Stack {
  readonly name: string
  readonly addresses: readonly [string, string]
}

/** The ruleset is made and loaded before any interface exists, as on a host. */
export async function openRouter(inventory: Inventory, published: readonly string[], ruleset: () => string, stacks: readonly Stack[] = []): Promise<Router> {
  const sandbox = await openSandbox()
  const apply = (text: string): Promise<void> => applyRuleset(text, { run: sandbox.run })
  for (const setting of ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.netfilter.nf_conntrack_tcp_loose=0', 'net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0',
    'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0', 'net.ipv6.conf.default.addr_gen_mode=1', 'net.ipv6.conf.default.accept_dad=0']) {
    await sandbox.must(['sysctl', '-qw', setting])
  }
  await apply(ruleset())
  for (const family of ['-4', '-6']) await sandbox.must(['ip', family, '-batch', '-'], { input: routing.join('\n') })
  const places: readonly Cable[] = [
    ...inventory.attachments.map((a) => ({ interface: a.interface, ipv4: a.ipv4, ipv6: a.ipv6, group: inventory.groups.get(`${a.workload}@${a.phase}`) ?? 0 })),
    ...gatewaysOf(inventory),
  ]
  await sandbox.must(['ip', '-batch', '-'], { input: [...places.flatMap(cable), ...outside(published), ...leading(inventory)].join('\n') })
  for (const name of [...places.map((a) => a.interface), 'outside']) {
    await sandbox.must(['ip', '-n', name, 'link', 'set', 'dev', 'eth0', 'addrgenmode', 'none', 'up'])
  }
  const wires = new Map<string, Wire>()
  const ends = [...places.map((a, i) => [a.interface, i] as const), ['outside', 255] as const]
  for (const [name, i] of ends) {
    const stack = stacks.find((each) => each.name === name)
    if (stack === undefined) wires.set(name, await openWire(sandbox, name, 'eth0', mac(i, 'router')))
    else await sandbox.must(['ip', '-n', name, '-batch', '-'], { input: stackOf(stack, mac(i, 'router')).join('\n') })
  }
  const exchangeRaw: Router['exchangeRaw'] = async (...sent) => {
    for (const wire of wires.values()) wire.take()
    for (const [from, data] of sent) {
      const wire = wires.get(from)
      if (wire === undefined) throw new TypeError(`no such end: ${from}`)
      wire.send(data)
    }
    await settle(wires.values())
    return new Map([...wires].map(([name, wire]) => [name, wire.take().filter((data) => !isHousekeeping(data))]))
  }
  return {
    sandbox,
    apply,
    exchangeRaw,
    exchange: async (...sent) => [...await exchangeRaw(...sent)].flatMap(([name, data]) => data.map((d) => `${name}: ${describe(d)}`)).sort(),
    refused: async () => countersOf(await sandbox.must(['nft', '-j', 'reset', 'counters', 'table', 'inet', 'bulkhead'])),
    close: async () => {
      for (const wire of wires.values()) await wire.close()
      await sandbox.close()
    },
  }
}

interface Cable {
  readonly interface: string
  readonly group: number
  readonly ipv4: Address
  readonly ipv6: Address
}

function cable(a: Cable, i: number): readonly string[] {
  return [
    `netns add ${a.interface}`,
    `link add name ${a.interface} address ${mac(i, 'router')} group ${a.group} type veth peer name eth0 address ${mac(i, 'end')} netns ${a.interface}`,
    `addr add 169.254.1.1/32 dev ${a.interface}`,
    `link set dev ${a.interface} up`,
    `addr add fe80::1/64 dev ${a.interface} nodad`,
    ...[formatAddress(a.ipv4), formatAddress(a.ipv6)].flatMap((address) => [
      `route add ${address} dev ${a.interface} table ${table}`,
      `neigh add ${address} lladdr ${mac(i, 'end')} dev ${a.interface} nud permanent`,
    ]),
  ]
}

/** What the table marks as led has a next hop of its own, in front of everything else. */
function leading({ gateways }: Inventory): readonly string[] {
  if (gateways?.outbound === undefined) return []
  const { interface: device, ipv4, ipv6 } = gateways.outbound
  return [formatAddress(ipv4), formatAddress(ipv6)].map((via) => `route add default via ${via} dev ${device} onlink table ${leadTable}`)
}

/** As in a namespace of a workload or a gateway: its addresses, and one way out. */
function stackOf({ addresses: [ipv4, ipv6] }: Stack, router: string): readonly string[] {
  return [
    'link set lo up',
    `addr add ${ipv4}/32 dev eth0`,
    `addr add ${ipv6}/128 dev eth0 nodad`,
    ...['169.254.1.1', 'fe80::1'].map((address) => `neigh add ${address} lladdr ${router} dev eth0 nud permanent`),
    `route add default via 169.254.1.1 dev eth0 onlink src ${ipv4}`,
    `route add default via fe80::1 dev eth0 onlink src ${ipv6}`,
  ]
}

const mark = `0x${routeBit.toString(16)}/0x${routeBit.toString(16)}`
/** Only what the table has marked is routed. */
const leadMark = `0x${leadBit.toString(16)}/0x${leadBit.toString(16)}`
const leadTable = '101'
const routing = [`rule add pref 99 fwmark ${leadMark} lookup ${leadTable}`, `rule add pref 100 fwmark ${mark} lookup ${table}`, `rule add pref 101 iif lo lookup ${table}`, 'rule add pref 200 prohibit']

function outside(published: readonly string[]): readonly string[] {
  return [
    'netns add outside',
    `link add name ${uplinkInterface} address ${mac(255, 'router')} group ${uplinkGroup} type veth peer name eth0 address ${mac(255, 'end')} netns outside`,
    `addr add ${uplinkAddresses.ipv4}/24 dev ${uplinkInterface}`,
    `addr add ${uplinkAddresses.ipv6}/64 dev ${uplinkInterface} nodad`,
    `link set dev ${uplinkInterface} up`,
    // Deprecated, or the kernel might prefer a published address as the source of translated egress.
    ...published.map((address) => `addr add ${address} dev ${uplinkInterface}${address.includes(':') ? ' preferred_lft 0' : ''}`),
    ...[next.ipv4, next.ipv6].flatMap((address) => [
      `neigh add ${address} lladdr ${mac(255, 'end')} dev ${uplinkInterface} nud permanent`,
      `route add default via ${address} dev ${uplinkInterface} onlink table ${table}`,
    ]),
  ]
}

function mac(index: number, side: 'router' | 'end'): string {
  return `02:00:00:00:${side === 'router' ? '01' : '02'}:${index.toString(16).padStart(2, '0')}`
}

/** The router's own reports to its neighbours, which only a missing table lets out; where it has no link-local address they come from `::`. */
function isHousekeeping(data: Buffer): boolean {
  const { from, to } = hosts(data)
  return (from.startsWith('fe80:') || from === '::') && to.startsWith('ff02:')
}

function countersOf(json: string): Readonly<Record<string, number>> {
  const { nftables } = JSON.parse(json) as { readonly nftables: readonly { readonly counter?: { readonly name: string; readonly packets: number } }[] }
  return Object.fromEntries(nftables.flatMap(({ counter }) =>
    counter?.name.startsWith('logged-') === true && counter.packets > 0 ? [[counter.name.slice('logged-'.length), counter.packets]] : []))
}
