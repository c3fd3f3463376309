/** Puts a configuration before a running Envoy, and says "in force" only when Envoy has. */
import { randomBytes } from 'node:crypto'
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../../base/fault.ts'
import { adminSocket } from './bootstrap.ts'
import { isReady, rejections, subscriptionState } from './admin.ts'
import type { GatewayFiles } from './render.ts'
import type { Subscription, SubscriptionState } from './admin.ts'

export interface ApplyOptions {
  /** The folder as this process sees it; Envoy may see it elsewhere. */
  readonly folder: string
  /** Milliseconds until Envoy counts as silent; 10,000 when unsaid. */
  readonly timeoutMs?: number
}

/** Replaces a file as a whole: who reads it finds the old text or the new one. It belongs to whom its folder belongs to, who is Envoy's user. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(beside, text, { mode: 0o600 })
    const { uid, gid } = await stat(dirname(path))
    if (uid !== process.getuid?.()) await chown(beside, uid, gid)
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}

/** Writes the files for an Envoy that is about to start. */
export async function prepare({ files }: Pick<GatewayFiles, 'files'>, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const [name, text] of files) await replaceFile(join(folder, name), text)
}

/** Waits until an Envoy that was started has taken everything it was started with. */
export async function untilReady({ files }: Pick<GatewayFiles, 'files'>, { folder, timeoutMs = 10_000 }: ApplyOptions): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await isReady(join(folder, adminSocket)))) {
    if (performance.now() > deadline) throw silent(timeoutMs)
    await sleep(20)
  }
  for (const which of ['cds', 'lds'] as const) await untilTaken(which, versionOf(files, which), { rejected: 0, failed: 0 }, folder, deadline, timeoutMs)
}

/**
 * Gives a running Envoy what has changed, in the order in which nothing points at what is not there: clusters are added, then
 * listeners replaced, then clusters removed. Returns when all is in force; throws a Fault that says what Envoy refused, and
 * then what was in force before still is.
 */
export async function apply({ files }: Pick<GatewayFiles, 'files'>, { folder, timeoutMs = 10_000 }: ApplyOptions): Promise<void> {
  const deadline = performance.now() + timeoutMs
  const give = async (which: Subscription, text: string): Promise<void> => {
    const path = join(folder, `${which}.json`)
    const before = await readFile(path, 'utf8').catch(() => '')
    const socket = join(folder, adminSocket)
    const state = await subscriptionState(socket, which, timeoutMs)
    const version = versionOf(new Map([[`${which}.json`, text]]), which)
    if (before === text && state.version === version) return
    await replaceFile(path, text)
    try {
      await untilTaken(which, version, state, folder, deadline, timeoutMs)
    } catch (error) {
      // The next Envoy, after a crash, is to start with what stands.
      if (before !== '') await replaceFile(path, before)
      throw error
    }
  }
  const clusters = files.get('cds.json') ?? ''
  const both = withOld(clusters, await readFile(join(folder, 'cds.json'), 'utf8').catch(() => ''))
  await give('cds', both)
  await give('lds', files.get('lds.json') ?? '')
  await give('cds', clusters)
}

interface Resources {
  readonly version_info: string
  readonly resources: readonly { readonly name: string }[]
}

/** The new clusters, and the old ones that chains in force still lead to. */
function withOld(next: string, before: string): string {
  if (before === '') return next
  const [after, old] = [JSON.parse(next) as Resources, JSON.parse(before) as Resources]
  const names = new Set(after.resources.map(({ name }) => name))
  const kept = old.resources.filter(({ name }) => !names.has(name))
  if (kept.length === 0) return next
  return JSON.stringify({ version_info: `${after.version_info}+${old.version_info}`, resources: [...after.resources, ...kept] })
}

function versionOf(files: ReadonlyMap<string, string>, which: Subscription): string {
  return (JSON.parse(files.get(`${which}.json`) ?? '{}') as Partial<Resources>).version_info ?? ''
}

async function untilTaken(which: Subscription, version: string, before: Pick<SubscriptionState, 'rejected' | 'failed'>, folder: string, deadline: number, timeoutMs: number): Promise<void> {
  const socket = join(folder, adminSocket)
  for (;;) {
    const { version: taken, rejected, failed } = await subscriptionState(socket, which, Math.max(1, deadline - performance.now()))
    if (rejected > before.rejected || failed > before.failed) {
      // A file that is no message at all is only in the log.
      const said = rejected > before.rejected ? await rejections(socket) : []
      throw new Fault('gateway-rejected', `Envoy does not accept the configuration: ${said.join('; ').slice(0, 2_000) || 'its log says why'}`)
    }
    if (taken === version) return
    if (performance.now() > deadline) throw silent(timeoutMs)
    await sleep(10)
  }
}

function silent(timeoutMs: number): Fault {
  return new Fault('gateway-silent', `Envoy has not taken the configuration within ${timeoutMs / 1000} s`)
}
