/**
 * The router namespace, in which the agent runs: it forwards only what the table has marked, so that a missing table is a
 * closed door. Everything here is idempotent and is checked by reading back.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Fault } from '../base/fault.ts'
import { run } from '../base/process.ts'
import { sinkGroup } from '../engines/nftables/inventory.ts'
import { routeBit } from '../engines/nftables/marks.ts'
import { ipBatch, ipJson } from './ip.ts'
import { leadRule } from './lead.ts'

/** Routes to workloads and outside; reached by marked packets only. */
export const routeTable = 100
export const sinkInterface = 'bhs0'
const sinkMetric = 65_535

const mask = `0x${routeBit.toString(16)}/0x${routeBit.toString(16)}`

/** Order matters: forwarding comes last, when everything that restrains it is there. */
const sysctls: readonly (readonly [string, string])[] = [
  // Anti-spoofing is by (interface, address) in the table, for both families; a reverse-path check would read table main.
  ['net/ipv4/conf/all/rp_filter', '0'],
  ['net/ipv4/conf/default/rp_filter', '0'],
  ['net/ipv4/conf/all/accept_redirects', '0'],
  ['net/ipv4/conf/default/accept_redirects', '0'],
  ['net/ipv4/conf/all/send_redirects', '0'],
  ['net/ipv4/conf/default/send_redirects', '0'],
  ['net/ipv4/conf/all/accept_source_route', '0'],
  ['net/ipv4/conf/default/accept_source_route', '0'],
  ['net/ipv4/conf/all/route_localnet', '0'],
  ['net/ipv4/conf/default/route_localnet', '0'],
  ['net/ipv4/conf/all/arp_ignore', '1'],
  ['net/ipv4/conf/all/proxy_arp', '0'],
  // A refusal must always be told: silence turns it into a time-out.
  ['net/ipv4/icmp_ratelimit', '0'],
  ['net/ipv6/icmp/ratelimit', '0'],
  // A closed connection is no connection: its entry stays for a late packet, not for the minutes in which who opens and closes
  // many of them would fill the table for all.
  ['net/netfilter/nf_conntrack_tcp_timeout_time_wait', '3'],
  ['net/netfilter/nf_conntrack_tcp_timeout_close', '2'],
  // Parts of packets wait here for the rest, whoever sent them: briefly, and with room for several who send nothing else.
  ['net/ipv4/ipfrag_time', '1'],
  ['net/ipv4/ipfrag_high_thresh', '134217728'],
  ['net/netfilter/nf_conntrack_frag6_timeout', '1'],
  ['net/netfilter/nf_conntrack_frag6_high_thresh', '134217728'],
  // Nobody resumes a connection that was cut.
  ['net/netfilter/nf_conntrack_tcp_loose', '0'],
  ['net/ipv6/conf/all/accept_ra', '0'],
  ['net/ipv6/conf/default/accept_ra', '0'],
  ['net/ipv6/conf/all/accept_redirects', '0'],
  ['net/ipv6/conf/default/accept_redirects', '0'],
  ['net/ipv6/conf/all/accept_source_route', '0'],
  ['net/ipv6/conf/default/accept_source_route', '0'],
  // No addresses of the kernel's own making.
  ['net/ipv6/conf/default/addr_gen_mode', '1'],
  ['net/ipv4/ip_forward', '1'],
  ['net/ipv6/conf/all/forwarding', '1'],
]

/** Everything that holds before any table: prohibit rules first, forwarding last. */
export async function prepareRouter(): Promise<void> {
  await setRules()
  await setSink()
  setSysctls()
}

/** Sets what is not yet so, and reads it back: some kernels accept a write and keep the old value. */
function setSysctls(): void {
  for (const [key, value] of sysctls) {
    const path = `/proc/sys/${key}`
    if (!existsSync(path)) {
      if (/ipv6|frag6/.test(key)) continue // A kernel without IPv6 has nothing to restrain.
      throw new Fault('unsupported-system', `the kernel has no \`${key}\``)
    }
    if (readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value)
    const now = readFileSync(path, 'utf8').trim()
    if (now !== value) throw new Fault('network-failed', `\`${key}\` is \`${now}\` and did not become \`${value}\``)
  }
}

/** True when every setting is as wanted. */
export function sysctlsHold(): boolean {
  return sysctls.every(([key, value]) => !existsSync(`/proc/sys/${key}`) || readFileSync(`/proc/sys/${key}`, 'utf8').trim() === value)
}

const wantedRules = [
  { priority: 100, args: `fwmark ${mask} lookup ${routeTable}` },
  // What the router itself sends (refusals, errors) finds its way back.
  { priority: 101, args: `iif lo lookup ${routeTable}` },
  { priority: 102, args: 'prohibit' },
]

/** True when the first rules of both families are ours, with the one that leads to the outbound gateway when there is to be one. */
export async function rulesHold(led: boolean | 'perhaps'): Promise<boolean> {
  for (const rules of await Promise.all(['-4', '-6'].map((family) => ipJson([family, 'rule', 'show'])))) {
    const texts = rules
      .filter((r) => Number(r['priority']) > 0)
      .map((r) => `${String(r['priority'])} ${String(r['fwmark'] ?? r['iif'] ?? r['action'] ?? '')} ${String(r['table'] ?? '')}`.trim())
    const leads = texts[0] === leadRule
    if (led !== 'perhaps' && leads !== led) return false
    if (texts.slice(leads ? 1 : 0, leads ? 4 : 3).join('; ') !== `100 0x${routeBit.toString(16)} ${routeTable}; 101 lo ${routeTable}; 102 prohibit`) return false
  }
  return true
}

/** Routing rules of both families; strangers between them are removed, since this namespace is ours alone. */
async function setRules(): Promise<void> {
  // An agent before us may have led connections to a gateway that still carries them.
  if (await rulesHold('perhaps')) return
  await Promise.all(
    ['-4', '-6'].map(async (family) => {
      // Closed while it is being mended: a prohibit rule in front of all others; it may still stand since an earlier attempt.
      await run(['ip', family, 'rule', 'add', 'priority', '1', 'prohibit'])
      const there = (await ipJson([family, 'rule', 'show'])).map((r) => Number(r['priority']))
      const lines = [
        ...there.filter((priority) => priority > 1 && priority < 32_766).map((priority) => `rule del priority ${priority}`),
        ...wantedRules.map((rule) => `rule add priority ${rule.priority} ${rule.args}`),
        ...there.filter((priority) => priority === 1).map(() => 'rule del priority 1'),
      ]
      const { code, stderr } = await run(['ip', family, '-batch', '-'], { input: `${lines.join('\n')}\n` })
      if (code !== 0) throw new Fault('network-failed', `the routing rules were not taken: ${stderr.trim()}`)
    }),
  )
}

/** A device that swallows: packets that have no other route reach the table there and are refused and seen, not lost. */
async function setSink(): Promise<void> {
  const there = existsSync(`/proc/sys/net/ipv4/conf/${sinkInterface}`)
  await ipBatch([
    ...(there ? [] : [`link add name ${sinkInterface} group ${sinkGroup} type veth peer name ${sinkInterface}x`]),
    'link set lo up',
    `link set dev ${sinkInterface} group ${sinkGroup} arp off up`,
    `link set dev ${sinkInterface}x group ${sinkGroup} arp off up`,
    // Behind an uplink's, which has a better metric.
    `route replace default dev ${sinkInterface} metric ${sinkMetric} table ${routeTable}`,
    ...(existsSync('/proc/sys/net/ipv6') ? [`route replace ::/0 dev ${sinkInterface} metric ${sinkMetric} table ${routeTable}`] : []),
  ])
}
