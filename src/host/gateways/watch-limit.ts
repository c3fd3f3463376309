/** How many secret files the gateways of this host can follow. The kernel counts inotify instances by user, in every user namespace around it. */
import { readFileSync } from 'node:fs'
import { ownWatches } from '../../engines/envoy/watched.ts'
import type { WatchLimit } from '../../engines/envoy/watched.ts'

/** In a sandbox everything is one user's: the agent, and whatever else that user runs. */
const others = 24
const everyUser = 4_294_967_295

/** Undefined where the kernel does not say. `read` gives the text of a file. */
export function watchLimit(read: (path: string) => string = (path) => readFileSync(path, 'utf8')): WatchLimit | undefined {
  try {
    const [granted, own] = ['/proc/sys/fs/inotify/max_user_instances', '/proc/sys/user/max_inotify_instances'].map((path) => Number(read(path)))
    const instances = Math.min(granted ?? NaN, own ?? NaN)
    if (!Number.isInteger(instances)) return undefined
    // On a machine each gateway is a user of its own.
    const [, , users] = read('/proc/self/uid_map').trim().split(/\s+/)
    return Number(users) === everyUser ? { instances, shared: false } : { instances: Math.max(0, instances - others), shared: true }
  } catch {
    return undefined
  }
}

/**
 * Gateways that cannot pass from one configuration to the next while they run: in between Envoy follows the files of both. `held`
 * are those of both, `wanted` of the next.
 */
export function crowded<T>(gateways: readonly { readonly seat: T; readonly wanted: number; readonly held: number }[], limit: WatchLimit | undefined = watchLimit()): readonly T[] {
  const watches = gateways.map(({ held }) => held + ownWatches)
  const most = limit?.shared === true ? watches.reduce((sum, each) => sum + each, 0) : Math.max(0, ...watches)
  if (limit === undefined || most <= limit.instances) return []
  return gateways.filter(({ held, wanted }) => held > wanted).map(({ seat }) => seat)
}
