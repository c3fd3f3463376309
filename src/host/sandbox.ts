/**
 * A rootless sandbox: user, network, mount and process namespaces in which an ordinary user is root over a network of their
 * own. A tiny first process holds it; when that ends, the kernel ends everything inside, so nothing can be left behind.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { start } from '../base/process.ts'
import { childrenOf, isAlive, processId, signal, until } from './proc.ts'
import { readState, removeState, writeState } from './state.ts'
import type { ProcessId } from './proc.ts'

export interface Sandbox {
  /** `unshare`, which waits for the first process and ends it when it ends itself. */
  readonly holder: ProcessId
  /** The first process inside, by its id outside. */
  readonly init: ProcessId
}

/** The shell waits in a loop, which also buries the orphans that a first process inherits. */
const initScript = `
mount -t tmpfs -o mode=755,size=64m tmpfs /run && mkdir /run/netns || exit 1
ip link set lo up || exit 1
: > "$1"
trap 'exit 0' TERM
while :; do sleep 86400 & wait $!; done
`

export async function startSandbox(folder: string): Promise<Sandbox> {
  const ready = join(folder, 'sandbox.ready')
  rmSync(ready, { force: true })
  const argv = ['unshare', '--user', '--map-root-user', '--net', '--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc', 'sh', '-c', initScript, 'bulkhead-init', ready]
  const child = start(argv, { detached: true, stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => void (said += chunk.toString('utf8').slice(0, 2_000)))
  let ended: number | null | undefined
  child.on('error', (error) => void ((ended = 1), (said = error.message)))
  child.on('exit', (code) => void (ended = code))
  await until(() => existsSync(ready) || ended !== undefined, 10_000)
  const holder = child.pid === undefined ? undefined : processId(child.pid)
  const init = childrenOf(child.pid ?? -1).map(processId).find((id) => id !== undefined)
  if (!existsSync(ready) || holder === undefined || init === undefined) {
    child.kill('SIGKILL')
    throw new Fault('namespaces-forbidden', `a sandbox cannot be made here: ${said.trim() || 'the kernel did not allow it'}`, {
      help: 'run bin/setup, which tells how to allow unprivileged user namespaces on this machine',
    })
  }
  child.stderr?.destroy()
  child.unref()
  rmSync(ready, { force: true })
  const sandbox = { holder, init }
  writeState(folder, 'sandbox.json', sandbox)
  return sandbox
}

/** The sandbox of an instance, if it is alive. */
export function findSandbox(folder: string): Sandbox | undefined {
  const sandbox = readState(folder, 'sandbox.json') as Sandbox | undefined
  return sandbox !== undefined && isAlive(sandbox.init) ? sandbox : undefined
}

/** The command line that runs something inside: as root there, which is the user outside. */
export function enterSandbox(sandbox: Sandbox, argv: readonly string[]): readonly string[] {
  return ['nsenter', `--target=${sandbox.init.pid}`, '--user', '--net', '--mount', '--pid', '--preserve-credentials', '--', ...argv]
}

/** Ends the sandbox and all that is in it; returns when it is gone. */
export async function stopSandbox(folder: string, sandbox: Sandbox): Promise<void> {
  signal(sandbox.init, 'SIGKILL')
  if (!(await until(() => !isAlive(sandbox.init) && !isAlive(sandbox.holder), 10_000))) {
    throw new Fault('network-failed', 'the sandbox did not end within 10 s', { help: 'try `bulkhead down` again' })
  }
  removeState(folder, 'sandbox.json')
}
