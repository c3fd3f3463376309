/**
 * Compares the router's interfaces, addresses and routes with the plan. An interface's group is an identity, so a wrong one
 * is as bad as a wrong rule; an interface that nobody planned is a way round the table.
 */
import { formatAddress } from '../net/address.ts'
import { gatewaysOf, probeInterfacePrefix, sinkGroup, uplinkGroup } from '../engines/nftables/inventory.ts'
import { ipBatchForce, ipJson } from './ip.ts'
import { leadHolds } from './lead.ts'
import { uplinkInterface } from './plan.ts'
import { routeTable, rulesHold, sinkInterface, sysctlsHold } from './router.ts'
import type { Inventory } from '../engines/nftables/inventory.ts'
import type { Place } from './plan.ts'

export interface Deviation {
  /** The interface, or what else deviates. */
  readonly what: string
  readonly expected: string
  readonly found: string
  /** What removes it, for `ip -batch`; the plan's own are mended by making them again. */
  readonly remove?: string
}

export async function topologyDeviations(places: readonly Place[], inventory: Inventory): Promise<readonly Deviation[]> {
  const [links, routes4, routes6, rules, ledAway] = await Promise.all([
    ipJson(['-details', 'link', 'show']),
    ipJson(['-4', 'route', 'show', 'table', String(routeTable)]),
    ipJson(['-6', 'route', 'show', 'table', String(routeTable)]),
    rulesHold(inventory.gateways?.outbound !== undefined),
    leadHolds(inventory.gateways?.outbound),
  ])
  const found: Deviation[] = []
  const routes = [...routes4, ...routes6]
  const link = new Map(links.map((l) => [String(l['ifname']), l]))
  if (!ledAway) found.push({ what: 'route to the outbound gateway', expected: 'one', found: 'none' })
  if (!rules) found.push({ what: 'routing rules', expected: 'marked packets only, then prohibit', found: 'something else' })
  if (!sysctlsHold()) found.push({ what: 'kernel settings', expected: 'as set by the agent', found: 'changed' })
  for (const p of [...places, ...gatewaysOf(inventory)]) {
    found.push(...checkLink(p.interface, p.group, link.get(p.interface)))
    for (const address of [p.ipv4, p.ipv6]) {
      const to = formatAddress(address)
      const dev = routes.find((r) => r['dst'] === to)?.['dev']
      if (dev !== p.interface) found.push({ what: `route to ${to}`, expected: p.interface, found: dev === undefined ? 'no route' : String(dev) })
    }
  }
  if (inventory.uplink !== undefined) found.push(...checkLink(uplinkInterface, uplinkGroup, link.get(uplinkInterface)))
  found.push(...checkLink(sinkInterface, sinkGroup, link.get(sinkInterface)))
  return [...found, ...strangers(links, routes, places, inventory)]
}

function checkLink(name: string, group: number, link: Readonly<Record<string, unknown>> | undefined): readonly Deviation[] {
  if (link === undefined) return [{ what: name, expected: 'an interface', found: 'none' }]
  const found: Deviation[] = []
  const actual = groupOf(link)
  if (actual !== group) found.push({ what: `group of ${name}`, expected: String(group), found: String(actual) })
  if (!(link['flags'] as string[]).includes('UP')) found.push({ what: name, expected: 'up', found: 'down' })
  return found
}

/** `ip` prints group 0 as `default`, and others by number unless /etc/iproute2/group names them. */
export function groupOf(link: Readonly<Record<string, unknown>>): number {
  const group = link['group']
  return group === undefined || group === 'default' ? 0 : Number(group)
}

function strangers(
  links: readonly Readonly<Record<string, unknown>>[],
  routes: readonly Readonly<Record<string, unknown>>[],
  places: readonly Place[],
  inventory: Inventory,
): readonly Deviation[] {
  const planned = new Set([...places.map((p) => p.interface), ...inventory.attachments.map((a) => a.interface), ...gatewaysOf(inventory).map((g) => g.interface), 'lo', sinkInterface, `${sinkInterface}x`, uplinkInterface])
  const destinations = new Map([...inventory.attachments, ...gatewaysOf(inventory)].flatMap((a) => [a.ipv4, a.ipv6].map((x) => [formatAddress(x), a.interface] as const)))
  const found: Deviation[] = []
  for (const l of links) {
    const name = String(l['ifname'])
    if (planned.has(name) || isShadow(name)) continue
    // A device of a loaded tunnel module is in every namespace, down, and carries nothing.
    if ((l['flags'] as string[]).includes('UP') || groupOf(l) !== 0) found.push({ what: name, expected: 'no such interface', found: `an interface of group ${groupOf(l)}`, remove: `link set dev ${name} down group 0` })
  }
  for (const r of routes) {
    const to = String(r['dst'])
    const dev = String(r['dev'] ?? r['type'] ?? '')
    if (to === 'default' || isShadow(dev) || destinations.get(to) === dev) continue
    // A route to a planned address by another way is reported above, for its place.
    if (!destinations.has(to)) found.push({ what: `route to ${to}`, expected: 'no route', found: dev, remove: `route del ${to} table ${routeTable}` })
  }
  return found
}

/** Takes strangers out of the way: an interface is put down, a route deleted. */
export async function removeStrangers(deviations: readonly Deviation[]): Promise<void> {
  await ipBatchForce(deviations.flatMap((d) => d.remove ?? []))
}

function isShadow(name: string): boolean {
  return name.startsWith(probeInterfacePrefix)
}
