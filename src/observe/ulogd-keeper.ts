/** One ulogd for as long as somebody records: adopted or started, and started again when it ends by itself. */
import { messageOf } from '../base/fault.ts'
import { adoptUlogd, endUlogd, forgetUlogd, logSize, readLog, startUlogd } from './ulogd.ts'
import type { Tail } from './tail.ts'

export interface UlogdKeeper {
  /** An earlier recorder had left it running. */
  readonly adopted: boolean
  /** Starts it again if it has ended, after a while that grows while it does not start. True when it was started. */
  readonly revive: () => Promise<boolean>
  /** How often it had to be started again, whether or not it did start. */
  readonly restarts: () => number
  /** Renames the file of a tail that has grown beyond `bytes`, and has ulogd write to a new one. */
  readonly rotate: (tail: Tail, bytes: number) => void
  /** Whether it has said since it was last asked that connections were lost. */
  readonly hasLost: () => boolean
  readonly end: () => Promise<void>
}

const readyMs = 5_000
const fastestRestartMs = 100
const slowestRestartMs = 5_000

/** Resolves when ulogd listens. */
export async function keepUlogd(folder: string, group: number, onProblem: (message: string) => void): Promise<UlogdKeeper> {
  const adopted = adoptUlogd(folder, group)
  let ulogd = adopted ?? (await startUlogd(folder, group, readyMs))
  // A rotation may have been interrupted between renaming and telling.
  adopted?.signal('SIGHUP')
  let said = logSize(folder)
  let restarts = 0
  let restartAt = 0
  let restartDelay = fastestRestartMs

  return {
    adopted: adopted !== undefined,
    revive: async () => {
      if (ulogd.alive() || performance.now() < restartAt) return false
      restarts++
      onProblem('ulogd ended by itself and is started again')
      let started = false
      try {
        ulogd = await startUlogd(folder, group, readyMs)
        restartDelay = fastestRestartMs
        started = true
      } catch (error) {
        restartDelay = Math.min(restartDelay * 2, slowestRestartMs)
        onProblem(messageOf(error))
      }
      restartAt = performance.now() + restartDelay
      return started
    },
    restarts: () => restarts,
    rotate: (tail, bytes) => {
      if (tail.size() < bytes || !ulogd.alive() || !tail.rotate()) return
      ulogd.signal('SIGHUP')
    },
    hasLost: () => {
      const log = readLog(folder, said)
      said += Buffer.byteLength(log)
      return /NFCT.*(losing events|Maximum buffer size)/.test(log)
    },
    end: async () => {
      await endUlogd(ulogd)
      forgetUlogd(folder)
    },
  }
}
