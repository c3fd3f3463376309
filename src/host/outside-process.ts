/** The command that plays the outside of a sandbox: one at a time, also across agents. */
import { start } from '../base/process.ts'
import { inNetns } from './ip.ts'
import { outsideNetns } from './outside.ts'
import { ownAuthorities } from './sandbox.ts'
import { isAlive, processId, until } from './proc.ts'
import { readState, removeState, writeState } from './state.ts'
import type { ProcessId } from './proc.ts'

const file = 'outside.json'

/** Ends the one before, if there is one, and starts this shell command in a process group of its own. */
export async function startOutside(folder: string, command: string, log: (text: string) => void): Promise<void> {
  await endOutside(folder)
  const child = start(inNetns(outsideNetns, ['sh', '-c', command]), { stdio: ['ignore', 'inherit', 'inherit'], detached: true, cwd: '/', env: { ...process.env, BULKHEAD_AUTHORITIES: ownAuthorities } })
  child.on('error', (error) => log(`error: the outside command did not start: ${error.message}`))
  child.on('exit', (code) => log(`the outside command ended with status ${code ?? 'none'}`))
  const id = child.pid === undefined ? undefined : processId(child.pid)
  if (id !== undefined) writeState(folder, file, id)
}

async function endOutside(folder: string): Promise<void> {
  const id = readState(folder, file) as ProcessId | undefined
  removeState(folder, file)
  if (id === undefined || !isAlive(id)) return
  process.kill(-id.pid, 'SIGKILL')
  await until(() => !isAlive(id), 2_000)
}
