/**
 * Live verification of an instance, run inside the router namespace. It needs no agent and believes none: it reads the
 * documents, the kernel and the interfaces, and then tries.
 */
import { randomInt } from 'node:crypto'
import { Fault } from '../base/fault.ts'
import { formatAddress } from '../net/address.ts'
import { lower } from '../engines/nftables/lower.ts'
import { judgeGateways } from '../verify/live/gateway-judge.ts'
import { planGateways } from '../verify/live/gateway-plan.ts'
import { judge } from '../verify/live/judge.ts'
import { outsideLabel, planLive } from '../verify/live/plan.ts'
import { checkDocuments } from './documents.ts'
import { doorFor, outboundLabel, peersFor } from './doors.ts'
import { gatewayNetns } from './gateways/places.ts'
import { standingGateways } from './gateways/needs.ts'
import { readGateways } from './gateways/reading.ts'
import { ipJson } from './ip.ts'
import { loadApplied, loadIds, loadInventory, loadSlots } from './memory.ts'
import { outsideNetns } from './outside.ts'
import { gatewayV4, insideInterface, foreignInterfaces } from './place.ts'
import { planHost } from './plan.ts'
import { policyNow } from './policy-time.ts'
import { fingerprint, liveRuleset } from './ruleset-state.ts'
import { runProbes } from './probers.ts'
import { shadowSeats, withShadows } from './shadows.ts'
import { thisHost } from './this-host.ts'
import { topologyDeviations } from './topology.ts'
import { readTable } from './table-reading.ts'
import type { Deviation } from './topology.ts'
import type { GatewayReading } from './gateways/reading.ts'
import type { Place } from './plan.ts'
import type { TableReading } from './table-reading.ts'
import type { GatewayPlanOptions } from '../verify/live/gateway-plan.ts'
import type { GatewayTask, ProberTask } from '../verify/live/probe.ts'
import type { GatewayVerdict } from '../verify/live/gateway-judge.ts'
import type { Inventory } from '../engines/nftables/inventory.ts'
import type { Mismatch } from '../verify/live/judge.ts'
import type { Expectation } from '../verify/live/plan.ts'

export interface Evidence {
  readonly kind: 'live-verification'
  /** ISO 8601; `ended` when the last probe had its answer. */
  readonly began: string
  readonly ended: string
  readonly documents: { readonly directory: string; readonly sha256: string }
  /** SHA-256 of what decides in the live table; `null` when there is none. */
  readonly table: string | null
  readonly identities: number
  /** Ordered pairs of identities: how many were tried of how many there are; the seed chooses the same ones again. What was not tried was read back. */
  readonly pairs: { readonly tried: number; readonly of: number; readonly seed: string }
  readonly probes: number
  readonly allowed: number
  readonly denied: number
  readonly mismatches: readonly Mismatch[]
  /** Interfaces, groups, addresses, routes and settings that are not as planned. */
  readonly deviations: readonly Deviation[]
  /** The live table read back and compared with the documents. */
  readonly reading: TableReading
  /** What the gateways go by, read back and compared with the documents. */
  readonly gateways: readonly GatewayReading[]
  /** What came of trying gateways and resolver. */
  readonly trials: GatewayVerdict
  readonly matrix: readonly MatrixCell[]
}

/** What was found open between two identities. */
export interface MatrixCell {
  readonly from: string
  readonly to: string
  readonly open: readonly string[]
}

export interface VerifyOptions {
  readonly folder: string
  readonly mode: 'sandbox' | 'host'
  readonly prefix: string
  readonly now: number
  /** Tries every pair of identities, however many there are. */
  readonly allPairs: boolean
  /** Of an earlier verification, to try the same pairs. */
  readonly seed: string | undefined
  readonly progress: (text: string) => void
}

const timeoutMs = 800

export async function verifyInstance(options: VerifyOptions): Promise<Evidence> {
  const { folder, now } = options
  const began = new Date().toISOString()
  const applied = loadApplied(folder)
  const inventory = loadInventory(folder)
  if (applied === undefined || inventory === undefined) throw new Fault('not-running', 'no documents are in force', { help: 'run `bulkhead up DIR` first' })
  const { set } = checkDocuments(applied, Date.parse(applied.at))
  if (set === undefined) throw new Fault('invalid-set', 'the documents in force no longer load', { help: 'run `bulkhead check` on them' })
  const ids = loadIds(folder)
  const plan = planHost(set.platform, set.intent, ids.groups, loadSlots(folder), {
    prefix: options.prefix, uplink: inventory.uplink !== undefined, name: thisHost(folder), gateways: standingGateways(inventory), upstream: inventory.gateways?.resolver?.upstream ?? [],
  })
  options.progress('reading the table')
  const ruleset = await liveRuleset()
  const { refused } = lower(set.platform, set.intent, inventory, ids, now)
  const reading = readTable(ruleset, set.platform, inventory, refused.map((r) => r.path), policyNow(folder, Date.now()))
  if (inventory.gateways !== undefined) options.progress('reading what the gateways go by')
  const { gateways, tried } = await readGateways(set, { places: plan.places, inventory }, folder, policyNow(folder, Date.now()))
  const triedKeys = new Set(tried.map(({ source, destination, port }) => `${source} ${destination} ${port}`))
  options.progress('looking at interfaces, addresses and routes')
  const deviations = [...(await topologyDeviations(plan.places, inventory)), ...(await placeDeviations(plan.places))]
  const shadows = shadowSeats(inventory)
  const outside = options.mode === 'sandbox'
  // Not a secret: each run is to try others.
  const seed = options.seed ?? String(randomInt(1, 1_000_000_000))
  const live = planLive(set.platform, shadows, { now, outside, router: [gatewayV4, '198.18.255.2', 'fd00:198:18::2'], timeoutMs, choice: { seed: `${applied.sha256} ${seed}`, all: options.allPairs }, encrypted: (source, destination, port) => triedKeys.has(`${source} ${destination} ${port}`) })
  const doors = doorFor(set, folder, { places: plan.places, inventory }, { between: tried.length > 0, outside, now: Date.now() })
  const peers = peersFor(set, folder, { places: plan.places, inventory })
  const named = planGateways(set.platform, shadows, {
    now, outside, firstId: live.expectations.length, ...standingParts(inventory),
    ...(doors === undefined ? {} : { doors }), ...(peers === undefined ? {} : { peers }),
    placesOf: (workload) => inventory.attachments.filter((a) => a.workload === workload && !a.probe).map((a) => formatAddress(a.ipv4)),
  })
  options.progress(`trying ${live.expectations.length} flows between ${shadows.length} identities${pairsTried({ ...live.pairs, seed })}`)
  return withShadows(shadows, async () => {
    const netns = new Map([...shadows.map((s) => [s.label, s.seat.netns] as const), [outsideLabel, outsideNetns], [outboundLabel, gatewayNetns(options.prefix, 'outbound')]])
    const idle = [...named.tasks.keys()].map((label) => [label, { label, listen: { tcp: [], udp: [] }, probes: [], timeoutMs }] as const)
    const tasks = new Map([...idle, ...live.tasks].map(([label, task]) => [label, withGateways(task, named.tasks.get(label))]))
    const results = await runProbes(tasks, live.pings, (label) => netns.get(label) ?? '')
    const verdict = judge(live.expectations, results)
    return {
      kind: 'live-verification',
      began,
      ended: new Date().toISOString(),
      documents: { directory: applied.directory, sha256: applied.sha256 },
      table: fingerprint(ruleset) ?? null,
      identities: shadows.length,
      pairs: { ...live.pairs, seed },
      ...verdict,
      deviations,
      reading,
      gateways,
      trials: judgeGateways(named.trials, results),
      matrix: matrixOf(live.expectations, (id) => results.get(id)?.outcome === 'open'),
    }
  })
}

/** Nothing where all were tried. */
function pairsTried({ tried, of, seed }: Evidence['pairs']): string {
  return tried === of ? '' : `, ${tried} of ${of} pairs of them (seed ${seed})`
}

function standingParts({ gateways }: Inventory): Pick<GatewayPlanOptions, 'nameServer' | 'outbound' | 'inbound'> {
  return { nameServer: gateways?.resolver === undefined ? undefined : formatAddress(gateways.resolver.ipv4), outbound: gateways?.outbound !== undefined, inbound: gateways?.inbound !== undefined }
}

function withGateways(task: ProberTask, gateways: GatewayTask | undefined): ProberTask {
  return gateways === undefined ? task : { ...task, gateways }
}

/** The real places from inside: their addresses, and that nothing leads round the table. */
async function placeDeviations(places: readonly Place[]): Promise<readonly Deviation[]> {
  const found = await Promise.all(
    places
      // What a privileged one does to its own network is its own affair: the router's end is what counts.
      .filter((p) => p.start.kind !== 'attach-interface' && !(p.start.kind === 'run' && p.start.privileged))
      .map(async (p): Promise<readonly Deviation[]> => {
        try {
          const [link] = await ipJson(['address', 'show', 'dev', insideInterface], p.netns)
          const addresses = ((link?.['addr_info'] ?? []) as { local: string; scope: string }[]).filter((a) => a.scope === 'global').map((a) => a.local)
          const wanted = [p.ipv4, p.ipv6].map(formatAddress)
          const foreign = await foreignInterfaces(p.netns)
          return [
            ...(addresses.sort().join() === wanted.sort().join() ? [] : [{ what: `addresses of ${p.key}`, expected: wanted.join(', '), found: addresses.join(', ') || 'none' }]),
            ...foreign.map((name) => ({ what: `${p.key}`, expected: 'no interface but its own', found: name })),
          ]
        } catch {
          return [{ what: p.key, expected: `the namespace ${p.netns}`, found: 'none' }]
        }
      }),
  )
  return found.flat()
}

function matrixOf(expectations: readonly Expectation[], isOpen: (id: number) => boolean): readonly MatrixCell[] {
  const cells = new Map<string, { from: string; to: string; open: Set<string> }>()
  for (const e of expectations) {
    const key = `${e.from} ${e.to}`
    const cell = cells.get(key) ?? { from: e.from, to: e.to, open: new Set<string>() }
    cells.set(key, cell)
    if (isOpen(e.id)) cell.open.add(e.protocol === 'icmp' ? 'icmp' : `${e.protocol}/${e.port}`)
  }
  return [...cells.values()].map((c) => ({ from: c.from, to: c.to, open: [...c.open].sort() })).filter((c) => c.open.length > 0)
}
