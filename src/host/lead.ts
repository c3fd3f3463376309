/**
 * The way to the outbound gateway for packets that the table has marked as led there: they keep the address that they were
 * sent to, and another routing table gives them another next hop.
 */
import { existsSync } from 'node:fs'
import { run, runOrFault } from '../base/process.ts'
import { leadBit } from '../engines/nftables/marks.ts'
import { formatAddress } from '../net/address.ts'
import { ipBatch, ipJson } from './ip.ts'
import type { AddressPair } from '../net/address.ts'

const leadTable = 101
const leadPriority = 99

const mask = `0x${leadBit.toString(16)}/0x${leadBit.toString(16)}`

/** How `rulesHold` sees the rule: priority, mark, table. */
export const leadRule = `${leadPriority} 0x${leadBit.toString(16)} ${leadTable}`

/**
 * The route before the rule that leads to it; without a gateway neither. A packet that is led while the rule is missing goes
 * where it was meant to go, which is closed to it by the table.
 */
export async function setLead(gateway: (AddressPair & { readonly interface: string }) | undefined): Promise<void> {
  for (const family of existsSync('/proc/sys/net/ipv6') ? ['-4', '-6'] : ['-4']) {
    const there = (await ipJson([family, 'rule', 'show'])).some((r) => Number(r['priority']) === leadPriority)
    if (gateway === undefined) {
      if (there) await run(['ip', family, 'rule', 'del', 'priority', String(leadPriority)])
      continue
    }
    const via = formatAddress(family === '-4' ? gateway.ipv4 : gateway.ipv6)
    await ipBatch([`route replace ${family === '-4' ? 'default' : '::/0'} via ${via} dev ${gateway.interface} onlink table ${leadTable}`])
    if (!there) await runOrFault(['ip', family, 'rule', 'add', 'priority', String(leadPriority), 'fwmark', mask, 'lookup', String(leadTable)])
  }
}

/** True when what is led has its next hop, in both families. */
export async function leadHolds(gateway: { readonly interface: string } | undefined): Promise<boolean> {
  if (gateway === undefined) return true
  const families = existsSync('/proc/sys/net/ipv6') ? ['-4', '-6'] : ['-4']
  // A table that has never had a route is an error to `ip`.
  const tables = await Promise.all(families.map((family) => ipJson([family, 'route', 'show', 'table', String(leadTable)]).catch(() => [])))
  return tables.every((routes) => routes.some((r) => r['dst'] === 'default' && r['dev'] === gateway.interface))
}
