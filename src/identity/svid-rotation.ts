/**
 * Keeps a set of identities renewed: each at half of its life, a little earlier or later by chance so that not all come at
 * once. Wall clocks jump and machines sleep; therefore it looks at both clocks, often, and never waits for one long timer.
 */
import { systemClock } from '../base/clock.ts'
import { verifySvid } from './verify-svid.ts'
import { certificatesOfPem } from './pem.ts'
import type { Clock } from '../base/clock.ts'
import type { TrustBundle } from './bundle.ts'
import type { Authority } from './authority.ts'
import type { Svid } from './svid.ts'

export interface SvidRotationOptions {
  readonly authority: Authority
  /** Puts an identity where it is used, whole; called again for the same one when the bundle has changed. */
  readonly deliver: (svid: Svid, bundle: TrustBundle) => void | Promise<void>
  /** An identity could not be renewed or delivered; it is tried again. The one before stays in use. */
  readonly onProblem: (spiffeId: string, error: unknown) => void
  /** An identity that is in place already, so that a restart renews nothing too early. */
  readonly adopt?: (spiffeId: string) => Svid | undefined
  readonly clock?: Clock
  /** Milliseconds that only go forward. */
  readonly monotonic?: Clock
  /** From 0 to 1. */
  readonly random?: () => number
  /** Milliseconds between two looks; 0 for none but `tick`. */
  readonly everyMs?: number
}

export interface SvidRotation {
  /** The complete set of identities from now on. Ends when each has been tried once. */
  readonly set: (spiffeIds: readonly string[]) => Promise<void>
  readonly current: (spiffeId: string) => Svid | undefined
  /** Does what is due now. */
  readonly tick: () => Promise<void>
  /** Ends when nothing is under way any more. */
  readonly stop: () => Promise<void>
}

interface Entry {
  svid: Svid | undefined
  /** When it came, and how long it is used from then on. */
  arrived: number
  useMs: number
  /** Wall clock. */
  renewAt: number
  /** The bundle that it was delivered with. */
  bundle: string
  failures: number
  /** Monotonic. */
  retryAt: number
}

/** The instant at half of a life, moved by up to a tenth of it. `random` is from 0 to 1. */
export function renewalInstant({ notBefore, notAfter }: Pick<Svid, 'notBefore' | 'notAfter'>, random: number): number {
  return notBefore + (notAfter - notBefore) * (0.5 + (random - 0.5) / 5)
}

export function startSvidRotation(options: SvidRotationOptions): SvidRotation {
  const { authority, clock = systemClock, monotonic = () => performance.now(), random = Math.random, everyMs = 15_000 } = options
  const entries = new Map<string, Entry>()
  let turn: Promise<void> = Promise.resolve()
  let stopped = false

  const take = (entry: Entry, svid: Svid): void => {
    const now = clock()
    entry.svid = svid
    entry.arrived = monotonic()
    entry.renewAt = renewalInstant(svid, random())
    entry.useMs = Math.max(0, entry.renewAt - now)
  }

  const isDue = (entry: Entry, bundle: TrustBundle, print: string): boolean => {
    const { svid } = entry
    const now = clock()
    if (svid === undefined || now < svid.notBefore || now >= entry.renewAt || monotonic() - entry.arrived >= entry.useMs) return true
    return entry.bundle !== print && !isVouchedFor(svid, bundle, now)
  }

  const look = async (): Promise<void> => {
    const bundle = authority.bundle()
    const print = `${bundle.sequence}`
    let done = 0
    for (const [spiffeId, entry] of [...entries]) {
      if (stopped || entries.get(spiffeId) !== entry || monotonic() < entry.retryAt) continue
      try {
        const due = isDue(entry, bundle, print)
        if (!due && entry.bundle === print) continue
        const svid = due || entry.svid === undefined ? authority.issue(spiffeId) : entry.svid
        await options.deliver(svid, bundle)
        if (svid !== entry.svid) take(entry, svid)
        entry.bundle = print
        entry.failures = 0
        entry.retryAt = -Infinity
      } catch (error) {
        entry.failures++
        entry.retryAt = monotonic() + Math.min(60_000, 500 * 2 ** Math.min(entry.failures, 10)) * (0.75 + random() / 2)
        options.onProblem(spiffeId, error)
      }
      // Thousands at once must not keep the rest of the program waiting.
      if (++done % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  /** One at a time. */
  const tick = (): Promise<void> => (turn = turn.then(look))

  const timer = everyMs === 0 ? undefined : setInterval(() => void tick(), everyMs)
  timer?.unref()
  return Object.freeze({
    set: (spiffeIds: readonly string[]) => {
      const wanted = new Set(spiffeIds)
      for (const id of entries.keys()) if (!wanted.has(id)) entries.delete(id)
      for (const id of wanted) {
        if (entries.has(id)) continue
        const entry: Entry = { svid: undefined, arrived: 0, useMs: 0, renewAt: 0, bundle: '', failures: 0, retryAt: -Infinity }
        const adopted = options.adopt?.(id)
        // Delivered again all the same: whoever uses it may have been set up anew.
        if (adopted?.spiffeId === id && isVouchedFor(adopted, authority.bundle(), clock())) take(entry, adopted)
        entries.set(id, entry)
      }
      return tick()
    },
    current: (spiffeId: string) => entries.get(spiffeId)?.svid,
    tick,
    stop: () => {
      stopped = true
      clearInterval(timer)
      return turn
    },
  })
}

function isVouchedFor(svid: Svid, bundle: TrustBundle, now: number): boolean {
  return verifySvid(certificatesOfPem(svid.chain) ?? [], new Map([[bundle.trustDomain, bundle]]), now).kind === 'accepted'
}
