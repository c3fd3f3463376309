/**
 * The way out of a machine: a pair between the router and the machine's own namespace, and one table there that masquerades
 * what comes from it. Nothing that was there before is changed: whether the machine forwards at all is its administrator's say.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Fault } from '../base/fault.ts'
import { run } from '../base/process.ts'
import { uplinkGroup } from '../engines/nftables/inventory.ts'
import { formatAddress } from '../net/address.ts'
import { inNetns, ipBatch, ipBatchForce, ipJson } from './ip.ts'
import { answering } from './gateways/needs.ts'
import { uplinkInterface } from './plan.ts'
import { routeTable } from './router.ts'
import type { Platform } from '../model/platform.ts'

/** The machine's end of an instance's pair: at most 15 characters. */
function hostInterface(name: string): string {
  return `bhu-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
}

function tableOf(name: string): string {
  return `bulkhead-uplink-${name}`
}

/** A link network of 198.18.0.0/15 (RFC 2544) and of a private IPv6 range that no interface of the machine uses. */
interface LinkNetwork {
  readonly host4: string
  readonly router4: string
  readonly host6: string
  readonly router6: string
}

function linkNetwork(index: number): LinkNetwork {
  const base = index * 4
  const at = (n: number): string => `198.${18 + ((base + n) >> 16)}.${((base + n) >> 8) & 255}.${(base + n) & 255}`
  const six = `fd00:198:18:${index.toString(16)}`
  return { host4: at(1), router4: at(2), host6: `${six}::1`, router6: `${six}::2` }
}

/** Runs in the machine's own namespace. Idempotent. */
export async function makeUplink(name: string, router: string): Promise<void> {
  const here = hostInterface(name)
  const links = await ipJson(['address', 'show'])
  const known = links.some((l) => l['ifname'] === here) ? await networkOf(here) : undefined
  if (known === undefined || !(await isComplete(router, known))) {
    // One that was interrupted half-way is made anew.
    await ipBatchForce([`link del dev ${here}`])
    const used = new Set(links.flatMap((l) => ((l['addr_info'] ?? []) as { local?: string }[]).map((a) => a.local)))
    const network = Array.from({ length: 1 << 14 }, (_, i) => linkNetwork(i)).find((n) => !used.has(n.host4) && !used.has(n.host6))
    if (network === undefined) throw new Fault('addresses-exhausted', 'no network is left for another uplink on this machine')
    const ipv6 = existsSync('/proc/sys/net/ipv6')
    await ipBatch([
      `link add name ${here} type veth peer name ${uplinkInterface} netns ${router}`,
      `addr add ${network.host4}/30 dev ${here}`,
    ])
    // Neighbour discovery for a forwarded packet speaks from a link-local address, which must not wait to be tried.
    if (ipv6) writeFileSync(`/proc/sys/net/ipv6/conf/${here}/addr_gen_mode`, '1')
    await run(inNetns(router, ['sysctl', '-q', '-e', '-w', `net.ipv6.conf.${uplinkInterface}.addr_gen_mode=1`]))
    await ipBatch([
      ...(ipv6 ? [`addr add ${network.host6}/64 dev ${here} nodad`, `addr add fe80::1/64 dev ${here} nodad`] : []),
      `link set dev ${here} up`,
    ])
    await ipBatch(
      [
        `link set dev ${uplinkInterface} group ${uplinkGroup}`,
        `addr add ${network.router4}/30 dev ${uplinkInterface}`,
        ...(ipv6 ? [`addr add ${network.router6}/64 dev ${uplinkInterface} nodad`, `addr add fe80::2/64 dev ${uplinkInterface} nodad`] : []),
        `link set dev ${uplinkInterface} up`,
        ...(ipv6 ? [`route replace ::/0 via ${network.host6} dev ${uplinkInterface} onlink table ${routeTable}`] : []),
        `route replace default via ${network.host4} dev ${uplinkInterface} onlink table ${routeTable}`,
      ],
      router,
    )
  }
  const table = `table inet ${tableOf(name)}`
  const rules = `add ${table}\ndelete ${table}\n${table} {\n  chain postrouting {\n    type nat hook postrouting priority srcnat; policy accept;\n    iifname "${here}" oifname != "${here}" masquerade\n  }\n}\n`
  const { code, stderr } = await run(['nft', '-f', '-'], { input: rules })
  if (code !== 0) throw new Fault('nft-failed', `the table of the uplink was not taken: ${stderr.trim()}`)
}

/** The way out is the last thing that is set. */
async function isComplete(router: string, network: LinkNetwork): Promise<boolean> {
  const routes = await ipJson(['-4', 'route', 'show', 'table', String(routeTable)], router).catch(() => [])
  return routes.some((r) => r['dst'] === 'default' && r['gateway'] === network.host4)
}

/** The machine learns the way to published addresses, on our own interface; others are forgotten. */
export async function routePublished(name: string, platform: Platform): Promise<void> {
  const here = hostInterface(name)
  const network = await networkOf(here)
  const wanted = answering(platform)
    .map((a) => ({ to: `${formatAddress(a)}/${a.family === 4 ? 32 : 128}`, via: a.family === 4 ? network?.router4 : network?.router6 }))
  const routes = [...(await ipJson(['-4', 'route', 'show', 'dev', here])), ...(await ipJson(['-6', 'route', 'show', 'dev', here]))]
  const stale = routes.filter((r) => r['gateway'] !== undefined && !wanted.some((w) => w.to.startsWith(`${String(r['dst'])}/`)))
  await ipBatchForce(stale.map((r) => `route del ${String(r['dst'])} dev ${here}`))
  await ipBatch(wanted.flatMap(({ to, via }) => (via === undefined ? [] : [`route replace ${to} via ${via} dev ${here}`])))
}

async function networkOf(here: string): Promise<LinkNetwork | undefined> {
  const [link] = await ipJson(['address', 'show', 'dev', here])
  const local = ((link?.['addr_info'] ?? []) as { family: string; local: string }[]).find((a) => a.family === 'inet')?.local
  if (local === undefined) return undefined
  const [, b = 18, c = 0, d = 0] = local.split('.').map(Number)
  return linkNetwork(((((b - 18) << 16) | (c << 8) | d) - 1) / 4)
}

/** Why paths to and from outside do not work although they are open here; empty when they should. */
export function uplinkProblems(): readonly string[] {
  const off = [
    ['IPv4', '/proc/sys/net/ipv4/ip_forward', 'net.ipv4.ip_forward'],
    ['IPv6', '/proc/sys/net/ipv6/conf/all/forwarding', 'net.ipv6.conf.all.forwarding'],
  ] as const
  return off.flatMap(([family, path, key]) =>
    existsSync(path) && readFileSync(path, 'utf8').trim() === '0'
      ? [`this machine does not forward ${family}: paths to and from outside stay closed until its administrator sets \`${key}=1\``]
      : [],
  )
}

export async function removeUplink(name: string): Promise<void> {
  await run(['nft', 'delete', 'table', 'inet', tableOf(name)])
  await ipBatchForce([`link del dev ${hostInterface(name)}`])
}
