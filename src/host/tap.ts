/** An interface that somebody else made, such as the tap of a virtual machine: taken into the router and given back as it was. */
import { existsSync, writeFileSync } from 'node:fs'
import { Fault } from '../base/fault.ts'
import { run } from '../base/process.ts'
import { applyRuleset } from '../engines/nftables/apply.ts'
import { formatAddress } from '../net/address.ts'
import { inNetns, ipBatch, ipBatchForce, ipJson } from './ip.ts'
import { gatewayV4, gatewayV6 } from './place.ts'
import { namespaceOf } from './proc.ts'
import { routeTable } from './router.ts'
import type { Place } from './plan.ts'

/** Kept in the interface's alias, so that whoever gives it back needs no other memory. */
const aliasPrefix = 'bulkhead took '

/** Beside the one that judges IP packets, because ARP has tables of its own. */
export const tapTable = 'arp bulkhead-taps'

/**
 * The router makes a neighbour entry for every sender of a question, in a table that the whole machine shares and that holds a
 * thousand: one that asks under other addresses than its own (or none yet) is not heard.
 */
function askAsItself(place: Place): string {
  const chain = `${tapTable} ${place.interface}`
  return [
    `add table ${tapTable}`,
    `add chain ${chain} { type filter hook input priority filter; policy accept; }`,
    `flush chain ${chain}`,
    `add rule ${chain} iifname "${place.interface}" arp saddr ip != { 0.0.0.0, ${formatAddress(place.ipv4)} } drop`,
    '',
  ].join('\n')
}

/** The machine behind it answers for itself, so its neighbour entry is left to ARP, on this interface alone. */
export async function takeInterface(place: Place, name: string, taken: boolean): Promise<void> {
  if (!taken) {
    if (!(await isHere(name))) await fetchFromHost(name)
    await ipBatch([`link set dev ${name} down`, `link set dev ${name} alias "${aliasPrefix}${name}"`, `link set dev ${name} name ${place.interface}`])
  }
  await applyRuleset(askAsItself(place))
  const ipv6 = existsSync('/proc/sys/net/ipv6')
  if (ipv6) writeFileSync(`/proc/sys/net/ipv6/conf/${place.interface}/addr_gen_mode`, '1')
  await ipBatch([
    `link set dev ${place.interface} group ${place.group}`,
    `addr replace ${gatewayV4}/32 dev ${place.interface}`,
    ...(ipv6 ? [`addr replace ${gatewayV6}/64 dev ${place.interface} nodad`] : []),
    `link set dev ${place.interface} up`,
    `route replace ${formatAddress(place.ipv4)}/32 dev ${place.interface} table ${routeTable}`,
    ...(ipv6 ? [`route replace ${formatAddress(place.ipv6)}/128 dev ${place.interface} table ${routeTable}`] : []),
  ])
}

/** Gives an interface its name back, without group and addresses; false when it was not taken from anybody. */
export async function releaseInterface(name: string, netns?: string): Promise<boolean> {
  const [link] = await ipJson(['link', 'show', 'dev', name], netns)
  const alias = String(link?.['ifalias'] ?? '')
  if (!alias.startsWith(aliasPrefix)) return false
  const before = alias.slice(aliasPrefix.length)
  const forget = ['nft', 'delete', 'chain', ...tapTable.split(' '), name]
  await run(netns === undefined ? forget : inNetns(netns, forget))
  await ipBatchForce([`link set dev ${name} down`, `addr flush dev ${name}`, `link set dev ${name} group 0`, `link set dev ${name} alias ""`, `link set dev ${name} name ${before}`], netns)
  if (netns !== undefined || hostNamespaceIsOther()) await ipBatchForce([`link set dev ${before} netns 1`], netns)
  return true
}

/** Gives back all that was taken, before the router's namespace goes: ours, or the one that is named. */
export async function releaseInterfaces(netns?: string): Promise<void> {
  for (const link of await ipJson(['link', 'show'], netns)) {
    if (String(link['ifalias'] ?? '').startsWith(aliasPrefix)) await releaseInterface(String(link['ifname']), netns)
  }
}

async function isHere(name: string): Promise<boolean> {
  return (await ipJson(['link', 'show'])).some((l) => l['ifname'] === name)
}

/** On a machine, taps are made in its own namespace, not in the router's. */
async function fetchFromHost(name: string): Promise<void> {
  // With its alias first: whoever is killed on the way leaves an interface that can be given back.
  const there = ['nsenter', '--net=/proc/1/ns/net', '--', 'ip', 'link', 'set', 'dev', name]
  await run([...there, 'alias', `${aliasPrefix}${name}`])
  const { code, stderr } = await run([...there, 'netns', String(process.pid)])
  if (code !== 0) throw new Fault('attach-refused', `there is no interface \`${name}\`: ${stderr.trim()}`, { help: 'create it before `up`, for instance with `ip tuntap add`' })
}

/** In a sandbox, process 1 is the sandbox's own and lives in the router's namespace. */
function hostNamespaceIsOther(): boolean {
  return !existsSync('/proc/1/ns/net') || namespaceOf(1, 'net') !== namespaceOf(process.pid, 'net')
}
