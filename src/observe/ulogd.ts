/**
 * The life of ulogd: started in the current network namespace, adopted when an earlier process left it running, ended
 * when asked. It outlives its starter, so that nothing is missed while the agent is away.
 */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault, messageOf } from '../base/fault.ts'
import { start, startFault } from '../base/process.ts'
import { processId } from '../host/proc.ts'
import { findPluginFolder, ulogdConfig, ulogdConfigFile, ulogdLogFile } from './ulogd-config.ts'

export interface Ulogd {
  readonly pid: number
  readonly alive: () => boolean
  readonly signal: (signal: 'SIGHUP' | 'SIGTERM' | 'SIGKILL') => void
}

const processFile = 'ulogd.json'

/** Lets ulogd's files grow no further than this while nobody reads and rotates them; in bytes. */
const fileLimit = 256 * 1024 * 1024

/** The ulogd that an earlier process started for this folder, if it runs in this network namespace and as it should now. */
export function adoptUlogd(folder: string, group: number): Ulogd | undefined {
  const found = running(folder)
  if (found === undefined || !sameNetwork(found.pid)) return undefined
  return readText(join(folder, ulogdConfigFile)) === ulogdConfig({ pluginFolder: pluginFolder(), group }) ? found : undefined
}

/** Starts ulogd and waits until it listens. Whatever an earlier process left running for this folder is ended first. */
export async function startUlogd(folder: string, group: number, timeoutMs: number): Promise<Ulogd> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const config = ulogdConfig({ pluginFolder: pluginFolder(), group })
  const before = running(folder)
  if (before !== undefined) await endUlogd(before)
  writeFileSync(join(folder, ulogdConfigFile), config, { mode: 0o600 })
  const said = logSize(folder)
  // With SIGXFSZ ignored, a full file makes ulogd drop lines, which are counted as lost; it would end otherwise.
  const argv = ['prlimit', `--fsize=${fileLimit}`, 'env', '--ignore-signal=XFSZ', ulogdProgram(), '-c', ulogdConfigFile]
  const child = start(argv, { cwd: folder, detached: true, stdio: 'ignore' })
  let failed: Fault | undefined
  child.on('error', (error) => {
    failed = startFault('ulogd', error)
  })
  child.unref()
  const { pid } = child
  const began = pid === undefined ? undefined : startTime(pid)
  if (pid !== undefined && began !== undefined) {
    // prlimit and env become ulogd: the process stays the same.
    writeFileSync(join(folder, `${processFile}.new`), `${JSON.stringify({ pid, startTime: began })}\n`, { mode: 0o600 })
    renameSync(join(folder, `${processFile}.new`), join(folder, processFile))
  }
  const until = performance.now() + timeoutMs
  for (;;) {
    await pause(10)
    const log = readLog(folder, said)
    if (failed !== undefined) throw failed
    if (pid === undefined || began === undefined || startTime(pid) !== began) throw new Fault('command-failed', `\`ulogd\` ended at once: ${lastWords(log)}`)
    if (log.includes('entering main loop')) return handle(pid, began)
    if (performance.now() > until) {
      handle(pid, began).signal('SIGKILL')
      throw new Fault('command-timeout', `\`ulogd\` was not ready within ${timeoutMs / 1000} s: ${lastWords(log)}`)
    }
  }
}

/** Asks, waits two seconds, then insists. */
export async function endUlogd(ulogd: Ulogd): Promise<void> {
  ulogd.signal('SIGTERM')
  for (let waited = 0; ulogd.alive(); waited += 10) {
    if (waited === 2_000) ulogd.signal('SIGKILL')
    await pause(10)
  }
}

export function forgetUlogd(folder: string): void {
  rmSync(join(folder, processFile), { force: true })
}

/** What ulogd said from byte `from` of its log on. */
export function readLog(folder: string, from: number): string {
  try {
    return readFileSync(join(folder, ulogdLogFile)).toString('utf8', from)
  } catch {
    return '' // Not there before ulogd has begun.
  }
}

export function logSize(folder: string): number {
  try {
    return statSync(join(folder, ulogdLogFile)).size
  } catch {
    return 0
  }
}

function handle(pid: number, began: string): Ulogd {
  const alive = (): boolean => startTime(pid) === began
  return Object.freeze({
    pid,
    alive,
    signal: (signal: 'SIGHUP' | 'SIGTERM' | 'SIGKILL') => {
      if (!alive()) return
      try {
        process.kill(pid, signal)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw new Fault('permission-denied', `\`ulogd\` cannot be signalled: ${messageOf(error)}`)
      }
    },
  })
}

/** Since when a process runs, which tells it from a later one with the same number; `undefined` when it is gone or a zombie. */
function startTime(pid: number): string | undefined {
  return processId(pid)?.started
}

function running(folder: string): Ulogd | undefined {
  const saved = readSaved(folder)
  return saved !== undefined && startTime(saved.pid) === saved.startTime ? handle(saved.pid, saved.startTime) : undefined
}

function pluginFolder(): string {
  const found = findPluginFolder(namesIn)
  if (found === undefined) throw new Fault('tool-missing', 'the plugins of `ulogd` are not installed', { help: 'install ulogd2 and ulogd2-json' })
  return found
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function sameNetwork(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net')
  } catch {
    return false
  }
}

function readSaved(folder: string): { readonly pid: number; readonly startTime: string } | undefined {
  try {
    const value = JSON.parse(readText(join(folder, processFile))) as { pid?: unknown; startTime?: unknown } | null
    if (!Number.isSafeInteger(value?.pid) || Number(value?.pid) <= 1 || typeof value?.startTime !== 'string') return undefined
    return { pid: Number(value.pid), startTime: value.startTime }
  } catch {
    return undefined
  }
}

/** An ordinary user's PATH often lacks the folders of system programs. */
function ulogdProgram(): string {
  return ['/usr/sbin', '/sbin', '/usr/local/sbin', '/usr/bin'].map((folder) => join(folder, 'ulogd')).find((path) => statSync(path, { throwIfNoEntry: false })) ?? 'ulogd'
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function lastWords(log: string): string {
  return log.trim().split('\n').at(-1) ?? ''
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
