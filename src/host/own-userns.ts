/**
 * A privileged workload's network namespace belongs to a user namespace of its own: rights over it are rights over nothing
 * else. Both are made before the workload, as files, so that its network stands before it and stays when it is started again.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { run, runOrFault, start } from '../base/process.ts'
import { dropTo } from './drop-root.ts'
import { netnsPath } from './ip.ts'

const folder = '/run/bulkhead-userns'

/**
 * What one workload may take of the things that the kernel counts by user. In a sandbox all are one user, and without a limit
 * the first to ask would have everything: 128 inotify instances for instance, without which no gateway starts.
 */
const limits = {
  inotify_instances: 16, inotify_watches: 8_192, fanotify_groups: 16,
  user_namespaces: 64, net_namespaces: 64, mnt_namespaces: 64, pid_namespaces: 64,
} as const

/** They hold for a user namespace and all below it, and nobody inside may raise them. A kernel that lacks one cannot run out of it. */
const limit = `{ ${Object.entries(limits).map(([name, most]) => `echo ${most} >/proc/sys/user/max_${name};`).join(' ')} } 2>/dev/null`

/** In a user namespace between the agent's and the one that the workload's confinement makes. */
export function withLimits(argv: readonly string[]): readonly string[] {
  return ['unshare', '--user', '--map-root-user', '--', 'sh', '-c', `${limit}; exec "$@"`, 'bulkhead-limits', ...argv]
}

/** `owner` is the user id that is root inside; the agent's own when unsaid. */
export interface OwnUserns {
  readonly owner: number | undefined
}

/** A file for each namespace and owner: a place that gets another user id is another place. */
function usernsPath(netns: string, { owner }: OwnUserns): string {
  return join(folder, `${netns}@${owner ?? 'agent'}`)
}

/** Makes the network namespace `netns` as `ip netns add` does, owned by a new user namespace. */
export async function makeOwned(netns: string, own: OwnUserns): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const asOwner = own.owner === undefined ? [] : dropTo(own.owner)
  const argv = [...asOwner, 'unshare', '--user', '--map-root-user', '--net', '--', 'sh', '-c', `${limit}; echo && exec cat`]
  const child = start(argv, { stdio: ['pipe', 'pipe', 'ignore'], cwd: '/' })
  const ready = Promise.withResolvers<void>()
  child.stdout?.once('data', () => ready.resolve())
  child.once('error', ready.reject)
  child.once('exit', () => ready.reject(new Fault('namespaces-forbidden', `no user namespace could be made for \`${netns}\``)))
  try {
    await ready.promise
    for (const [kind, path] of [['net', netnsPath(netns)], ['user', usernsPath(netns, own)]] as const) {
      writeFileSync(path, '')
      await runOrFault(['mount', '-n', '--bind', `/proc/${child.pid ?? 0}/ns/${kind}`, path])
    }
  } finally {
    child.stdin?.destroy()
  }
}

/** Removes what keeps the user namespaces of a network namespace; that itself is removed as any other. */
export async function dropOwned(netns: string): Promise<void> {
  for (const name of names().filter((n) => n.startsWith(`${netns}@`))) {
    await run(['umount', join(folder, name)])
    rmSync(join(folder, name), { force: true })
  }
}

/** True when it stands with exactly this owner, or without one when there is to be none. */
export function isOwned(netns: string, own: OwnUserns | undefined): boolean {
  const found = names().filter((n) => n.startsWith(`${netns}@`))
  return found.length === (own === undefined ? 0 : 1) && (own === undefined || found[0] === usernsPath(netns, own).slice(folder.length + 1))
}

/** The command line that runs something in both namespaces, as root there. */
export function inOwned(netns: string, own: OwnUserns, argv: readonly string[]): readonly string[] {
  return ['nsenter', `--user=${usernsPath(netns, own)}`, `--net=${netnsPath(netns)}`, '--preserve-credentials', '--', ...argv]
}

/** Nothing of ours is left in /run. */
export async function dropAllOwned(prefix: string): Promise<void> {
  for (const name of names().filter((n) => n.startsWith(prefix))) await dropOwned(name.slice(0, name.indexOf('@')))
  await run(['rmdir', '--ignore-fail-on-non-empty', folder])
}

function names(): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
