/** What every layer is judged by. */
import type { Platform, Workload } from '../../model/platform.ts'
import type { Graph } from '../graph.ts'
import type { DocumentPlace } from './finding.ts'
import type { LiveFacts } from './live.ts'
import type { Party } from './party.ts'
import type { Places } from './places.ts'

export interface IsolationContext {
  readonly platform: Platform
  /** Sorted by text, so that who is asked about first changes nothing. */
  readonly parties: readonly [Party, Party]
  readonly places: Places
  readonly live: LiveFacts | undefined
}

/** With the paths that are open at the instant asked about. */
export interface PolicyContext extends IsolationContext {
  readonly graph: Graph
}

export function workloadsOf({ parties: [a, b] }: IsolationContext): readonly [readonly Workload[], readonly Workload[]] {
  return [a.workloads, b.workloads]
}

type Named = 'stacks' | 'environments' | 'segments' | 'hosts' | 'enclaves'

const kinds: Readonly<Record<Named, string>> = { stacks: 'Stack', environments: 'Environment', segments: 'IsolationSegment', hosts: 'Host', enclaves: 'Enclave' }

/** The documents of these names; those that nobody wrote (`default`) have no place to point at. */
export function documentsNamed(platform: Platform, table: Named, names: Iterable<string>): readonly DocumentPlace[] {
  return [...names].sort().flatMap((name) => {
    const found = platform[table].get(name)
    return found === undefined ? [] : [{ document: `${kinds[table]} ${name}`, at: found.at }]
  })
}

export function list(names: readonly string[]): string {
  const shown = names.slice(0, 4).map((name) => `\`${name}\``)
  if (names.length > 4) return `${shown.join(', ')} and ${names.length - 4} more`
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1) ?? ''}`
}
