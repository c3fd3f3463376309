/** The part of `bulkhead trace` that runs inside the router namespace: one JSON object a line on stdout, until stdin ends or it is told to stop. */
import { parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { readEnd, readTraffic } from '../analysis/ends.ts'
import { Fault, isFault, messageOf } from '../base/fault.ts'
import { decide } from '../intent/decide.ts'
import { phases } from '../model/platform.ts'
import { parseAddress } from '../net/address.ts'
import { policyNow } from '../host/policy-time.ts'
import { planTrace } from '../host/trace-plan.ts'
import { traceSetting, whileTracing, withProbe } from '../host/trace.ts'
import { arrivalChain, portPair, traceTableName } from '../host/trace-table.ts'
import { hostIndex } from '../observe/host-index.ts'
import { collector } from '../observe/trace-collect.ts'
import { parseTraceEvent } from '../observe/trace-events.ts'
import { traceReport } from '../observe/trace-report.ts'
import type { Reading } from '../analysis/ends.ts'
import type { TraceAsked, TracePlan } from '../host/trace-plan.ts'
import type { TraceSetting } from '../host/trace.ts'
import type { TraceTable } from '../host/trace-table.ts'
import type { ProbeResult } from '../verify/live/probe.ts'
import type { SeenPacket } from '../observe/trace-events.ts'
import type { PacketStory, TraceWords } from '../observe/trace-story.ts'
import type { TraceReport } from '../observe/trace-report.ts'

export type TraceLine = { readonly story: PacketStory; readonly request: boolean } | { readonly report: TraceReport } | { readonly fault: { readonly code: 'internal'; readonly message: string; readonly help?: string } }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string' }, mode: { type: 'string' }, live: { type: 'boolean' }, for: { type: 'string' },
    phase: { type: 'string' }, from: { type: 'string' }, ipv6: { type: 'boolean' },
  },
})

/** After this silence a packet has met all that it meets here. */
const quietMs = 150
/** A probe's packets are reported a moment after its answer. */
const settleMs = 400

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
// Whoever asked is gone: nobody reads the answer.
process.stdin.on('end', () => stop.abort()).on('error', () => stop.abort()).resume()
process.stdout.on('error', () => stop.abort())

function write(line: TraceLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function accepted<T>(reading: Reading<T>): T {
  if (reading.ok) return reading.value
  throw new Fault('usage', reading.message, reading.help === undefined ? {} : { help: reading.help })
}

function askedOf({ set }: TraceSetting): TraceAsked {
  const [source = '', destination = '', what = ''] = positionals
  const from = values.from === undefined ? undefined : parseAddress(values.from)
  if (values.from !== undefined && from === undefined) throw new Fault('usage', `\`${values.from}\` is not an address`)
  const ends = { source: accepted(readEnd(set.platform, source)), destination: accepted(readEnd(set.platform, destination)) }
  const outside = [ends.destination, ends.source].find((end) => end.kind === 'address')
  const family = outside?.kind === 'address' ? outside.address.family : (from?.family ?? (values.ipv6 === true ? 6 : 4))
  const phase = phases.find((p) => p === values.phase)
  return { ...ends, ...accepted(readTraffic(what)), phase, family, from, live: values.live === true }
}

async function trace(): Promise<void> {
  const setting = traceSetting(values.folder ?? '')
  const asked = askedOf(setting)
  const plan = planTrace(setting.set, setting.inventory, asked, values.mode !== 'host')
  const { platform, intent } = setting.set
  const decision = decide(platform, intent, asked, policyNow(values.folder ?? '', Date.now()))
  const told: PacketStory[] = []
  const isRequest = (story: PacketStory): boolean => plan.requests.has(story.interfaceIn ?? '') && (asked.port === undefined || story.destinationPort === asked.port)
  const tell = (stories: readonly PacketStory[]): void => {
    for (const story of stories) {
      // A probe sends more than one packet to say one thing: the first each way tells it all.
      if (plan.probe !== undefined && told.some((t) => isRequest(t) === isRequest(story))) continue
      told.push(story)
      write({ story, request: isRequest(story) })
    }
  }
  const result = await follow(setting, asked, plan, tell)
  write({ report: traceReport(told, isRequest, result?.outcome, decision) })
}

async function follow(setting: TraceSetting, asked: TraceAsked, plan: TracePlan, tell: (stories: readonly PacketStory[]) => void): Promise<ProbeResult | undefined> {
  const packets = collector(`inet ${traceTableName}`, arrivalChain, () => performance.now())
  const heard = (line: string): void => {
    const event = parseTraceEvent(line)
    if (event !== undefined) packets.add(event)
  }
  const host = hostIndex(setting.set.platform, setting.inventory, setting.ids)
  const take = async (table: TraceTable, quiet: number): Promise<void> => {
    const ids = await table.pathIds()
    const pathOf = (p: SeenPacket): number | undefined =>
      ids.get(portPair(p.sourcePort, p.destinationPort)) ?? ids.get(portPair(p.destinationPort, p.sourcePort)) ?? (asked.protocol === 'icmp' ? [...ids.values()].at(-1) : undefined)
    const words: TraceWords = { host, pathOf }
    tell(packets.take(words, quiet))
  }
  /** Until the last packet has met its end, or is known to be lost. */
  const takeRest = async (table: TraceTable, quiet: number): Promise<void> => {
    for (;;) {
      await take(table, quiet)
      if (packets.isEmpty()) return
      await sleep(quietMs)
    }
  }
  const { probe } = plan
  if (probe !== undefined) {
    return withProbe(probe, asked, setting.inventory, (send) =>
      whileTracing(plan, heard, async (table) => {
        const result = await send()
        await sleep(settleMs)
        await takeRest(table, 0)
        return result
      }))
  }
  return whileTracing(plan, heard, async (table) => {
    const end = performance.now() + Number(values.for ?? Infinity) * 1000
    while (!stop.signal.aborted && performance.now() < end) {
      await sleep(quietMs, undefined, { signal: stop.signal }).catch(() => undefined)
      await take(table, quietMs)
    }
    packets.close()
    await sleep(quietMs)
    await takeRest(table, quietMs)
    return undefined
  })
}

try {
  await trace()
} catch (error) {
  const known = isFault(error) ? { code: error.code as 'internal', message: error.message, ...(error.help === undefined ? {} : { help: error.help }) } : { code: 'internal' as const, message: messageOf(error) }
  write({ fault: known })
  process.exitCode = 1
}
process.stdin.destroy()
