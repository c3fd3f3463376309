/**
 * Looks whether kernel, interfaces and settings are still as they were put in force, and mends what deviates: at every
 * notification of a change, and now and then without one.
 */
import { messageOf } from '../base/fault.ts'
import { createKeySetLook } from './gateways/key-sets.ts'
import { boundLogs } from './log-size.ts'
import { detachForeign } from './place.ts'
import { prepareRouter, sysctlsHold } from './router.ts'
import { removeStrangers, topologyDeviations } from './topology.ts'
import { watchKernel } from './watch.ts'
import type { Expiry } from './expiry.ts'
import type { Reconciler } from './reconciler.ts'
import type { PolicyTime } from './policy-time.ts'
import type { Queue } from './queue.ts'
import type { Drift } from './report.ts'
import type { TableKeeper } from './table-keeper.ts'

export interface DriftWatch {
  /** Begins to listen and to look. */
  readonly begin: () => void
  /** The latest deviations, oldest first. */
  readonly drift: () => readonly Drift[]
  readonly close: () => void
}

export interface DriftWatchParts {
  readonly folder: string
  readonly log: (text: string) => void
  readonly time: PolicyTime
  readonly queue: Queue
  readonly keeper: TableKeeper
  readonly expiry: Expiry
  readonly reconciler: Reconciler
  /** Puts the set in force once more, which also ends what has expired. */
  readonly refresh: (why: string, whole: boolean) => Promise<void>
  /** Told what was not as it should be, and is again. */
  readonly mended: (found: readonly string[]) => void
}

const keptDrift = 50
/** Foreign changes are noticed by notification; these looks find what no notification tells. */
const settingsCheckMs = 500
const logCheckEvery = 10
const keepTimeEvery = 60
const keySetsEvery = 2

export function createDriftWatch({ folder, log, time, queue, keeper, expiry, reconciler, refresh, mended }: DriftWatchParts): DriftWatch {
  let drift: readonly Drift[] = []
  let queued = false
  let closed = false
  let end: (() => void) | undefined

  const keysChanged = createKeySetLook()
  let otherKeys = false

  const note = (found: readonly Drift[]): void => void (drift = [...drift, ...found].slice(-keptDrift))

  const look = async (): Promise<void> => {
    const inForce = reconciler.current()
    if (inForce === undefined || closed) return
    const began = performance.now()
    const at = new Date().toISOString()
    // What lapsed by itself is no drift.
    if (expiry.due()) return refresh('a policy expired', false)
    if (otherKeys) {
      otherKeys = false
      return refresh('the keys of an issuer have changed', false)
    }
    const found: string[] = []
    const standing = reconciler.standing()
    const [seen, deviations] = await Promise.all([keeper.look(time.now()), topologyDeviations(standing, inForce.plan.inventory)])
    found.push(...seen)
    for (const d of deviations) found.push(`${d.what}: expected ${d.expected}, found ${d.found}`)
    found.push(...(await detachForeign(standing.filter((p) => p.start.kind === 'attach-netns'))))
    if (found.length === 0) return reconciler.enforced() ? undefined : refresh('going on with what was interrupted', true)
    if (deviations.length > 0) await Promise.all([prepareRouter(), removeStrangers(deviations)])
    await reconciler.enforce(reconciler.designed(inForce.set), true)
    note(found.map((what) => ({ at, what, repaired: true, tookMs: Math.round(reconciler.kernelSetAt() - began) })))
    for (const what of found) log(`drift repaired: ${what}`)
    mended(found)
  }

  const queueLook = (): void => {
    if (queued || closed) return
    queued = true
    queue
      .run(() => {
        queued = false
        return look()
      })
      .catch((error: unknown) => {
        reconciler.doubt()
        note([{ at: new Date().toISOString(), what: messageOf(error), repaired: false, tookMs: 0 }])
        log(`error: ${messageOf(error)}`)
      })
  }

  return {
    begin: () => {
      const watch = watchKernel(queueLook, (what) => (what === 'table' ? keeper.doubt() : undefined))
      keeper.attach(watch)
      let looks = 0
      let lookedAt = performance.now()
      const regular = setInterval(() => {
        looks++
        try {
          if (looks % logCheckEvery === 0) boundLogs(folder)
          if (looks % keepTimeEvery === 0) expiry.keepTime()
          const current = reconciler.current()
          if (looks % keySetsEvery === 0 && current !== undefined) otherKeys = keysChanged(current.set.intent, current.served.keySets)
          const attached = reconciler.current()?.plan.places.some((p) => p.start.kind === 'attach-netns') === true
          const due = performance.now() - lookedAt >= keeper.lookEveryMs()
          if (due) lookedAt = performance.now()
          if (!sysctlsHold() || attached || expiry.due() || otherKeys || due) queueLook()
        } catch (error) {
          log(`error: ${messageOf(error)}`)
        }
      }, settingsCheckMs)
      end = () => {
        clearInterval(regular)
        watch.stop()
      }
    },
    drift: () => drift,
    close: () => {
      closed = true
      end?.()
    },
  }
}
