/**
 * The outside of a sandbox: a namespace behind the uplink that plays every address which is not the platform's, so that
 * paths to Externals and published addresses can be tried without any real network.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { run } from '../base/process.ts'
import { uplinkGroup } from '../engines/nftables/inventory.ts'
import { formatPrefix } from '../net/prefix.ts'
import { toPrefixes } from '../net/address-set.ts'
import { formatAddress } from '../net/address.ts'
import { inNetns, ipBatch, ipBatchForce } from './ip.ts'
import { answering } from './gateways/needs.ts'
import { uplinkInterface } from './plan.ts'
import { routeTable } from './router.ts'
import type { Platform } from '../model/platform.ts'

export const outsideNetns = 'outside'

/** The link between router and outside; 198.18.0.0/15 is for benchmarks and never routed (RFC 2544). */
const link = { net4: '198.18.255.0/30', net6: 'fd00:198:18::/64', router4: '198.18.255.2', outside4: '198.18.255.1', router6: 'fd00:198:18::2', outside6: 'fd00:198:18::1' }

const platformTable = 51

const outsideSettings = [
  'net.ipv4.ping_group_range=0 2147483647',
  'net.ipv4.ip_unprivileged_port_start=0',
  'net.ipv4.icmp_ratelimit=0',
  'net.ipv6.icmp.ratelimit=0',
  // A client out there may come from any address.
  'net.ipv4.ip_nonlocal_bind=1',
  'net.ipv6.ip_nonlocal_bind=1',
  // A link-local address of the kernel's own making would be tried for two seconds, and no neighbour be asked for in the meantime.
  'net.ipv6.conf.eth0.addr_gen_mode=1',
]

export async function makeOutside(): Promise<void> {
  if (existsSync(`/proc/sys/net/ipv4/conf/${uplinkInterface}`)) {
    await ipBatch([`link set dev ${uplinkInterface} group ${uplinkGroup} up`])
    return
  }
  await ipBatchForce([`netns del ${outsideNetns}`])
  await ipBatch([`netns add ${outsideNetns}`, `link add name ${uplinkInterface} group ${uplinkGroup} type veth peer name eth0 netns ${outsideNetns}`])
  await run(inNetns(outsideNetns, ['sysctl', '-q', '-e', '-w', ...outsideSettings]))
  await ipBatch(
    [
      'link set lo up',
      `addr add ${link.outside4}/30 dev eth0`,
      `addr add ${link.outside6}/64 dev eth0 nodad`,
      'addr add fe80::1/64 dev eth0 nodad',
      'link set eth0 up',
      // Every address is here, but for those of the platform: their table is asked before the local one.
      // A next hop must not look local.
      `route add ${link.net4} dev eth0 table local`,
      `route add ${link.net6} dev eth0 table local`,
      'route add local 0.0.0.0/0 dev lo',
      'route add local ::/0 dev lo',
    ],
    outsideNetns,
  )
  for (const family of ['-4', '-6']) {
    for (const rule of [`add priority 10 lookup ${platformTable}`, 'add priority 100 lookup local', 'del priority 0']) {
      await run(inNetns(outsideNetns, ['ip', family, 'rule', ...rule.split(' ')]))
    }
  }
  if (existsSync('/proc/sys/net/ipv6')) writeFileSync(`/proc/sys/net/ipv6/conf/${uplinkInterface}/addr_gen_mode`, '1')
  await ipBatch([
    `addr replace ${link.router4}/30 dev ${uplinkInterface}`,
    `addr replace ${link.router6}/64 dev ${uplinkInterface} nodad`,
    // Neighbour discovery for a forwarded packet speaks from a link-local address, or not at all.
    `addr replace fe80::2/64 dev ${uplinkInterface} nodad`,
    `link set dev ${uplinkInterface} up`,
    `route replace default via ${link.outside4} dev ${uplinkInterface} onlink table ${routeTable}`,
    `route replace ::/0 via ${link.outside6} dev ${uplinkInterface} onlink table ${routeTable}`,
  ])
}

/** Tells the outside the way to published addresses, and to private ones too: an attacker would know it. */
export async function routeOutside(platform: Platform): Promise<void> {
  const published = answering(platform)
  const wanted = [
    ...published.map((a) => `${formatAddress(a)}/${a.family === 4 ? 32 : 128}`),
    ...toPrefixes(platform.addresses).map(formatPrefix),
  ]
  await ipBatch(
    [...new Set(wanted)].sort().map((to) => `route replace ${to} via ${to.includes(':') ? link.router6 : link.router4} dev eth0 onlink table ${platformTable}`),
    outsideNetns,
  )
}
