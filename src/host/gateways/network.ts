/** Makes, adopts and removes the networks of gateways and resolver, and the way by which connections are led to the outbound one. */
import { existsSync } from 'node:fs'
import { Fault, messageOf } from '../../base/fault.ts'
import { run } from '../../base/process.ts'
import { gatewayInterfaces } from '../../engines/nftables/inventory.ts'
import { inNetns, ipBatch, netnsPath } from '../ip.ts'
import { setLead } from '../lead.ts'
import { dropSeat, makeSeat, routerLines } from '../place.ts'
import { gatewayRules } from './own-table.ts'
import { gatewayNetns, gatewaySeats } from './places.ts'
import type { InForce } from '../enforce.ts'
import type { FailedPlace } from '../report.ts'
import type { Setting } from '../setting.ts'
import type { GatewaySeat } from './places.ts'

type Links = ReadonlyMap<string, Readonly<Record<string, unknown>>>

const names = ['outbound', 'inbound', 'resolver'] as const

/** `interrupt` ends what runs in a seat that is made anew. One that fails is taken back: its paths stay closed. */
export async function enforceGatewayNetworks(next: InForce, setting: Setting, links: Links, interrupt: (netns: string) => Promise<void>): Promise<readonly FailedPlace[]> {
  const seats = gatewaySeats(next.plan.inventory.gateways, setting.prefix)
  for (const name of names) {
    if (seats.some((s) => s.name === name)) continue
    const seat = { interface: gatewayInterfaces[name], netns: gatewayNetns(setting.prefix, name) }
    if (!links.has(seat.interface) && !existsSync(netnsPath(seat.netns))) continue
    await interrupt(seat.netns)
    await dropSeat(seat, { ownNetns: true })
  }
  const failed = await Promise.all(seats.map(async (seat): Promise<readonly FailedPlace[]> => {
    try {
      await makeOne(seat, next, links, interrupt)
      return []
    } catch (error) {
      await dropSeat(seat, { ownNetns: true })
      return [{ place: seat.netns.slice(setting.prefix.length), reason: messageOf(error) }]
    }
  }))
  const outbound = seats.find((s) => s.name === 'outbound')
  if (outbound !== undefined || links.has(gatewayInterfaces.outbound)) await setLead(failed.flat().some((f) => f.place === 'gateway-out') ? undefined : outbound)
  return failed.flat()
}

async function makeOne(seat: GatewaySeat, next: InForce, links: Links, interrupt: (netns: string) => Promise<void>): Promise<void> {
  const link = links.get(seat.interface)
  if (link?.['address'] === seat.routerMac && existsSync(netnsPath(seat.netns))) await ipBatch(routerLines(seat, existsSync('/proc/sys/net/ipv6')))
  else {
    await interrupt(seat.netns)
    await makeSeat(seat, { ownNetns: true })
  }
  const { code, stderr } = await run(inNetns(seat.netns, ['nft', '-f', '-']), { input: gatewayRules(seat, next.set.platform.addresses) })
  if (code !== 0) throw new Fault('nft-failed', `the table of \`${seat.netns}\` was not taken: ${stderr.trim()}`)
}
