/** The Intent as lines of text, one for each permission and the documents that give it: what the change log counts and hashes (pure but for the hash). */
import { createHash } from 'node:crypto'
import { formatInstant } from '../base/clock.ts'
import { compareText } from '../base/location.ts'
import { formatVia } from '../analysis/matrix.ts'
import { isExpired } from '../model/platform.ts'
import { describePath } from './changes.ts'
import type { Intent, Path } from '../intent/intent.ts'

/** Most paths of a set are those of the set before. */
const known = new WeakMap<Path, string>()

/** `research/api -> research/db tcp/5432 by ServicePolicy research/api-to-db`; where a document stands does not matter. */
export function grantLine(path: Path): string {
  let line = known.get(path)
  if (line === undefined) {
    const via = formatVia(path.via)
    const until = path.expires === undefined ? '' : ` until ${formatInstant(path.expires)}`
    line = `${describePath(path)}${via === 'direct' ? '' : `, ${via}`}${until} by ${[...new Set(path.origin.map((o) => o.document))].join(' with ')}`
    known.set(path, line)
  }
  return line
}

/** Of paths that are open at `now`. */
export function grantLines(paths: readonly Path[], now: number): ReadonlySet<string> {
  return new Set(paths.filter((p) => !isExpired(p, now)).map(grantLine))
}

/** Those of `lines` that are not in `others`, sorted. */
export function linesWithout(lines: ReadonlySet<string>, others: ReadonlySet<string>): readonly string[] {
  return [...lines].filter((line) => !others.has(line)).sort(compareText)
}

/** SHA-256 of all permissions of an Intent, in its order, each followed by a line break. */
export function intentHash({ paths }: Intent): string {
  return createHash('sha256').update(paths.map((path) => `${grantLine(path)}\n`).join('')).digest('hex')
}
