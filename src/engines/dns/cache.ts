/**
 * Answers from upstream, for their time to live. Each asker has its own: in a shared one, what is there and how long it still
 * lives would tell one workload what another has asked, which is a channel between two that may not talk.
 */

export interface Cache<V> {
  /** The value and the milliseconds it still has, which are more than 0. */
  readonly get: (asker: string, key: string, now: number) => { readonly value: V; readonly left: number } | undefined
  readonly set: (asker: string, key: string, value: V, now: number, ttlMs: number) => void
  /** Drops what is no longer wanted, at once. */
  readonly keep: (wanted: (asker: string, key: string) => boolean) => void
  readonly size: () => number
}

interface Entry<V> {
  readonly value: V
  readonly ends: number
}

/** At most `perAsker` answers for each, and `total` for all; the asker that brings one too many loses its oldest. */
export function boundedCache<V>(most: { readonly perAsker: number; readonly total: number }): Cache<V> {
  const all = new Map<string, Map<string, Entry<V>>>()
  let size = 0

  function remove(asker: string, entries: Map<string, Entry<V>>, key: string): void {
    if (!entries.delete(key)) return
    size -= 1
    if (entries.size === 0) all.delete(asker)
  }

  return {
    get(asker, key, now) {
      const entries = all.get(asker)
      const entry = entries?.get(key)
      if (entries === undefined || entry === undefined) return undefined
      if (entry.ends <= now) {
        remove(asker, entries, key)
        return undefined
      }
      return { value: entry.value, left: entry.ends - now }
    },
    set(asker, key, value, now, ttlMs) {
      const there = all.get(asker)
      if (there !== undefined) remove(asker, there, key)
      const entries = all.get(asker) ?? new Map<string, Entry<V>>()
      const [oldest] = entries.keys()
      if (entries.size >= most.perAsker || size >= most.total) {
        // With nothing of its own to give up, an asker goes without: it may not push out what others have.
        if (oldest === undefined) return
        remove(asker, entries, oldest)
      }
      all.set(asker, entries)
      entries.set(key, { value, ends: now + ttlMs })
      size += 1
    },
    keep(wanted) {
      for (const [asker, entries] of all) for (const key of entries.keys()) if (!wanted(asker, key)) remove(asker, entries, key)
    },
    size: () => size,
  }
}
