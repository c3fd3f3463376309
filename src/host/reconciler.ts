/**
 * What is in force on this host, and the one way in which it becomes something else: numbers on disk, table, interfaces and
 * connections, then names and processes. Whoever calls has the turn; two changes never interleave.
 */
import { dropPending, loadIds, loadSlots, saveInventory } from './memory.ts'
import { design, enforceGroups, enforcePlaces, samePlaces } from './enforce.ts'
import { spawners } from './spawners.ts'
import { enforceConnections } from './revoke.ts'
import { tasksOf, writeEtc } from './tasks.ts'
import type { CheckedSet } from './documents.ts'
import type { InForce, Links, Numbers } from './enforce.ts'
import type { BrokerKeeper } from './brokers.ts'
import type { Expiry } from './expiry.ts'
import type { GatewayKeeper } from './gateways/gateways.ts'
import type { Identities } from './gateways/identities.ts'
import type { Place } from './plan.ts'
import type { PolicyTime } from './policy-time.ts'
import type { EndedConnection, FailedPlace } from './report.ts'
import type { Setting } from './setting.ts'
import type { Supervisor } from './supervise.ts'
import type { TableKeeper } from './table-keeper.ts'

export interface Reconciler {
  readonly current: () => InForce | undefined
  /** Places that could not be made or started. */
  readonly failed: () => readonly FailedPlace[]
  /** Gateways that do not do what they should; their paths are closed. */
  readonly problems: () => readonly FailedPlace[]
  /** Places whose network should be as planned. */
  readonly standing: () => readonly Place[]
  /** True when everything has been put in force, and no look since has failed. */
  readonly enforced: () => boolean
  /** When table, groups and interfaces were last as designed (workloads and records come after), as `performance.now()`. */
  readonly kernelSetAt: () => number
  /** Nobody knows any more whether the kernel is as designed. */
  readonly doubt: () => void
  /** What is to be in force for a set, and its numbers, which are on disk from here on. */
  readonly designed: (set: CheckedSet) => InForce
  /** Everything after the decision, in an order that never opens a closed path. `commit` is called when the table has been taken. */
  readonly enforce: (next: InForce, whole: boolean, commit?: () => void) => Promise<readonly EndedConnection[]>
  /** What a refused table leaves as it was, on disk too. */
  readonly takeBack: (before: InForce | undefined) => void
}

export interface ReconcilerParts {
  readonly setting: Setting
  readonly time: PolicyTime
  readonly keeper: TableKeeper
  readonly supervisor: Supervisor
  readonly expiry: Expiry
  readonly gateways: GatewayKeeper
  readonly identities: Identities
  readonly brokers: BrokerKeeper
  /** Called whenever what is in force has changed: for the records. */
  readonly onInForce: (inForce: InForce) => Promise<void>
}

export function createReconciler({ setting, time, keeper, supervisor, expiry, gateways, identities, brokers, onInForce }: ReconcilerParts): Reconciler {
  const { folder } = setting
  spawners.warm()
  let numbers: Numbers = { ids: loadIds(folder), slots: loadSlots(folder) }
  let inForce: InForce | undefined
  let failed: readonly FailedPlace[] = []
  let problems: readonly FailedPlace[] = []
  let enforced = false
  let kernelSetAt = 0

  const standingOf = (places: readonly Place[]): readonly Place[] => places.filter((p) => !failed.some((f) => f.place === p.key))

  const startWorkloads = async (next: InForce, now: number): Promise<void> => {
    writeEtc(folder, next.plan, next.set.intent, now)
    const made = tasksOf(setting, standingOf(next.plan.places), next.set.platform)
    failed = [...failed, ...made.failed]
    await supervisor.reconcile(made.tasks)
  }

  /** Gateways first: no workload is there before them. */
  const makePlaces = async (next: InForce, links: Links): Promise<readonly [readonly FailedPlace[], readonly FailedPlace[]]> => {
    const unmade = await gateways.networks(next, links)
    return [unmade, await enforcePlaces(next, setting, links, supervisor.interrupt)]
  }

  return {
    current: () => inForce,
    problems: () => problems,
    failed: () => failed,
    standing: () => standingOf(inForce?.plan.places ?? []),
    enforced: () => enforced,
    kernelSetAt: () => kernelSetAt,
    doubt: () => void (enforced = false),
    designed: (set) => {
      const next = design(set, numbers, setting, time.now())
      numbers = { ids: next.ids, slots: next.plan.slots }
      return next
    },
    enforce: async (next, whole, commit = () => undefined) => {
      const now = time.now()
      const before = await keeper.put(next, now, whole)
      inForce = next
      enforced = false
      // Where interfaces stay who they are, nothing has to come before the end of what lost its path.
      const revoked = before !== undefined && samePlaces(before.plan, next.plan) ? enforceConnections(next, before, setting.prefix) : undefined
      revoked?.catch(() => undefined)
      commit()
      expiry.schedule(next.set.intent, now)
      const [links] = await Promise.all([enforceGroups(next), keeper.settle()])
      const ending = revoked ?? enforceConnections(next, undefined, setting.prefix)
      // Issuing keeps this process busy: what has to end comes first.
      const delivered = ending.then(() => identities.deliver(next.set.platform, next.plan))
      delivered.catch(() => undefined)
      const [ended, [unmade, places]] = await Promise.all([ending, makePlaces(next, links)])
      failed = places
      kernelSetAt = performance.now()
      await delivered
      const [untold, unserved] = await Promise.all([brokers.settle(next), gateways.settle(next, unmade)])
      problems = [...unmade, ...unserved, ...untold]
      await startWorkloads(next, now)
      problems = [...problems, ...(await brokers.confirm(next))]
      await onInForce(next)
      enforced = problems.length === 0
      return ended
    },
    takeBack: (before) => {
      dropPending(folder)
      if (before !== undefined) saveInventory(folder, before.plan.inventory)
    },
  }
}
