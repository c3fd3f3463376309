/**
 * The table inside a gateway's own namespace (pure). What is led to the outbound gateway still has the address it was meant
 * for: here it is turned to the port on which Envoy waits, and conntrack remembers where it was going.
 */
import { meshPort, namesDoors, namesPort } from '../../engines/envoy/inventory.ts'
import { toPrefixes } from '../../net/address-set.ts'
import { formatAddress } from '../../net/address.ts'
import { formatPrefix } from '../../net/prefix.ts'
import { insideInterface } from '../place.ts'
import type { AddressSet } from '../../net/address-set.ts'
import type { GatewaySeat } from './places.ts'

const gatewayTable = 'inet bulkhead-gateway'

/** Replaces the table as a whole. Only what was led here, or answers what was asked from here, comes in. */
export function gatewayRules(seat: GatewaySeat, addresses: AddressSet): string {
  const body = seat.name === 'outbound' ? led(seat, addresses) : [
    'chain input {',
    '  type filter hook input priority filter; policy drop;',
    `  iifname "${insideInterface}" meta l4proto tcp accept`,
    ...(seat.name === 'resolver' ? ['  meta l4proto udp udp dport 53 accept', '  ct state established,related accept'] : ['  ct state established,related accept']),
    ...always,
    '}',
  ]
  return [`add table ${gatewayTable}`, `delete table ${gatewayTable}`, `table ${gatewayTable} {`, ...body.map((line) => `  ${line}`), '}', ''].join('\n')
}

const always = ['  iifname "lo" accept', '  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept']

/** Which door for names, by the source's address; what the last bits say is no secret and no matter of policy. */
const nameDoor = {
  4: `ip saddr & 0.0.0.${namesDoors - 1} map { ${doors((i) => `0.0.0.${i}`)} }`,
  6: `ip6 saddr & ::${(namesDoors - 1).toString(16)} map { ${doors((i) => `::${i.toString(16)}`)} }`,
} as const

function doors(address: (i: number) => string): string {
  return Array.from({ length: namesDoors }, (_, i) => `${address(i)} : ${namesPort + i}`).join(', ')
}

function led(seat: GatewaySeat, addresses: AddressSet): readonly string[] {
  const own = { 4: formatAddress(seat.ipv4), 6: formatAddress(seat.ipv6) } as const
  const rules = ([4, 6] as const).flatMap((family) => {
    const ip = family === 4 ? 'ip' : 'ip6'
    const inside = toPrefixes(addresses.filter((range) => range.family === family)).map(formatPrefix)
    const from = `iifname "${insideInterface}" meta l4proto tcp ${ip} daddr`
    return [
      // Nobody speaks to the gateway itself.
      `  ${from} ${own[family]} return`,
      ...(inside.length > 0 ? [`  ${from} { ${inside.join(', ')} } redirect to :${meshPort}`] : []),
      `  iifname "${insideInterface}" meta nfproto ipv${family} meta l4proto tcp redirect to :${nameDoor[family]}`,
    ]
  })
  return [
    'chain prerouting {', '  type nat hook prerouting priority dstnat; policy accept;', ...rules, '}',
    'chain input {', '  type filter hook input priority filter; policy drop;', '  ct status dnat accept', '  ct state established,related accept', ...always, '}',
  ]
}
