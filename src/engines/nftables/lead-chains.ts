/**
 * Leading packets to the outbound gateway. It is decided before conntrack, for each packet by itself and from what does not
 * change between the packets of a connection, so that nothing has to be remembered and what leaves a set is led no more.
 *
 * The mark chooses the route; whether there is a path to the gateway is judged in the forward chain like everything else.
 */
import { formatAddress } from '../../net/address.ts'
import { block, families } from './block.ts'
import { gatewaysOf, inboundGroup, outboundGroup, resolverGroup, uplinkGroup } from './inventory.ts'
import { formatMark, leadBit, routeBit } from './marks.ts'
import type { Atoms } from './atoms.ts'
import type { Inventory } from './inventory.ts'

/** Which lookups some packet may need; a host that leads nothing has none of them. */
export interface Led {
  readonly names: boolean
  readonly inside: boolean
  readonly ranges: boolean
}

export const nothingLed: Led = Object.freeze({ names: false, inside: false, ranges: false })

export function ledBy({ lead }: Pick<Atoms, 'lead'>): Led {
  return {
    names: lead.some((a) => a.address === undefined),
    inside: lead.some((a) => a.address !== undefined),
    ranges: lead.some((a) => a.match.kind !== 'port'),
  }
}

export function leadsAnything(led: Led): boolean {
  return led.names || led.inside
}

/** Seconds that an address stays admitted after the last packet to it: what has been idle for longer asks for its name again. */
export const admittedIdle = 3_600
const admittedSize = 262_144

const route = formatMark(routeBit)
const lead = formatMark(routeBit | leadBit)

/** What packets have kept alive and the agent has added: `group . address`. Who is in it is led, and nothing more. */
export function admittedSets(led: Led, elements: Readonly<Record<'4' | '6', readonly string[]>>): readonly string[] {
  if (!led.names) return []
  return families.flatMap(({ n, ip }) => block(`set admitted${n}`, 'identity . outside address that it was told of', [
    `typeof iifgroup . ${ip} daddr`, `size ${admittedSize}`, 'flags dynamic,timeout',
    ...(elements[n].length === 0 ? [] : ['elements = {', elements[n].map((e) => `  ${e}`).join(',\n    '), '}']),
  ]))
}

/** `lead4` and `lead6` are where packets go that have shown whose they are. */
export function leadChains(inventory: Inventory, led: Led): readonly string[] {
  const outbound = inventory.gateways?.outbound
  if (!leadsAnything(led) || outbound === undefined) return []
  const gateways = gatewaysOf(inventory).map(({ group }) => group).join(', ')
  return [
    ...families.flatMap(({ n, ip }) => [
      ...block(`chain lead${n}`, 'nobody is led to the gateway by asking for it', [
        `${ip} daddr ${formatAddress(n === '4' ? outbound.ipv4 : outbound.ipv6)} iifgroup != { ${gateways} } goto drop-policy`,
        ...(led.inside ? [
          `meta l4proto tcp iifgroup . ${ip} daddr . th dport @lead-inside${n} goto led`,
          ...(led.ranges ? [`meta l4proto tcp iifgroup . ${ip} daddr . th dport @lead-inside-range${n} goto led`] : []),
        ] : []),
        // What has been learnt comes last: it changes nothing of what the documents say.
        ...(led.names ? [`iifgroup . ${ip} daddr @admitted${n} meta l4proto tcp goto lead-name${n}`] : []),
        'accept',
      ]),
      ...(led.names ? [
        ...block(`chain lead-name${n}`, undefined, [
          `iifgroup . th dport @lead goto lead-unless${n}`,
          ...(led.ranges ? [`iifgroup . th dport @lead-range goto lead-unless${n}`] : []),
          'accept',
        ]),
        ...block(`chain lead-unless${n}`, 'what is open to the address in itself goes straight', [
          `meta mark set ${ip} daddr map @class${n}`,
          'meta mark set iifgroup . meta mark . meta l4proto . th dport map @egress-port goto straight',
          'meta mark set iifgroup . meta mark . meta l4proto map @egress-protocol goto straight',
          'meta mark set iifgroup . meta mark . meta l4proto . th dport map @egress-range goto straight',
          `update @admitted${n} { iifgroup . ${ip} daddr timeout ${admittedIdle}s }`,
          'goto led',
        ]),
      ] : []),
    ]),
    ...(led.names ? block('chain straight', undefined, [`meta mark set ${route} accept`]) : []),
    ...block('chain led', undefined, [`meta mark set ${lead} accept`]),
  ]
}

/** The outbound gateway answers in the name of whoever was asked for; what it opens itself goes on from its own address alone. */
export function returning(inventory: Inventory): readonly string[] {
  if (inventory.gateways?.outbound === undefined) return []
  const later = 'tcp flags & (fin | syn | rst | ack) != syn'
  return block('chain returning', 'answers of the outbound gateway, in the name of whoever was asked', [
    `ip daddr != 224.0.0.0/4 meta l4proto tcp ${later} meta mark set ${route} accept`,
    `ip6 daddr != ff00::/8 ip6 nexthdr tcp ${later} meta mark set ${route} accept`,
    'goto unmarked',
  ])
}

export function fromOutbound(inventory: Inventory): readonly string[] {
  const outbound = inventory.gateways?.outbound
  return outbound === undefined ? [] : [`iifname "${outbound.interface}" iifgroup ${outboundGroup} goto returning`]
}

/** Only who opens a connection is led: an answer may go to a port of the opener's own choice, which is a led one by chance. */
export function answering(led: Led): readonly string[] {
  if (!leadsAnything(led)) return []
  return block('chain answering', 'who answers is led nowhere', [
    'type filter hook prerouting priority mangle; policy accept;',
    `meta mark ${lead} ct direction reply meta mark set ${route}`,
  ])
}

/** To refuse aloud what comes in the name of somebody outside would be to tell somebody outside. */
export function unansweredReplies(inventory: Inventory): readonly string[] {
  return inventory.gateways?.outbound === undefined ? [] : [`iifgroup ${outboundGroup} goto drop-policy`]
}

/**
 * Where new connections of gateways are counted: for the workload they reach, or not at all, because what made the gateway
 * open them was counted already.
 */
export function admission(inventory: Inventory): readonly string[] {
  const present = gatewaysOf(inventory)
  if (present.length === 0) return [`iifgroup ${uplinkGroup} goto admit-inward`]
  const to: Readonly<Record<number, string>> = { [outboundGroup]: 'admit-outbound', [inboundGroup]: 'admit-inward', [resolverGroup]: 'admit-uncounted' }
  return [
    `iifgroup vmap { ${[`${uplinkGroup} : goto admit-inward`, ...present.map(({ group }) => `${group} : goto ${to[group] ?? ''}`)].join(', ')} }`,
  ]
}

/** What one address outside, or one network of IPv6, may have open at the inbound gateway, which everybody shares. */
export function crowd(inventory: Inventory, connectionLimit: number): { readonly sets: readonly string[]; readonly rules: readonly string[] } {
  if (inventory.gateways?.inbound === undefined) return { sets: [], rules: [] }
  const most = Math.max(1, Math.floor(connectionLimit / 4))
  const clients = [{ n: '4', key: 'ip saddr', type: 'ip saddr' }, { n: '6', key: 'ip6 saddr and ffff:ffff:ffff:ffff::', type: 'ip6 saddr' }] as const
  return {
    sets: clients.flatMap(({ n, type }) => block(`set clients${n}`, 'connections of each client of the inbound gateway', [`typeof ${type}`, 'size 65535', 'flags dynamic'])),
    rules: clients.map(({ n, key }) => `iifgroup ${uplinkGroup} oifgroup ${inboundGroup} add @clients${n} { ${key} ct count over ${most} } goto refuse-limit`),
  }
}

export function gatewayAdmission(inventory: Inventory, permitted: string): readonly string[] {
  const { outbound, resolver } = inventory.gateways ?? {}
  return [
    ...(outbound === undefined ? [] : block('chain admit-outbound', undefined, [
      ...families.map(({ n, ip }) => `iifname . ${ip} saddr @source${n} goto admit-uncounted`),
      'goto drop-spoof',
    ])),
    ...(outbound === undefined && resolver === undefined ? [] : block('chain admit-uncounted', undefined, [permitted])),
  ]
}
