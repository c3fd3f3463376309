/** Commands that change an instance take turns: two `up`, or `down` during `up`, would undo each other's halves. */
import { closeSync, constants, existsSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { start } from '../base/process.ts'
import type { Instance } from './state.ts'

const file = 'turn.lock'
const longestWaitS = 180

export interface TurnOptions {
  /** The command, for whoever has to wait. */
  readonly what: string
  /** Told once when somebody else has the turn. */
  readonly onWait: (holder: string) => void
  readonly waitS?: number
}

/**
 * The kernel holds the lock for this process and takes it back when it ends, however it ends. An instance without a
 * folder has nothing to change, and no lock.
 */
export async function withTurn<T>(instance: Instance, options: TurnOptions, work: () => Promise<T>): Promise<T> {
  if (!existsSync(instance.folder)) return work()
  const path = join(instance.folder, file)
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  try {
    if (!(await lock(fd, ['--nonblock']))) {
      const holder = readFileSync(path, 'utf8')
      options.onWait(holder)
      if (!(await lock(fd, ['--wait', String(options.waitS ?? longestWaitS)]))) {
        throw new Fault('instance-busy', `${readFileSync(path, 'utf8') || 'another command'} is still changing \`${instance.name}\``, { help: 'wait for it, or end it and try again' })
      }
    }
    const mine = `\`bulkhead ${options.what}\`, process ${process.pid},`
    // A note for others: without room for it, the lock holds all the same.
    try {
      ftruncateSync(fd)
      writeSync(fd, mine, 0)
    } catch {
      ftruncateSync(fd)
    }
    return await work()
  } finally {
    closeSync(fd)
  }
}

/** The lock belongs to the open file, which the helper shares with us and leaves to us. */
async function lock(fd: number, how: readonly string[]): Promise<boolean> {
  const child = start(['flock', ...how, '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code === 0
}
