/** The latest records of one workload, from disk: nothing has to run for that. */
import { readRecords } from '../observe/read.ts'
import { readStats } from '../observe/store.ts'
import type { VerdictRecord } from '../observe/verdict.ts'

export interface Recent {
  /** Oldest first. */
  readonly allowed: readonly VerdictRecord[]
  readonly refused: readonly VerdictRecord[]
  /** Of the whole platform: refusals that have no record. */
  readonly lost: number
}

/** `undefined` where nothing was ever recorded. What live verification tried is left out. */
export async function recentOf(folder: string, workload: string, most: number, signal: AbortSignal): Promise<Recent | undefined> {
  const stats = readStats(folder)
  if (stats === undefined) return undefined
  const allowed: VerdictRecord[] = []
  const refused: VerdictRecord[] = []
  for await (const line of readRecords(folder, { follow: false, signal })) {
    if (line === 'caught-up' || line.kind !== 'verdict' || line.probe) continue
    if (line.source.workload !== workload && line.destination.workload !== workload) continue
    const list = line.verdict === 'allow' ? allowed : refused
    list.push(line)
    if (list.length > most) list.shift()
  }
  return { allowed, refused, lost: stats.lost }
}
