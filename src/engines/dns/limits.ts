/** How much one asker may ask. Buckets refill with time; nobody's bucket is filled or emptied by another. */

export const askerLimits = Object.freeze({
  /** Queries of any kind. */
  queries: Object.freeze({ burst: 300, perSecond: 100 }),
  /** Names under a `*.` pattern that it has not asked for before. */
  newNames: Object.freeze({ burst: 30, perSecond: 0.1 }),
  /** Questions that leave for a name under a `*.` pattern. */
  wildcardQuestions: Object.freeze({ burst: 60, perSecond: 1 }),
  /** Names under `*.` patterns that are remembered as asked for. */
  rememberedNames: 1000,
  /** Queries that wait for upstream or for admission. */
  waiting: 32,
})

export interface Rate {
  readonly burst: number
  readonly perSecond: number
}

/** True takes one from the asker's bucket; false when it is empty. */
export type Take = (asker: string, now: number) => boolean

interface Bucket {
  left: number
  at: number
}

/** `now` in milliseconds, never going back. */
export function buckets(rate: Rate): { readonly take: Take; readonly keep: (askers: (name: string) => boolean) => void } {
  const all = new Map<string, Bucket>()
  let sweepAt = 10_000
  /** A bucket that is full again is as good as none. */
  const sweep = (now: number): void => {
    for (const [name, { left, at }] of all) if (left + ((now - at) / 1000) * rate.perSecond >= rate.burst) all.delete(name)
    sweepAt = Math.max(10_000, 2 * all.size)
  }
  return {
    take(asker, now) {
      if (all.size >= sweepAt) sweep(now)
      const bucket = all.get(asker) ?? { left: rate.burst, at: now }
      bucket.left = Math.min(rate.burst, bucket.left + ((now - bucket.at) / 1000) * rate.perSecond)
      bucket.at = now
      all.set(asker, bucket)
      if (bucket.left < 1) return false
      bucket.left -= 1
      return true
    },
    keep(wanted) {
      for (const name of all.keys()) if (!wanted(name)) all.delete(name)
    },
  }
}

/** Names of each asker, the latest `most` of them. */
export function rememberedNames(most: number): {
  readonly has: (asker: string, name: string) => boolean
  readonly add: (asker: string, name: string) => void
  /** Whether anybody has it. */
  readonly known: (name: string) => boolean
  readonly keep: (wanted: (asker: string, name: string) => boolean) => void
} {
  const all = new Map<string, Set<string>>()
  const holders = new Map<string, number>()
  const release = (name: string): void => {
    const left = (holders.get(name) ?? 0) - 1
    if (left > 0) holders.set(name, left)
    else holders.delete(name)
  }
  return {
    has: (asker, name) => all.get(asker)?.has(name) === true,
    add(asker, name) {
      const names = all.get(asker) ?? new Set()
      all.set(asker, names)
      if (!names.delete(name)) holders.set(name, (holders.get(name) ?? 0) + 1)
      names.add(name)
      const [oldest] = names
      if (names.size > most && oldest !== undefined) {
        names.delete(oldest)
        release(oldest)
      }
    },
    known: (name) => holders.has(name),
    keep(wanted) {
      for (const [asker, names] of all) {
        for (const name of names) {
          if (wanted(asker, name)) continue
          names.delete(name)
          release(name)
        }
        if (names.size === 0) all.delete(asker)
      }
    },
  }
}
