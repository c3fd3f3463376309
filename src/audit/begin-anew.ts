/** Another log, where the one there was is broken: the broken one stays beside it, and the first line of the new one has its hash. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { grantsAfter } from './chain.ts'
import { changesFile, headFile, openChangeLog, readChangeLog } from './change-log.ts'
import type { Clock } from '../base/clock.ts'
import type { Actor } from '../host/journal.ts'

/** Gives the name of the file that the broken log has now. Only a broken one is put away. */
export function beginAnew(folder: string, actor: Actor, reason: string, clock: Clock): string {
  const { problem, entries } = readChangeLog(folder)
  if (problem === undefined) throw new Fault('usage', 'the change log is not broken', { help: '`bulkhead audit --log` shows it' })
  const path = join(folder, changesFile)
  const aside = `${path}.broken-${new Date(clock()).toISOString().replaceAll(/[:.]/g, '')}`
  const was = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
  if (existsSync(path)) renameSync(path, aside)
  if (existsSync(join(folder, headFile))) renameSync(join(folder, headFile), `${aside}.head`)
  const log = openChangeLog(folder, clock)
  log.append({
    kind: 'begin',
    actor,
    reason,
    opened: [...grantsAfter(entries)].sort(),
    details: [`follows a log that was broken at line ${problem.line}: ${problem.what}`, `${basename(aside)} sha256 ${createHash('sha256').update(was).digest('hex')}`],
  })
  log.settle()
  return aside
}
