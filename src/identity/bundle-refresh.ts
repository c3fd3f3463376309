/**
 * Keeps the bundles of other platforms fresh. While an endpoint is down the last good bundle stays, and certificates in it end
 * when they end: `verifySvid` sees to that. Nothing is opened by a failure.
 */
import { systemClock } from '../base/clock.ts'
import { fetchBundle } from './bundle-fetch.ts'
import type { Clock } from '../base/clock.ts'
import type { BundleEndpoint, FetchOptions } from './bundle-fetch.ts'
import type { TrustBundle } from './bundle.ts'
import type { BundleStore } from './bundle-store.ts'

export interface BundleRefreshOptions {
  readonly store: BundleStore
  /** Something else is trusted from now on. */
  readonly onChange: (trustDomain: string) => void
  /** Not fetched, or not accepted; tried again. */
  readonly onProblem: (trustDomain: string, error: unknown) => void
  readonly clock?: Clock
  readonly random?: () => number
  readonly webAuthorities?: readonly string[]
  /** Replaces the way bundles are fetched, for tests. */
  readonly fetch?: typeof fetchBundle
  /** Milliseconds: bounds of the time between two fetches. */
  readonly leastMs?: number
  readonly mostMs?: number
}

export interface PeerState {
  readonly trustDomain: string
  /** Milliseconds since the epoch; `undefined` before the first success of this process. */
  readonly fetched: number | undefined
  /** Failures since. */
  readonly failures: number
  readonly problem: string | undefined
}

export interface BundleRefresh {
  /** The complete set of endpoints from now on. */
  readonly set: (endpoints: readonly BundleEndpoint[]) => void
  /** The bundles of the endpoints that are set, and of nobody else: trust ends with the Peer. */
  readonly trusted: () => ReadonlyMap<string, TrustBundle>
  /** Fetches now, whatever the time: ends when it is done. */
  readonly refresh: (trustDomain: string) => Promise<void>
  readonly status: () => readonly PeerState[]
  readonly stop: () => void
}

/** Seconds, when a bundle says nothing: as the SPIFFE standard recommends. */
const defaultHint = 300

interface Entry {
  readonly endpoint: BundleEndpoint
  readonly gone: AbortController
  timer: NodeJS.Timeout | undefined
  busy: Promise<void> | undefined
  fetched: number | undefined
  failures: number
  problem: string | undefined
}

export function keepBundlesFresh(options: BundleRefreshOptions): BundleRefresh {
  const { store, clock = systemClock, random = Math.random, fetch = fetchBundle, leastMs = 5000, mostMs = 3600_000 } = options
  const entries = new Map<string, Entry>()

  const attempt = async (entry: Entry): Promise<void> => {
    const { trustDomain } = entry.endpoint
    const web: Pick<FetchOptions, 'webAuthorities'> = options.webAuthorities === undefined ? {} : { webAuthorities: options.webAuthorities }
    try {
      for (const given of store.reload()) options.onChange(given)
      const bundle = await fetch(entry.endpoint, { bundles: store.all(), now: clock(), signal: entry.gone.signal, ...web })
      // The Peer may have been removed while its endpoint was thinking: its trust is over.
      if (entry.gone.signal.aborted) return
      const outcome = store.accept(bundle, clock())
      entry.fetched = clock()
      entry.failures = 0
      entry.problem = undefined
      if (outcome === 'changed') options.onChange(trustDomain)
    } catch (error) {
      if (entry.gone.signal.aborted) return
      entry.failures++
      entry.problem = error instanceof Error ? error.message : String(error)
      options.onProblem(trustDomain, error)
    }
  }

  const refresh = (entry: Entry): Promise<void> => {
    clearTimeout(entry.timer)
    entry.busy ??= attempt(entry).finally(() => {
      entry.busy = undefined
      if (entry.gone.signal.aborted) return
      entry.timer = setTimeout(() => void refresh(entry), pause(entry))
      entry.timer.unref()
    })
    return entry.busy
  }

  /** As the bundle says; sooner after a failure, and then ever later up to that. */
  const pause = (entry: Entry): number => {
    const hint = Math.min(mostMs, Math.max(leastMs, 1000 * (store.get(entry.endpoint.trustDomain)?.bundle.refreshHint ?? defaultHint)))
    const wait = entry.failures === 0 ? hint : Math.min(hint, leastMs * 2 ** Math.min(entry.failures - 1, 20))
    return wait * (0.9 + random() / 5)
  }

  const leave = (entry: Entry): void => {
    entry.gone.abort()
    clearTimeout(entry.timer)
  }

  return Object.freeze({
    set: (endpoints: readonly BundleEndpoint[]) => {
      const wanted = new Map(endpoints.map((endpoint) => [endpoint.trustDomain, endpoint]))
      for (const [trustDomain, entry] of entries) {
        if (JSON.stringify(wanted.get(trustDomain)) === JSON.stringify(entry.endpoint)) continue
        leave(entry)
        entries.delete(trustDomain)
      }
      for (const [trustDomain, endpoint] of wanted) {
        if (entries.has(trustDomain)) continue
        const entry: Entry = { endpoint, gone: new AbortController(), timer: undefined, busy: undefined, fetched: undefined, failures: 0, problem: undefined }
        entries.set(trustDomain, entry)
        void refresh(entry)
      }
    },
    trusted: () => new Map([...store.all()].filter(([trustDomain]) => entries.has(trustDomain))),
    refresh: async (trustDomain: string) => {
      const entry = entries.get(trustDomain)
      if (entry !== undefined) await refresh(entry)
    },
    status: () => [...entries.values()].map(({ endpoint, fetched, failures, problem }) => ({ trustDomain: endpoint.trustDomain, fetched, failures, problem })),
    stop: () => entries.forEach(leave),
  })
}
