/**
 * Envoy follows each secret's file by an inotify instance of its own, and ends itself when the kernel grants it none. Hence no more
 * secrets than that: what is beyond is refused by name, before Envoy hears of it. A file holds one secret, so they cannot share one.
 */
import { compareText } from '../../base/location.ts'
import { isExpired } from '../../model/platform.ts'
import { refuse } from './capabilities.ts'
import { render } from './render.ts'
import type { EnvoyArtefacts, RenderOptions } from './render.ts'
import type { GatewayInventory } from './inventory.ts'
import type { Intent, Path } from '../../intent/intent.ts'
import type { Platform } from '../../model/platform.ts'

export interface WatchLimit {
  /** Inotify instances that a gateway, or both together, may have. */
  readonly instances: number
  /** Both gateways are one user's, as in a sandbox. */
  readonly shared: boolean
}

/** For the files of listeners and of clusters. */
export const ownWatches = 2

/** As `render`; policies beyond the limit, in the order of their names, are closed whole. Undefined: there is no limit. */
export function renderWithin(platform: Platform, intent: Intent, inventory: GatewayInventory, options: RenderOptions, limit: WatchLimit | undefined): EnvoyArtefacts {
  const all = render(platform, intent, inventory, options)
  if (limit === undefined || fits(all, limit)) return all
  const units = unitsOf(intent.paths, options.now)
  /** What is left open when only the first so many are. */
  const first = (count: number): EnvoyArtefacts => {
    const closed = new Map<Path, Path>(units.slice(count).flat().map((path) => [path, { ...path, expires: -Infinity }]))
    const originals = new Map([...closed].map(([path, copy]) => [copy, path]))
    const made = render(platform, { ...intent, paths: intent.paths.map((path) => closed.get(path) ?? path) }, inventory, options)
    const refused = made.refused.map((refusal) => ({ ...refusal, path: originals.get(refusal.path) ?? refusal.path }))
    const beyond = [...closed.keys()].map((path) => refuse('secret-files', path, `${limit.instances} now`))
    return { ...made, refused: Object.freeze([...refused.filter(({ path }) => !closed.has(path)), ...beyond]) }
  }
  let [low, high] = [0, units.length]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(first(middle), limit)) low = middle
    else high = middle - 1
  }
  return first(low)
}

function fits({ outbound, inbound }: EnvoyArtefacts, { instances, shared }: WatchLimit): boolean {
  const [out, into] = [outbound, inbound].map(({ needs }) => needs.length + ownWatches)
  return shared ? (out ?? 0) + (into ?? 0) <= instances : Math.max(out ?? 0, into ?? 0) <= instances
}

/** Paths that take a certificate or a key, by the documents that open them together. */
function unitsOf(paths: readonly Path[], now: number): readonly (readonly Path[])[] {
  const units = new Map<string, Path[]>()
  for (const path of paths) {
    if (!['proxy', 'mutual-tls', 'peer'].includes(path.via.kind) || isExpired(path, now)) continue
    const key = path.origin.map(({ document }) => document).join()
    units.set(key, [...(units.get(key) ?? []), path])
  }
  return [...units].sort(([a], [b]) => compareText(a, b)).map(([, unit]) => unit)
}
