/** Makes and removes the network of one place: namespace, veth pair, addresses and routes. No process is started here. */
import { existsSync, writeFileSync } from 'node:fs'
import { Fault } from '../base/fault.ts'
import { run } from '../base/process.ts'
import { formatAddress } from '../net/address.ts'
import { inNetns, ipBatch, ipBatchForce, ipJson, netnsPath } from './ip.ts'
import { dropOwned, makeOwned } from './own-userns.ts'
import { routeTable } from './router.ts'
import type { Address } from '../net/address.ts'
import type { OwnUserns } from './own-userns.ts'

export const gatewayV4 = '169.254.1.1'
export const gatewayV6 = 'fe80::1'
export const insideInterface = 'eth0'

/** What both a workload's place and a shadow have in common. */
export interface Seat {
  readonly interface: string
  readonly netns: string
  readonly group: number
  readonly ipv4: Address
  readonly ipv6: Address
  readonly routerMac: string
  readonly mac: string
}

/** The name of a router's end that is not ready: whoever is killed half-way leaves this one, which nobody takes for a seat. */
function unreadyName(name: string): string {
  return `${name}n`
}

/**
 * The pair is born with its group, so there is no moment in which it has another identity; the router's end gets its name
 * when all inside is ready, and comes up last. The table must already hold the seat's anti-spoofing entry, or nothing passes.
 */
export async function makeSeat(seat: Seat, options: { readonly ownNetns: boolean; readonly userns?: OwnUserns | undefined }): Promise<void> {
  const unready = unreadyName(seat.interface)
  const there = [seat.interface, unready].some((name) => existsSync(`/proc/sys/net/ipv4/conf/${name}`))
  if (there || (options.ownNetns && existsSync(netnsPath(seat.netns)))) await dropSeat(seat, options)
  const ipv6 = existsSync('/proc/sys/net/ipv6')
  const v4 = formatAddress(seat.ipv4)
  const v6 = formatAddress(seat.ipv6)
  const peer = options.ownNetns ? `peer name ${insideInterface} address ${seat.mac} netns ${seat.netns}` : `peer name ${seat.interface}x address ${seat.mac}`
  if (options.userns !== undefined) await makeOwned(seat.netns, options.userns)
  await ipBatch([...(options.ownNetns && options.userns === undefined ? [`netns add ${seat.netns}`] : []), `link add name ${unready} address ${seat.routerMac} group ${seat.group} type veth ${peer}`])
  if (!options.ownNetns) await moveIn(`${seat.interface}x`, seat.netns)
  if (ipv6) writeFileSync(`/proc/sys/net/ipv6/conf/${unready}/addr_gen_mode`, '1')
  await run(
    inNetns(seat.netns, [
      'sysctl', '-q', '-e', '-w', `net.ipv6.conf.${insideInterface}.addr_gen_mode=1`, `net.ipv6.conf.${insideInterface}.accept_ra=0`,
      // Inside its own namespace an ordinary process may ping and may serve port 80.
      'net.ipv4.ping_group_range=0 2147483647', 'net.ipv4.ip_unprivileged_port_start=0',
    ]),
  )
  await ipBatch(
    [
      'link set lo up',
      `addr add ${v4}/32 dev ${insideInterface}`,
      ...(ipv6 ? [`addr add ${v6}/128 dev ${insideInterface} nodad`] : []),
      `link set ${insideInterface} up`,
      `neigh replace ${gatewayV4} lladdr ${seat.routerMac} dev ${insideInterface} nud permanent`,
      `route add default via ${gatewayV4} dev ${insideInterface} onlink`,
      ...(ipv6
        ? [
            `neigh replace ${gatewayV6} lladdr ${seat.routerMac} dev ${insideInterface} nud permanent`,
            `route add ::/0 via ${gatewayV6} dev ${insideInterface} onlink`,
          ]
        : []),
    ],
    seat.netns,
  )
  await ipBatch([`link set dev ${unready} name ${seat.interface}`, ...routerLines(seat, ipv6)])
}

/** The router's side, also of an interface that was handed to us. */
export function routerLines(seat: Pick<Seat, 'interface' | 'ipv4' | 'ipv6' | 'mac'>, ipv6: boolean): readonly string[] {
  const v4 = formatAddress(seat.ipv4)
  const v6 = formatAddress(seat.ipv6)
  return [
    // Both ends know each other's address: whoever asks is after the neighbour table, which the whole machine shares and which
    // a thousand forged questions fill. Changing this forgets neighbours, so it comes before them.
    `link set dev ${seat.interface} arp off`,
    `addr replace ${gatewayV4}/32 dev ${seat.interface}`,
    ...(ipv6 ? [`addr replace ${gatewayV6}/64 dev ${seat.interface} nodad`] : []),
    `link set dev ${seat.interface} up`,
    `neigh replace ${v4} lladdr ${seat.mac} dev ${seat.interface} nud permanent`,
    `route replace ${v4}/32 dev ${seat.interface} table ${routeTable}`,
    ...(ipv6 ? [`neigh replace ${v6} lladdr ${seat.mac} dev ${seat.interface} nud permanent`, `route replace ${v6}/128 dev ${seat.interface} table ${routeTable}`] : []),
  ]
}

/** Removes the router's end first: from then on nothing passes. */
export async function dropSeat(seat: Pick<Seat, 'interface' | 'netns'>, options: { readonly ownNetns: boolean }): Promise<void> {
  await ipBatchForce([`link del dev ${seat.interface}`, `link del dev ${unreadyName(seat.interface)}`, ...(options.ownNetns ? [`netns del ${seat.netns}`] : [])])
  if (options.ownNetns) await dropOwned(seat.netns)
}

/** Takes an existing namespace that has nothing but its loopback: any other interface would go round the table. */
async function moveIn(end: string, netns: string): Promise<void> {
  if (!existsSync(netnsPath(netns))) {
    await ipBatchForce([`link del dev ${end}`])
    throw new Fault('attach-refused', `there is no network namespace \`${netns}\``, { help: 'create it before `up`, for instance with `ip netns add`' })
  }
  const foreign = await foreignInterfaces(netns)
  if (foreign.length > 0) {
    await ipBatchForce([`link del dev ${end}`])
    throw new Fault('attach-refused', `the namespace \`${netns}\` has an interface of its own: \`${foreign.join('`, `')}\``, {
      help: 'its packets would go round the policy; remove the interface (for a container: start it with `--network none`)',
    })
  }
  const { code, stderr } = await run(['ip', 'link', 'set', 'dev', end, 'netns', netnsPath(netns), 'name', insideInterface])
  if (code !== 0) throw new Fault('attach-refused', `\`${end}\` could not be moved into \`${netns}\`: ${stderr.trim()}`)
}

/** Interfaces of a namespace that are neither its loopback nor the end of our pair. */
export async function foreignInterfaces(netns: string): Promise<readonly string[]> {
  const links = await ipJson(['link', 'show'], netns)
  // A new namespace has the down fallback devices of loaded tunnel modules; a device that is down carries nothing.
  return links
    .filter((l) => l['ifname'] !== 'lo' && l['ifname'] !== insideInterface && (l['flags'] as string[]).includes('UP'))
    .map((l) => String(l['ifname']))
}

/** Takes namespaces off that have got another way out meanwhile; tells which. */
export async function detachForeign(attached: readonly (Pick<Seat, 'interface' | 'netns'> & { readonly key: string })[]): Promise<readonly string[]> {
  const found: string[] = []
  for (const place of attached) {
    const foreign = await foreignInterfaces(place.netns).catch((): readonly string[] => [])
    if (foreign.length === 0) continue
    await dropSeat(place, { ownNetns: false })
    found.push(`${place.key}: detached, its namespace has the foreign interface \`${foreign.join('`, `')}\``)
  }
  return found
}
