/**
 * The time that policies feel: the clock's, but never back. What has expired was closed by the kernel, and stays closed when
 * the clock steps back, when an agent restarts, and when the table is loaded anew.
 */
import { readFileSync } from 'node:fs'
import { systemClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { readState, writeState } from './state.ts'
import type { Clock } from '../base/clock.ts'

/** Time since boot, which no clock setting moves; `boot` tells one boot from another. */
export interface BootTime {
  readonly boot: string
  readonly ms: number
}

export interface PolicyTime {
  /** Milliseconds since the epoch, never less than before in this boot, nor than what was last kept. */
  readonly now: Clock
  /** Writes down how far time has come. */
  readonly keep: () => void
}

const clockFile = 'clock.json'

/** What was kept: how far policies' time had come, and when that was since boot. */
interface Kept extends BootTime {
  readonly latest: number
}

export function openPolicyTime(folder: string, clock: Clock = systemClock, bootTime: () => BootTime = readBootTime): PolicyTime {
  let kept = readKept(folder)
  const now = (): number => laterOf(clock(), kept, bootTime())
  return {
    now,
    keep: () => {
      const next = { latest: now(), ...bootTime() }
      kept = next
      writeState(folder, clockFile, next)
    },
  }
}

/** For those who only look: the same instant, from what the agent has kept. */
export function policyNow(folder: string, now: number): number {
  return laterOf(now, readKept(folder), readBootTime())
}

/** In the same boot time has gone on since it was kept, whatever the clock says. */
function laterOf(now: number, kept: Kept | undefined, { boot, ms }: BootTime): number {
  if (kept === undefined) return now
  return Math.max(now, kept.boot === boot ? kept.latest + Math.max(0, ms - kept.ms) : kept.latest)
}

function readKept(folder: string): Kept | undefined {
  const value = readState(folder, clockFile) as Partial<Kept> | null | undefined
  if (value === undefined) return undefined
  if (!Number.isSafeInteger(value?.latest) || !Number.isFinite(value?.ms) || typeof value?.boot !== 'string') {
    throw new Fault('state-unreadable', `\`${clockFile}\` in \`${folder}\` is damaged`, { help: 'run `bulkhead down`, then `bulkhead up`' })
  }
  return value as Kept
}

function readBootTime(): BootTime {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return { boot, ms: Math.round(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000) }
}
