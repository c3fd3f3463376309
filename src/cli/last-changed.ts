/** When git last saw a document's file change: the change since which it says what it says. */
import { existsSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { run } from '../base/process.ts'

export interface LastChange {
  readonly file: string
  /** Of the newest commit that changed it; undefined: it has changed since. */
  readonly commit: string | undefined
  /** Seconds since the epoch; 0 for a file that has changed since. */
  readonly at: number
  readonly day: string
}

/** For each of these files that git keeps, by its path; none where there is no git. */
export async function lastChanges(paths: Iterable<string>, signal: AbortSignal): Promise<ReadonlyMap<string, LastChange>> {
  const found = new Map<string, LastChange>()
  for (const path of new Set(paths)) {
    const change = existsSync(path) ? await lastChange(path, signal) : undefined
    if (change !== undefined) found.set(path, change)
  }
  return found
}

async function lastChange(path: string, signal: AbortSignal): Promise<LastChange | undefined> {
  const git = async (...args: readonly string[]): Promise<string | undefined> => {
    try {
      const { code, stdout } = await run(['git', '-C', dirname(path), '--no-optional-locks', ...args, '--', basename(path)], { signal })
      return code === 0 ? stdout.trim() : undefined
    } catch {
      // Without git nobody keeps changes.
      return undefined
    }
  }
  const [commit = '', at = '', day = ''] = (await git('log', '-1', '--format=%h %ct %cs'))?.split(' ') ?? []
  if (commit === '') return undefined
  const dirty = (await git('status', '--porcelain')) !== ''
  return dirty ? { file: basename(path), commit: undefined, at: 0, day: '' } : { file: basename(path), commit, at: Number(at), day }
}

/** The newest of them, in words. */
export function newestText(changes: readonly LastChange[]): string | undefined {
  const dirty = changes.find(({ commit }) => commit === undefined)
  if (dirty !== undefined) return `\`${dirty.file}\` has changes that are not committed`
  const [newest] = changes.toSorted((a, b) => b.at - a.at)
  return newest === undefined ? undefined : `\`${newest.file}\` as of commit ${newest.commit ?? ''}, ${newest.day}`
}
