/**
 * Parts of packets. The kernel puts them together before the table sees the whole, by addresses and a number and never by
 * interface: whose a part is has to be asked before, or anybody could put one into the packet of another.
 */
import { block, families } from './block.ts'
import { uplinkGroup } from './inventory.ts'

/**
 * Parts that one interface may send: they wait in a memory that all share (src/host/router.ts gives it room for five that send
 * as many as they may and complete none).
 */
const crumbs = 'limit rate over 5000/second burst 5000 packets'

/** In IPv6 other headers may stand before the one that says so; most packets have none. */
const part = { ip: 'ip frag-off & 0x3fff != 0', ip6: 'ip6 nexthdr != { tcp, udp, sctp, ipv6-icmp } exthdr frag exists' } as const

export function fragmentChains(): readonly string[] {
  return [
    ...block('set crumbling', 'interfaces that send more parts of packets than may wait', ['typeof iifname', 'size 65535', 'flags dynamic']),
    ...block('chain fragment', undefined, [
      `add @crumbling { iifname ${crumbs} } goto drop-limit`,
      ...families.map(({ n, ip }) => `iifname . ${ip} saddr @source${n} accept`),
      ...families.map(({ n, ip }) => `iifgroup ${uplinkGroup} ${ip} saddr != @bogon${n} accept`),
      'goto drop-spoof',
    ]),
    ...block('chain fragments', 'before parts are put together: who may send as whom', [
      'type filter hook prerouting priority -450; policy accept;',
      ...families.map(({ ip }) => `${part[ip]} goto fragment`),
    ]),
  ]
}
