/**
 * The reconciling agent: holds the kernel to the last set of documents it was given. It runs in the router namespace; every
 * operation takes the complete desired state, and two never interleave. Its end changes nothing: the rules are the kernel's.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault, messageOf } from '../base/fault.ts'
import { changes } from './changes.ts'
import { checkDocuments } from './documents.ts'
import { design, enforceGroups, enforcePlaces, netnsNames, samePlaces } from './enforce.ts'
import { boundLogs } from './log-size.ts'
import { commitPending, dropPending, loadApplied, loadIds, loadPending, loadSlots, numbersLost, saveInventory, savePending, settleApplied } from './memory.ts'
import { endHelpers } from './leftovers.ts'
import { detachForeign } from './place.ts'
import { openPolicyTime } from './policy-time.ts'
import { carriedPaths, describeRefusals } from './refused.ts'
import { prepareRouter, sysctlsHold } from './router.ts'
import { enforceConnections } from './revoke.ts'
import { createQueue } from './queue.ts'
import { workloadStatus } from './status.ts'
import { createSupervisor } from './supervise.ts'
import { createTableKeeper } from './table-keeper.ts'
import { tasksOf, writeEtc } from './tasks.ts'
import { releaseInterfaces } from './tap.ts'
import { removeStrangers, topologyDeviations } from './topology.ts'
import { watchKernel } from './watch.ts'
import type { CheckedSet, DocumentSet } from './documents.ts'
import type { InForce, Numbers } from './enforce.ts'
import type { Setting } from './setting.ts'
import type { Applied } from './memory.ts'
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
  /** Ends the agent's own work and leaves rules and workloads to the next agent. */
  readonly release: () => Promise<void>
}

const keptDrift = 50
/** Foreign changes are noticed by notification; these looks find what no notification tells. */
const settingsCheckMs = 500
const logCheckEvery = 10
const keepTimeEvery = 60

/** Closes everything first, then brings back the last set, if there is one: what runs is adopted. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { folder, log } = options
  await endHelpers(options.prefix, netnsNames())
  if (numbersLost(folder)) throw new Fault('state-unreadable', 'the numbers by which the set in force is enforced are lost', { help: 'the rules stay as they are; run `bulkhead down`, then `bulkhead up`' })
  const time = openPolicyTime(folder)
  const queue = createQueue()
  const supervisor = createSupervisor(folder)
  const since = new Date().toISOString()
  let numbers: Numbers = { ids: loadIds(folder), slots: loadSlots(folder) }
  let inForce: InForce | undefined
  const keeper = createTableKeeper(log)
  let failed: readonly FailedPlace[] = []
  let drift: readonly Drift[] = []
  let enforced = false
  /** When table, groups and interfaces were last as designed; workloads and records come after. */
  let kernelSetAt = 0
  let stopping = false
  let expiry: NodeJS.Timeout | undefined
  /** The next instant at which a path in force expires. */
  let nextExpiry = Infinity

  /** Everything after the decision, in an order that never opens a closed path. */
  const enforce = async (next: InForce, whole: boolean, commit = (): void => undefined): Promise<readonly EndedConnection[]> => {
    const now = time.now()
    const before = await keeper.put(next, now, whole)
    inForce = next
    enforced = false
    // Where interfaces stay who they are, nothing has to come before the end of what lost its path.
    const revoked = before !== undefined && samePlaces(before.plan, next.plan) ? enforceConnections(next, before) : undefined
    revoked?.catch(() => undefined)
    commit()
    scheduleExpiry(next, now)
    const [links] = await Promise.all([enforceGroups(next), keeper.settle()])
    const [ended, places] = await Promise.all([revoked ?? enforceConnections(next, undefined), enforcePlaces(next, options, links, supervisor.interrupt)])
    failed = places
    kernelSetAt = performance.now()
    await startWorkloads(next, now)
    await options.onInForce(next)
    enforced = true
    return ended
  }

  const startWorkloads = async (next: InForce, now: number): Promise<void> => {
    writeEtc(folder, next.plan.places, next.set.intent, now)
    const standing = next.plan.places.filter((p) => !failed.some((f) => f.place === p.key))
    const made = tasksOf(options, standing, next.set.platform)
    failed = [...failed, ...made.failed]
    await supervisor.reconcile(made.tasks)
  }

  /** The element's own timeout closes the path in time; this ends what is left of its connections and names. */
  const scheduleExpiry = (next: InForce, now: number): void => {
    clearTimeout(expiry)
    nextExpiry = Infinity
    for (const { expires } of next.set.intent.paths) if (expires !== undefined && expires > now) nextExpiry = Math.min(nextExpiry, expires)
    if (next.set.intent.paths.some((p) => p.expires !== undefined)) keepTime()
    if (nextExpiry === Infinity) return
    // setTimeout counts to 24.8 days; the regular look goes on from there, and sees a clock that was set forward.
    expiry = setTimeout(lapse, Math.min(nextExpiry - now + 20, 2_000_000_000))
    expiry.unref()
  }

  const keepTime = (): void => {
    try {
      time.keep()
    } catch (error) {
      report(error)
    }
  }

  const lapse = (): void => void queue.run(() => (time.now() < nextExpiry ? Promise.resolve() : refresh('a policy expired', false))).catch(report)

  /** What is to be in force, and its numbers, which are on disk from here on. */
  const designed = (set: CheckedSet): InForce => {
    const next = design(set, numbers, options, time.now())
    numbers = { ids: next.ids, slots: next.plan.slots }
    return next
  }

  const refresh = async (why: string, whole: boolean): Promise<void> => {
    if (inForce === undefined || stopping) return
    log(why)
    const ended = await enforce(designed(inForce.set), whole)
    for (const c of ended) log(`ended ${c.protocol} ${c.source}:${c.sourcePort} -> ${c.destination}:${c.destinationPort}`)
  }

  const apply = (documents: DocumentSet): Promise<ApplyReport> =>
    queue.run(async () => {
      const now = time.now()
      const { set, diagnostics } = checkDocuments(documents, now, inForce?.set)
      if (set === undefined) return { ...nothingApplied, diagnostics }
      const before = inForce
      const next = designed(set)
      let ended: readonly EndedConnection[]
      try {
        savePending(folder, documents, now)
        ended = await enforce(next, false, () => commitPending(folder))
        settleApplied(folder)
      } catch (error) {
        // Before the table was taken, nothing has changed; after that, the regular look goes on until all is done.
        if (inForce !== next) takeBack(before)
        throw error
      }
      const changed = changes(before === undefined ? [] : carriedPaths(before.set, before.refused), carriedPaths(next.set, next.refused), now)
      log(`applied ${documents.directory} ${documents.sha256}: ${changed.opened.length} opened, ${changed.closed.length} closed, ${ended.length} connections ended`)
      return { applied: true, diagnostics, ...changed, ended, refused: describeRefusals(next.refused), failed }
    })

  /** Compares kernel, interfaces and settings with what was applied, and mends what deviates. */
  const check = async (): Promise<void> => {
    if (inForce === undefined || stopping) return
    const began = performance.now()
    const at = new Date().toISOString()
    // What lapsed by itself is no drift.
    if (nextExpiry <= time.now()) return refresh('a policy expired', false)
    const found: string[] = []
    const standing = inForce.plan.places.filter((p) => !failed.some((f) => f.place === p.key))
    const [seen, deviations] = await Promise.all([keeper.look(time.now()), topologyDeviations(standing, inForce.plan.inventory)])
    found.push(...seen)
    for (const d of deviations) found.push(`${d.what}: expected ${d.expected}, found ${d.found}`)
    found.push(...(await detachForeign(standing.filter((p) => p.start.kind === 'attach-netns'))))
    if (found.length === 0) return enforced ? undefined : refresh('going on with what was interrupted', true)
    if (deviations.length > 0) await Promise.all([prepareRouter(), removeStrangers(deviations)])
    await enforce(designed(inForce.set), true)
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

  /** What a refused table leaves as it was, on disk too. */
  const takeBack = (before: InForce | undefined): void => {
    dropPending(folder)
    if (before !== undefined) saveInventory(folder, before.plan.inventory)
  }

  /** True when the table has been taken; what fails after that is gone on with by the regular look. */
  const adopt = async (applied: Applied, commit: () => void): Promise<boolean> => {
    // As it was judged then: a set in force does not fall because a date in it has passed.
    const { set } = checkDocuments(applied, Date.parse(applied.at))
    if (set === undefined) throw new Fault('invalid-set', 'the set in force no longer loads', { help: 'the rules stay as they are; `bulkhead down` ends them' })
    const next = designed(set)
    try {
      await enforce(next, true, commit)
    } catch (error) {
      if (inForce !== next) throw error
      report(error)
    }
    log(`adopted ${applied.directory} ${applied.sha256}`)
    return true
  }

  /** An agent that was killed while it changed the set may have closed paths already: they are not opened again. */
  const adoptPending = async (): Promise<boolean> => {
    try {
      const interrupted = loadPending(folder)
      return interrupted !== undefined && (await adopt(interrupted, () => commitPending(folder)))
    } catch (error) {
      report(error)
      takeBack(undefined)
      return false
    }
  }

  await prepareRouter()
  const applied = loadApplied(folder)
  await queue.run(async () => (await adoptPending()) || (applied !== undefined && (await adopt(applied, () => undefined))))
  const watch = watchKernel(queueCheck, (what) => (what === 'table' ? keeper.doubt() : undefined))
  keeper.attach(watch)
  let looks = 0
  let lookedAt = performance.now()
  const regular = setInterval(() => {
    looks++
    try {
      if (looks % logCheckEvery === 0) boundLogs(folder)
      if (looks % keepTimeEvery === 0 && nextExpiry < Infinity) keepTime()
      const attached = inForce?.plan.places.some((p) => p.start.kind === 'attach-netns') === true
      const due = performance.now() - lookedAt >= keeper.lookEveryMs()
      if (due) lookedAt = performance.now()
      if (!sysctlsHold() || attached || nextExpiry <= time.now() || due) queueCheck()
    } catch (error) {
      report(error)
    }
  }, settingsCheckMs)

  const stop = (): void => {
    stopping = true
    clearInterval(regular)
    clearTimeout(expiry)
    watch.stop()
    keeper.close()
  }

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
        foreignTables: keeper.foreign(),
        recorder: options.recorderStats(),
      }
    },
    shutdown: () =>
      queue.run(async () => {
        stop()
        await supervisor.reconcile([])
        await releaseInterfaces()
      }),
    release: () =>
      queue.run(() => {
        stop()
        supervisor.release()
        return Promise.resolve()
      }),
  }
}
