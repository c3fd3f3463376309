/**
 * Follows packets through the router of a running instance: its documents and numbers are read from disk, as live
 * verification does, so no agent is needed or asked.
 */
import { Fault } from '../base/fault.ts'
import { formatAddress } from '../net/address.ts'
import { outsideLabel } from '../verify/live/probe.ts'
import { checkDocuments } from './documents.ts'
import { ipBatch } from './ip.ts'
import { loadApplied, loadIds, loadInventory } from './memory.ts'
import { outsideNetns } from './outside.ts'
import { insideInterface } from './place.ts'
import { runProbes } from './probers.ts'
import { shadowSeats, withShadows } from './shadows.ts'
import { monitorTraces } from './trace-monitor.ts'
import { openTraceTable } from './trace-table.ts'
import type { IdTable } from '../engines/nftables/ids.ts'
import type { Inventory } from '../engines/nftables/inventory.ts'
import type { ProbeResult, ProberTask } from '../verify/live/probe.ts'
import type { CheckedSet } from './documents.ts'
import type { ShadowSeat } from './shadows.ts'
import type { TraceAsked, TracePlan, TraceProbe } from './trace-plan.ts'
import type { TraceTable } from './trace-table.ts'

export interface TraceSetting {
  readonly set: CheckedSet
  readonly inventory: Inventory
  readonly ids: IdTable
}

/** What is in force, from the state folder. */
export function traceSetting(folder: string): TraceSetting {
  const applied = loadApplied(folder)
  const inventory = loadInventory(folder)
  if (applied === undefined || inventory === undefined) throw new Fault('not-running', 'no documents are in force', { help: 'run `bulkhead up DIR` first' })
  // As it was judged then: a set in force does not fall because a date in it has passed.
  const { set } = checkDocuments(applied, Date.parse(applied.at))
  if (set === undefined) throw new Fault('invalid-set', 'the documents in force no longer load', { help: 'run `bulkhead check` on them' })
  return { set, inventory, ids: loadIds(folder) }
}

/** Listens, then watches, then does `work`; whatever happens, nothing is watched afterwards. */
export async function whileTracing<T>(plan: TracePlan, heard: (line: string) => void, work: (table: TraceTable) => Promise<T>): Promise<T> {
  const monitor = await monitorTraces(heard)
  try {
    const table = await openTraceTable(plan.watched)
    try {
      return await work(table)
    } finally {
      await table.close()
    }
  } finally {
    monitor.close()
  }
}

const timeoutMs = 800

/** Makes the shadows of both ends for as long as `work` takes; `send` tries once and says what came of it. */
export function withProbe<T>(probe: TraceProbe, asked: TraceAsked, inventory: Inventory, work: (send: () => Promise<ProbeResult | undefined>) => Promise<T>): Promise<T> {
  const seats = shadowSeats(inventory).filter((s) => s.label === probe.source || s.label === probe.destination)
  const netnsOf = (label: string): string => (label === outsideLabel ? outsideNetns : (seats.find((s) => s.label === label)?.seat.netns ?? ''))
  return withShadows(seats, async () => {
    const sender = seats.find((s) => s.label === probe.source)
    if (probe.from !== undefined && sender !== undefined) await addAddress(sender, formatAddress(probe.from))
    return work(() => send(probe, asked, netnsOf))
  })
}

/** A forger's address is one that its own machine has. */
function addAddress({ seat }: ShadowSeat, address: string): Promise<void> {
  return ipBatch([`addr replace ${address}/${address.includes(':') ? '128 dev' : '32 dev'} ${insideInterface}${address.includes(':') ? ' nodad' : ''}`], seat.netns)
}

async function send(probe: TraceProbe, asked: TraceAsked, netnsOf: (label: string) => string): Promise<ProbeResult | undefined> {
  const { protocol, port = 0 } = asked
  const to = { family: probe.address.family, address: formatAddress(probe.address) }
  const from = probe.from === undefined ? {} : { localAddress: formatAddress(probe.from) }
  if (protocol === 'icmp') return (await runProbes(new Map(), new Map([[probe.source, [{ id: 0, protocol, port: 0, ...to, ...from }]]]), netnsOf)).get(0)
  if (protocol === 'sctp') return undefined
  const heard = { tcp: [port], udp: [port], udpAt: [to.address] }
  const nothing = { tcp: [], udp: [] }
  const attempt = { id: 0, protocol, port, ...to, ...from, expectLabel: probe.destination ?? outsideLabel }
  const task = (label: string, more: Partial<ProberTask>): readonly [string, ProberTask] => [label, { label, listen: nothing, probes: [], timeoutMs, ...more }]
  const tasks = new Map([
    ...(probe.destination === undefined ? [] : [task(probe.destination, { listen: heard })]),
    task(probe.source, { probes: [attempt] }),
  ])
  return (await runProbes(tasks, new Map(), netnsOf)).get(0)
}
