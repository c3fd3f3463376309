/**
 * Shadow namespaces: seats of the same identities as the workloads', for verification alone, so that no real workload is
 * asked anything. The table knows them always; their interfaces exist only while a verification runs.
 */
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../base/fault.ts'
import { identity } from '../engines/nftables/inventory.ts'
import { ipBatchForce } from './ip.ts'
import { makeSeat } from './place.ts'
import { mac } from './plan.ts'
import type { Attachment, Inventory } from '../engines/nftables/inventory.ts'
import type { Seat } from './place.ts'
import type { Shadow } from '../verify/live/plan.ts'

export interface ShadowSeat extends Shadow {
  readonly seat: Seat
}

export function shadowSeats(inventory: Inventory): readonly ShadowSeat[] {
  return inventory.attachments.filter((a) => a.probe).map((a) => shadowSeat(a, inventory))
}

function shadowSeat(a: Attachment, inventory: Inventory): ShadowSeat {
  const label = identity(a.workload, a.phase)
  const group = inventory.groups.get(label) ?? 0
  const seat = { interface: a.interface, netns: a.interface, group, ipv4: a.ipv4, ipv6: a.ipv6, routerMac: mac(2, group), mac: mac(3, group) }
  return { workload: a.workload, phase: a.phase, label, ipv4: a.ipv4, ipv6: a.ipv6, seat }
}

/** One at a time: a name in the router namespace, which the kernel takes back when its holder ends. */
const seatName = '\0bulkhead-shadows'
const waitMs = 120_000

/** Makes the shadows for as long as `work` takes; another verification or trace waits for its turn. */
export async function withShadows<T>(shadows: readonly ShadowSeat[], work: () => Promise<T>): Promise<T> {
  const release = await takeTurn()
  try {
    await dropShadows(shadows)
    await makeShadows(shadows)
    return await work()
  } finally {
    await dropShadows(shadows)
    release()
  }
}

async function takeTurn(): Promise<() => void> {
  const end = Date.now() + waitMs
  for (;;) {
    const server = createServer()
    const { promise, resolve } = Promise.withResolvers<boolean>()
    server.once('error', () => resolve(false))
    server.listen(seatName, () => resolve(true))
    if (await promise) return () => void server.close()
    if (Date.now() > end) throw new Fault('already-running', 'another verification or trace has not ended', { help: 'try again later' })
    await sleep(100)
  }
}

const atOnce = 4

async function makeShadows(shadows: readonly ShadowSeat[]): Promise<void> {
  const left = [...shadows]
  const worker = async (): Promise<void> => {
    for (let s = left.pop(); s !== undefined; s = left.pop()) await makeSeat(s.seat, { ownNetns: true })
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

async function dropShadows(shadows: readonly ShadowSeat[]): Promise<void> {
  await ipBatchForce(shadows.flatMap(({ seat }) => [`link del dev ${seat.interface}`, `netns del ${seat.netns}`]))
}
