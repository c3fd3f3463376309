/**
 * A rootless sandbox: user, network, mount and process namespaces in which an ordinary user is root over a network of their
 * own. A tiny first process holds it; when that ends, the kernel ends everything inside, so nothing can be left behind.
 */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Fault, isFault } from '../base/fault.ts'
import { start } from '../base/process.ts'
import { allProcesses, childrenOf, isAlive, processId, signal, until } from './proc.ts'
import { readState, removeState, writeState } from './state.ts'
import type { ProcessId } from './proc.ts'

export interface Sandbox {
  /** `unshare`, which waits for the first process and ends it when it ends itself. */
  readonly holder: ProcessId
  /** The first process inside, by its id outside. */
  readonly init: ProcessId
}

/** Who vouches for web servers, as this machine has it. */
export const authorities = '/etc/ssl/certs/ca-certificates.crt'
/** A sandbox has a copy of its own in that place: what plays its outside may add an authority, and the machine believes it no more than before. */
export const ownAuthorities = '/run/authorities.pem'

/**
 * The shell waits in a loop, which also buries the orphans that a first process inherits. It goes on only when it is told
 * that it has been written down: a sandbox that nobody knows of could never be ended.
 */
const initScript = `
read -r go && [ "$go" = go ] || exit 1
mount -t tmpfs -o mode=755,size=64m tmpfs /run && mkdir /run/netns || exit 1
if [ -f ${authorities} ]; then
  cp ${authorities} ${ownAuthorities} && mount --bind ${ownAuthorities} ${authorities} || exit 1
fi
ip link set lo up || exit 1
: > "$1"
trap 'exit 0' TERM
while :; do sleep 86400 & wait $!; done
`

export async function startSandbox(folder: string): Promise<Sandbox> {
  const ready = readyFile(folder)
  rmSync(ready, { force: true })
  const argv = ['unshare', '--user', '--map-root-user', '--net', '--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc', 'sh', '-c', initScript, 'bulkhead-init', ready]
  const child = start(argv, { detached: true, stdio: ['pipe', 'ignore', 'pipe'], cwd: '/' })
  child.stdin?.on('error', () => undefined)
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => void (said += chunk.toString('utf8').slice(0, 2_000)))
  let ended: number | null | undefined
  child.on('error', (error) => void ((ended = 1), (said = error.message)))
  child.on('exit', (code) => void (ended = code))
  const holder = child.pid === undefined ? undefined : processId(child.pid)
  let init: ProcessId | undefined
  const find = (): boolean => (init = childrenOf(child.pid ?? -1).map(processId).find((id) => id !== undefined)) !== undefined
  await until(() => find() || ended !== undefined, longestStartMs)
  if (holder !== undefined && init !== undefined) {
    writeState(folder, 'sandbox.json', { holder, init })
    child.stdin?.end('go\n')
    await until(() => existsSync(ready) || ended !== undefined, longestStartMs)
  }
  if (!existsSync(ready) || holder === undefined || init === undefined) {
    child.kill('SIGKILL')
    removeState(folder, 'sandbox.json')
    throw new Fault('namespaces-forbidden', `a sandbox cannot be made here: ${said.trim() || 'the kernel did not allow it'}`, {
      help: 'run bin/setup, which tells how to allow unprivileged user namespaces on this machine',
    })
  }
  child.stderr?.destroy()
  child.unref()
  rmSync(ready, { force: true })
  return { holder, init }
}

/** The sandbox of an instance, if it is alive: as it was written down, or where that is lost or damaged, by looking for it. */
export function findSandbox(folder: string): Sandbox | undefined {
  let known: Partial<Sandbox> | null | undefined
  try {
    known = readState(folder, 'sandbox.json') as Partial<Sandbox> | null | undefined
  } catch (error) {
    if (!isFault(error)) throw error
  }
  if (isProcessId(known?.init) && isProcessId(known?.holder)) return isAlive(known.init) ? { init: known.init, holder: known.holder } : undefined
  return searchSandbox(folder)
}

function isProcessId(value: unknown): value is ProcessId {
  const { pid, started } = (value ?? {}) as Partial<ProcessId>
  return Number.isSafeInteger(pid) && typeof started === 'string'
}

/**
 * A first process that says it is this instance's. Anybody can say that of himself; but one of another user is not asked, and
 * a workload is deeper down, in a process namespace of its own.
 */
function searchSandbox(folder: string): Sandbox | undefined {
  const words = ['bulkhead-init', readyFile(folder)].join('\0')
  for (const pid of existsSync(folder) ? allProcesses() : []) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(words) || statSync(`/proc/${pid}`).uid !== process.getuid?.()) continue
      const [, ...ids] = /^NSpid:\t(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]?.split('\t') ?? []
      const init = processId(pid)
      const holder = processId(Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]))
      if (ids.join() === '1' && init !== undefined && holder !== undefined) return { init, holder }
    } catch {
      // It ended while we looked.
    }
  }
  return undefined
}

function readyFile(folder: string): string {
  return join(folder, 'sandbox.ready')
}

const longestStartMs = 30_000

/** The command line that runs something inside: as root there, which is the user outside. */
export function enterSandbox(sandbox: Sandbox, argv: readonly string[]): readonly string[] {
  return ['nsenter', `--target=${sandbox.init.pid}`, '--user', '--net', '--mount', '--pid', '--preserve-credentials', '--', ...argv]
}

/**
 * `nsenter` suspends itself with what it has started inside, and would not notice that this has ended: then its remains, and
 * with them the sandbox, would stay for ever.
 */
export function resumeEntered(sandbox: Sandbox): void {
  for (const pid of allProcesses()) {
    const id = processId(pid)
    try {
      if (id !== undefined && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`nsenter\0--target=${sandbox.init.pid}\0`)) signal(id, 'SIGCONT')
    } catch {
      // It ended while we looked, or is not ours to signal.
    }
  }
}

/** Ends the sandbox and all that is in it; returns when it is gone. */
export async function stopSandbox(folder: string, sandbox: Sandbox): Promise<void> {
  signal(sandbox.init, 'SIGKILL')
  const ended = (): boolean => {
    resumeEntered(sandbox)
    return !isAlive(sandbox.init) && !isAlive(sandbox.holder)
  }
  if (!(await until(() => !isAlive(sandbox.init) && !isAlive(sandbox.holder), 500)) && !(await until(ended, 20_000, 100))) {
    throw new Fault('network-failed', 'the sandbox did not end within 20 s', { help: 'try `bulkhead down` again' })
  }
  removeState(folder, 'sandbox.json')
}
