/**
 * The reconciling agent: holds the kernel to the last set of documents it was given. It runs in the router namespace; every
 * operation takes the complete desired state, and two never interleave. Its end changes nothing: the rules are the kernel's.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault, messageOf } from '../base/fault.ts'
import { changes } from './changes.ts'
import { checkDocuments } from './documents.ts'
import { design, enforceConnections, enforceGroups, enforcePlaces, enforceTable } from './enforce.ts'
import { boundLogs } from './log-size.ts'
import { loadApplied, loadIds, loadSlots, saveApplied } from './memory.ts'
import { foreignInterfaces, dropSeat } from './place.ts'
import { carriedPaths, describeRefusals } from './refused.ts'
import { prepareRouter, sysctlsHold } from './router.ts'
import { fingerprint, liveRuleset } from './ruleset-state.ts'
import { createQueue } from './queue.ts'
import { workloadStatus } from './status.ts'
import { createSupervisor } from './supervise.ts'
import { taskOf, writeEtc } from './tasks.ts'
import { releaseInterfaces } from './tap.ts'
import { removeStrangers, topologyDeviations } from './topology.ts'
import { watchKernel } from './watch.ts'
import type { DocumentSet } from './documents.ts'
import type { InForce, Numbers, Setting } from './enforce.ts'
import { nothingApplied } from './report.ts'
import type { AgentStatus, ApplyReport, Drift, EndedConnection, FailedPlace } from './report.ts'

export interface AgentOptions extends Setting {
  readonly log: (text: string) => void
  /** Called whenever what is in force has changed: for the records. */
  readonly onInForce: (inForce: InForce) => Promise<void>
  readonly recorderStats: () => unknown
}

export interface Agent {
  readonly apply: (documents: DocumentSet) => Promise<ApplyReport>
  readonly status: () => Promise<AgentStatus>
  /** Stops the workloads; the caller takes the namespaces away. */
  readonly shutdown: () => Promise<void>
}

const keptDrift = 50
/** Foreign changes are noticed by notification; these looks find what no notification tells. */
const settingsCheckMs = 500
/** Every how many of them everything is looked at. */
const fullCheckEvery = 20
const logCheckEvery = 10

/** Closes everything first, then brings back the last set, if there is one: what runs is adopted. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { folder, log } = options
  const queue = createQueue()
  const supervisor = createSupervisor(folder)
  const since = new Date().toISOString()
  let numbers: Numbers = { ids: loadIds(folder), slots: loadSlots(folder) }
  let inForce: InForce | undefined
  let baseline: string | undefined
  let foreignTables: readonly string[] = []
  let failed: readonly FailedPlace[] = []
  let drift: readonly Drift[] = []
  let enforced = false
  let enforcedAt = 0
  /** When table, groups and interfaces were last as designed; workloads and records come after. */
  let kernelSetAt = 0
  let stopping = false
  let expiry: NodeJS.Timeout | undefined

  const look = async (): Promise<{ readonly table: string | undefined; readonly foreign: readonly string[] }> => fingerprint(await liveRuleset())

  /** Everything after the decision, in an order that never opens a closed path. */
  const enforce = async (next: InForce, table: InForce | undefined): Promise<readonly EndedConnection[]> => {
    const now = Date.now()
    await enforceTable(table, next, now)
    inForce = next
    enforcedAt = now
    numbers = { ids: next.ids, slots: next.plan.slots }
    const [links, seen] = await Promise.all([enforceGroups(next), look()])
    baseline = seen.table
    foreignTables = seen.foreign
    const [ended, places] = await Promise.all([enforceConnections(next), enforcePlaces(next, options, links)])
    failed = places
    kernelSetAt = Date.now()
    await startWorkloads(next, now)
    await options.onInForce(next)
    scheduleExpiry(next, now)
    enforced = true
    return ended
  }

  const startWorkloads = async (next: InForce, now: number): Promise<void> => {
    writeEtc(folder, next.plan.places, next.set.intent, now)
    const standing = next.plan.places.filter((p) => !failed.some((f) => f.place === p.key))
    const tasks = standing.flatMap((place) => {
      try {
        return taskOf(options, place, next.set.platform) ?? []
      } catch (error) {
        failed = [...failed, { place: place.key, reason: messageOf(error) }]
        return []
      }
    })
    await supervisor.reconcile(tasks)
  }

  /** The element's own timeout closes the path in time; this ends what is left of its connections and names. */
  const scheduleExpiry = (next: InForce, now: number): void => {
    clearTimeout(expiry)
    const instants = next.set.intent.paths.flatMap((p) => (p.expires !== undefined && p.expires > now ? [p.expires] : []))
    if (instants.length === 0) return
    const wait = Math.min(...instants) - now + 20
    // setTimeout counts to 24.8 days; the regular look goes on from there.
    expiry = setTimeout(() => void queue.run(() => refresh('a policy expired')).catch(report), Math.min(wait, 2_000_000_000))
    expiry.unref()
  }

  const refresh = async (why: string): Promise<void> => {
    if (inForce === undefined || stopping) return
    log(why)
    const ended = await enforce(design(inForce.set, numbers, options, Date.now()), undefined)
    for (const c of ended) log(`ended ${c.protocol} ${c.source}:${c.sourcePort} -> ${c.destination}:${c.destinationPort}`)
  }

  const apply = (documents: DocumentSet): Promise<ApplyReport> =>
    queue.run(async () => {
      const now = Date.now()
      const { set, diagnostics } = checkDocuments(documents, now)
      if (set === undefined) return { ...nothingApplied, diagnostics }
      const before = inForce
      const next = design(set, numbers, options, now)
      // Only a table that is as we left it may be changed by elements; anything else is replaced whole.
      const intact = before !== undefined && baseline !== undefined && (await look()).table === baseline
      let ended: readonly EndedConnection[]
      try {
        ended = await enforce(next, intact ? before : undefined)
      } catch (error) {
        enforced = false
        throw error
      }
      saveApplied(folder, documents, now)
      const changed = changes(before === undefined ? [] : carriedPaths(before.set, before.refused), carriedPaths(next.set, next.refused), now)
      log(`applied ${documents.directory} ${documents.sha256}: ${changed.opened.length} opened, ${changed.closed.length} closed, ${ended.length} connections ended`)
      return { applied: true, diagnostics, ...changed, ended, refused: describeRefusals(next.refused), failed }
    })

  /** Compares kernel, interfaces and settings with what was applied, and mends what deviates. */
  const check = async (): Promise<void> => {
    if (inForce === undefined || stopping) return
    const began = Date.now()
    // What lapsed by itself is no drift.
    if (inForce.set.intent.paths.some((p) => p.expires !== undefined && p.expires > enforcedAt && p.expires <= began)) return refresh('a policy expired')
    const found: string[] = []
    const standing = inForce.plan.places.filter((p) => !failed.some((f) => f.place === p.key))
    const [seen, deviations] = await Promise.all([look(), topologyDeviations(standing, inForce.plan.inventory)])
    foreignTables = seen.foreign
    if (seen.table !== baseline) found.push(seen.table === undefined ? 'the table was deleted' : 'the table was changed')
    for (const d of deviations) found.push(`${d.what}: expected ${d.expected}, found ${d.found}`)
    for (const place of inForce.plan.places) {
      if (place.start.kind !== 'attach-netns' || failed.some((f) => f.place === place.key)) continue
      const foreign = await foreignInterfaces(place.netns).catch((): readonly string[] => [])
      if (foreign.length === 0) continue
      await dropSeat(place, { ownNetns: false })
      found.push(`${place.key}: detached, its namespace has the foreign interface \`${foreign.join('`, `')}\``)
    }
    if (found.length === 0) return
    enforced = false
    if (deviations.length > 0) await Promise.all([prepareRouter(), removeStrangers(deviations)])
    await enforce(design(inForce.set, numbers, options, Date.now()), undefined)
    const at = new Date(began).toISOString()
    drift = [...drift, ...found.map((what) => ({ at, what, repaired: true, tookMs: kernelSetAt - began }))].slice(-keptDrift)
    for (const what of found) log(`drift repaired: ${what}`)
  }

  const report = (error: unknown): void => log(`error: ${messageOf(error)}`)

  let checkQueued = false
  const queueCheck = (): void => {
    if (checkQueued || stopping) return
    checkQueued = true
    queue
      .run(() => {
        checkQueued = false
        return check()
      })
      .catch((error: unknown) => {
        enforced = false
        drift = [...drift, { at: new Date().toISOString(), what: messageOf(error), repaired: false, tookMs: 0 }].slice(-keptDrift)
        report(error)
      })
  }

  await prepareRouter()
  const applied = loadApplied(folder)
  if (applied !== undefined) {
    // As it was judged then: a set in force does not fall because a date in it has passed.
    const { set } = checkDocuments(applied, Date.parse(applied.at))
    if (set === undefined) throw new Fault('invalid-set', 'the set in force no longer loads', { help: 'the rules stay as they are; `bulkhead down` ends them' })
    await queue.run(() => enforce(design(set, numbers, options, Date.now()), undefined))
    log(`adopted ${applied.directory} ${applied.sha256}`)
  }
  const watch = watchKernel(queueCheck)
  let looks = 0
  const regular = setInterval(() => {
    looks++
    if (looks % logCheckEvery === 0) boundLogs(folder)
    const attached = inForce?.plan.places.some((p) => p.start.kind === 'attach-netns') === true
    if (!sysctlsHold() || attached || looks % fullCheckEvery === 0) queueCheck()
  }, settingsCheckMs)

  return {
    apply,
    status: async () => {
      await sleep(0)
      return {
        pid: process.pid,
        mode: options.mode,
        since,
        documents: inForce === undefined ? undefined : { directory: inForce.set.documents.directory, sha256: inForce.set.documents.sha256, files: inForce.set.documents.files.length },
        enforced,
        paths: inForce === undefined ? 0 : carriedPaths(inForce.set, inForce.refused).length,
        workloads: workloadStatus(inForce?.plan.places ?? [], supervisor.status(), failed),
        refused: describeRefusals(inForce?.refused ?? []),
        drift,
        foreignTables,
        recorder: options.recorderStats(),
      }
    },
    shutdown: () =>
      queue.run(async () => {
        stopping = true
        clearInterval(regular)
        clearTimeout(expiry)
        watch.stop()
        await supervisor.reconcile([])
        await releaseInterfaces()
      }),
  }
}
