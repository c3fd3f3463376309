/** Keeps what workloads write from filling the disk: a log that grew too large is kept once beside, and begun anew. */
import { copyFileSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

const largestLog = 16 * 1024 * 1024

/** Writers append, so they go on at the start of the emptied file. Lines written while it is copied may be lost. */
export function boundLogs(folder: string, limit = largestLog): void {
  for (const name of readdirSync(join(folder, 'log'))) {
    const path = join(folder, 'log', name)
    if (!name.endsWith('.log') || statSync(path).size <= limit) continue
    try {
      copyFileSync(path, `${path}.1`)
    } catch {
      // On a full disk the old lines are what makes room.
      rmSync(`${path}.1`, { force: true })
    }
    truncateSync(path, 0)
  }
}
