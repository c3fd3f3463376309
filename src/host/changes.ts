/** What a new Intent opens and closes compared with the one before, in the words of the documents (pure). */
import { compareText } from '../base/location.ts'
import { formatEnd } from '../intent/format.ts'
import { formatPorts } from '../net/ports.ts'
import { isExpired } from '../model/platform.ts'
import type { Path } from '../intent/intent.ts'

export interface Changes {
  readonly opened: readonly string[]
  readonly closed: readonly string[]
}

/** Of paths that are carried; those already expired at `now` count as closed. */
export function changes(before: readonly Path[], after: readonly Path[], now: number): Changes {
  const old = lines(before, now)
  const next = lines(after, now)
  return {
    opened: [...next].filter((line) => !old.has(line)).sort(compareText),
    closed: [...old].filter((line) => !next.has(line)).sort(compareText),
  }
}

function lines(paths: readonly Path[], now: number): ReadonlySet<string> {
  return new Set(paths.filter((p) => !isExpired(p, now)).map(describePath))
}

/** `research/api -> research/db tcp/5432`. */
export function describePath(path: Path): string {
  const ports = path.protocol === 'icmp' ? 'icmp' : `${path.protocol}/${formatPorts(path.ports)}`
  const phases = path.phases.length === 3 ? '' : ` in phase ${path.phases.join(', ')}`
  return `${formatEnd(path.source)} -> ${formatEnd(path.destination)} ${ports}${phases}`
}
