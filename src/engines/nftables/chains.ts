/**
 * The rules. Their number does not depend on the policies: what is allowed is in the maps.
 *
 * A packet passes prerouting (who may send as whom; for its parts that is asked before they are put together), translation,
 * forward (is there a path) and the gate (did forward really say so). Every packet of both directions is looked up, so what
 * leaves a map is closed at once.
 */
import { block, families, portProtocols } from './block.ts'
import { fragmentChains } from './fragment-chains.ts'
import { heldChains, stays } from './held-chains.ts'
import { errors4, errors6, icmp } from './icmp-chains.ts'
import { uplinkGroup } from './inventory.ts'
import { admission, answering, crowd, fromOutbound, gatewayAdmission, leadChains, leadsAnything, nothingLed, returning, unansweredReplies } from './lead-chains.ts'
import { formatMark, permitMark, routeBit } from './marks.ts'
import { reasons, refusals, standing } from './refusal-chains.ts'
import type { Inventory } from './inventory.ts'
import type { Led } from './lead-chains.ts'
import type { Reason } from './refusal-chains.ts'

export { reasons } from './refusal-chains.ts'
export type { Reason } from './refusal-chains.ts'

export const logPrefix = 'bh:'

/** The counter of all packets that were offered to the log for this reason: what the records must add up to. */
export function loggedCounter(reason: Reason): string {
  return `logged-${reason}`
}

/** Packets that end in silence: the kernels' own housekeeping, which nobody asked to send. */
export const housekeepingCounter = 'unlogged-housekeeping'

/**
 * Questions about neighbours from one interface. The router makes an entry for whoever asks, in a table that all interfaces of
 * the machine share and that holds a thousand: a machine behind a tap asks a few times when it starts, and then twice a minute.
 */
const curious = 'limit rate over 2/second burst 16 packets'

/** Enough for the longest headers that are recorded: IPv6 and TCP with options. */
const snapLength = 128

const route = formatMark(routeBit)
const permit = formatMark(permitMark)

/**
 * New connections of one identity. The kernel keeps an entry of a closed connection for some seconds and does not count it
 * (nf_conncount), so that the number of those who stand is no limit to who opens and closes them.
 */
const fastest = 'limit rate over 10000/second burst 50000 packets'

export function chains(inventory: Inventory, logGroup: number, connectionLimit: number, led: Led = nothingLed, held = false): readonly string[] {
  const count = (reason: Reason): string => `counter name "${loggedCounter(reason)}"`
  const log = (reason: Reason): string => `log prefix "${logPrefix}${reason}" group ${logGroup} snaplen ${snapLength}`
  return [
    ...reasons.map((reason) => `  counter ${loggedCounter(reason)} { }`),
    `  counter ${housekeepingCounter} { }`,
    ...limited.flatMap(({ n, group, whose }) => [
      ...block(`set connections${n}`, `connections of each identity${whose}`, [`typeof ${group}`, 'size 65535', 'flags dynamic']),
      ...block(`set opened${n}`, `the rate at which they are opened${whose}`, [`typeof ${group}`, 'size 65535', 'flags dynamic']),
      ...block(`set full${n}`, `identities that have just been found at their limit${whose}`, [`typeof ${group}`, 'size 65535', 'flags dynamic,timeout']),
    ]),
    ...block('set loud', 'identities that are refused more often than is recorded', ['typeof iifgroup', 'size 65535', 'flags dynamic']),
    ...block('set asking', 'interfaces that ask for neighbours more often than is answered', ['typeof iifname', 'size 65535', 'flags dynamic']),
    ...crowd(inventory, connectionLimit).sets,
    ...standing,
    ...refusals(count, log),
    ...verdicts(inventory, connectionLimit),
    ...(held ? heldChains() : []),
    ...direct(inventory, held),
    ...egress(),
    ...publish(),
    ...icmp(held),
    ...leadChains(inventory, led),
    ...fragmentChains(),
    ...arrival(inventory, led),
    ...block('chain forward', undefined, [
      'type filter hook forward priority filter; policy drop;',
      // One lookup admits the protocols that exist here and sees the direction; what conntrack does not know falls through.
      `meta l4proto . ct direction vmap { ${[
        ...portProtocols.flatMap((p) => [`${p} . original : goto original`, `${p} . reply : goto reply`]),
        ...['icmp', 'ipv6-icmp'].flatMap((p) => [`${p} . original : goto icmp-original`, `${p} . reply : goto icmp-reply`]),
      ].join(', ')} }`,
      `ct state invalid icmp type { ${errors4.join(', ')} } goto drop-icmp-error`,
      `ct state invalid icmpv6 type { ${errors6.join(', ')} } goto drop-icmp-error`,
      'ct state invalid,untracked goto drop-invalid',
      'goto refuse-policy',
    ]),
    ...block('chain gate', 'a second opinion, so that one foreign accept opens nothing', [
      'type filter hook forward priority filter + 10; policy drop;',
      `meta mark ${permit} accept`,
      `${count('gate')} ${log('gate')} drop`,
    ]),
    ...block('chain input', 'the router itself answers neighbour discovery and nothing else', [
      'type filter hook input priority filter; policy drop;',
      'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept',
      `iifgroup ${uplinkGroup} ip daddr @published4 goto refuse-published`,
      `iifgroup ${uplinkGroup} ip6 daddr @published6 goto refuse-published`,
      'goto refuse-input',
    ]),
    ...block('chain output', 'refusals, errors and neighbour discovery', [
      'type filter hook output priority filter; policy drop;',
      'tcp flags & rst == rst accept',
      `icmp type { ${errors4.join(', ')} } accept`,
      `icmpv6 type { ${[...errors6, 'nd-neighbor-solicit', 'nd-neighbor-advert'].join(', ')} } accept`,
      `counter name "${housekeepingCounter}" drop`,
    ]),
  ]
}

/** Connections count for whoever opens them; those from outside for the one they reach, or one service could use up all the others' share. */
const limited = [{ n: '', group: 'iifgroup', whose: '' }, { n: '-inward', group: 'oifgroup', whose: ', from outside' }] as const

function verdicts(inventory: Inventory, connectionLimit: number): readonly string[] {
  const permitted = `ct mark set meta mark meta mark set ${permit} accept`
  return [
    ...block('chain permit', 'the mark holds a path id, which stays with the connection; a connection without one is new', [
      'ct mark 0x00000000 goto admit',
      permitted,
    ]),
    ...limited.flatMap(({ n, group }) => [
      // Counting walks all connections of the identity: whoever is over the limit may not make the router do that for every try.
      ...block(`chain admit${n}`, n === '' ? 'each connection is counted once' : 'from outside: for whom it is', [
        ...(n === '' ? admission(inventory) : crowd(inventory, connectionLimit).rules),
        `${group} @full${n} goto refuse-limit`,
        `add @opened${n} { ${group} ${fastest} } goto refuse-limit`,
        `add @connections${n} { ${group} ct count over ${connectionLimit} } goto overflow${n}`,
        permitted,
      ]),
      ...block(`chain overflow${n}`, undefined, [`add @full${n} { ${group} timeout 100ms }`, 'goto refuse-limit']),
    ]),
    ...gatewayAdmission(inventory, permitted),
    ...block('chain pass', 'for what comes back', [`meta mark set ${permit} accept`]),
  ]
}

function direct(inventory: Inventory, held: boolean): readonly string[] {
  return [
    ...block('chain original', undefined, [
      ...stays('original', held),
      'meta mark set iifgroup . oifgroup . meta l4proto . th dport map @port goto permit',
      'th dport != 0 meta mark set iifgroup . oifgroup . meta l4proto map @protocol goto permit',
      'meta mark set iifgroup . oifgroup . meta l4proto . th dport map @range goto permit',
      `oifgroup ${uplinkGroup} goto egress-original`,
      `iifgroup ${uplinkGroup} goto publish-original`,
      'goto refuse-policy',
    ]),
    ...block('chain reply', undefined, [
      ...stays('reply', held),
      'meta mark set oifgroup . iifgroup . meta l4proto . th sport map @port goto pass',
      'th sport != 0 meta mark set oifgroup . iifgroup . meta l4proto map @protocol goto pass',
      'meta mark set oifgroup . iifgroup . meta l4proto . th sport map @range goto pass',
      `iifgroup ${uplinkGroup} goto egress-reply`,
      `oifgroup ${uplinkGroup} goto publish-reply`,
      ...unansweredReplies(inventory),
      'goto refuse-policy',
    ]),
  ]
}

/** What comes from outside has had the class of its source since prerouting; what goes out gets that of its destination here. */
const outward = ['meta mark set ip daddr map @class4', 'meta mark set ip6 daddr map @class6'] as const

function egress(): readonly string[] {
  return [
    ...block('chain egress-original', undefined, [
      ...outward,
      'meta mark set iifgroup . meta mark . meta l4proto . th dport map @egress-port goto permit',
      'th dport != 0 meta mark set iifgroup . meta mark . meta l4proto map @egress-protocol goto permit',
      'meta mark set iifgroup . meta mark . meta l4proto . th dport map @egress-range goto permit',
      'goto refuse-policy',
    ]),
    ...block('chain egress-reply', undefined, [
      'meta mark set oifgroup . meta mark . meta l4proto . th sport map @egress-port goto pass',
      'th sport != 0 meta mark set oifgroup . meta mark . meta l4proto map @egress-protocol goto pass',
      'meta mark set oifgroup . meta mark . meta l4proto . th sport map @egress-range goto pass',
      'goto drop-policy',
    ]),
  ]
}

/** nft knows the type of a connection's port only below a protocol, hence a rule for each. */
function publish(): readonly string[] {
  const end = (ip: string): string => `ct original ${ip} daddr . meta l4proto . ct original proto-dst`
  return [
    ...block('chain publish-original', 'only what was translated, and while both the translation and the permission stand', [
      ...families.flatMap(({ n, ip }) => portProtocols.map((p) =>
        `meta l4proto ${p} ${end(ip)} . ${ip} daddr . th dport @translated${n} meta mark set meta mark . ${end(ip)} . oifgroup map @publish${n} goto permit`)),
      'goto drop-published',
    ]),
    ...block('chain publish-reply', undefined, [
      ...outward,
      ...families.flatMap(({ n, ip }) => portProtocols.map((p) =>
        `meta l4proto ${p} ${end(ip)} . ${ip} saddr . th sport @translated${n} meta mark set meta mark . ${end(ip)} . iifgroup map @publish${n} goto pass`)),
      'goto refuse-policy',
    ]),
  ]
}

/** Before conntrack sees anything: who may send as whom. Only what passes carries the bit without which nothing is routed. */
function arrival(inventory: Inventory, led: Led): readonly string[] {
  const protocols6 = 'ip6 nexthdr { tcp, udp, sctp, ipv6-icmp }'
  const discovery = 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept'
  const chatter = `counter name "${housekeepingCounter}" drop`
  return [
    ...block('chain prerouting', undefined, [
      'type filter hook prerouting priority raw; policy drop;',
      `iifname . ip saddr @source4 ip daddr != 224.0.0.0/4 meta mark set ${route} ${leadsAnything(led) ? 'goto lead4' : 'accept'}`,
      `iifname . ip6 saddr @source6 ip6 daddr != ff00::/8 ${protocols6} meta mark set ${route} ${leadsAnything(led) ? 'goto lead6' : 'accept'}`,
      ...(inventory.uplink === undefined ? [] : [`iifname "${inventory.uplink.interface}" iifgroup ${uplinkGroup} goto outside`]),
      ...fromOutbound(inventory),
      'goto unmarked',
    ]),
    ...returning(inventory),
    ...answering(led),
    ...block('chain outside', 'from the uplink: the mark says which class the source is of', [
      discovery,
      `meta pkttype { broadcast, multicast } ${chatter}`,
      'ip saddr @bogon4 goto drop-spoof',
      'ip6 saddr @bogon6 goto drop-spoof',
      `meta nfproto ipv6 ip6 nexthdr != { tcp, udp, sctp, ipv6-icmp } goto drop-invalid`,
      `meta mark set ${route}`,
      'meta mark set ip saddr map @class4',
      'meta mark set ip6 saddr map @class6',
      'accept',
    ]),
    ...block('chain unmarked', 'from workloads: neighbour discovery, which is never routed, and refusals', [
      `icmpv6 type nd-neighbor-solicit add @asking { iifname ${curious} } ${chatter}`,
      discovery,
      `icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report, nd-router-solicit } ${chatter}`,
      `meta l4proto igmp ${chatter}`,
      'iifname . ip saddr @source4 goto drop-policy',
      'iifname . ip6 saddr @source6 ip6 daddr ff00::/8 goto drop-policy',
      'iifname . ip6 saddr @source6 goto drop-invalid',
      'goto drop-spoof',
    ]),
    ...(inventory.uplink === undefined ? [] : translation()),
  ]
}

/** Only where something is outside: every new connection pays for these chains. */
function translation(): readonly string[] {
  return [
    ...block('chain dstnat', 'the class of the client is part of the key: who may not come in is not translated', [
      'type nat hook prerouting priority dstnat; policy accept;',
      `iifgroup ${uplinkGroup} dnat ip to meta mark . ip daddr . meta l4proto . th dport map @translate4`,
      `iifgroup ${uplinkGroup} dnat ip6 to meta mark . ip6 daddr . meta l4proto . th dport map @translate6`,
    ]),
    ...block('chain srcnat', undefined, [
      'type nat hook postrouting priority srcnat; policy accept;',
      `oifgroup ${uplinkGroup} masquerade`,
    ]),
  ]
}
