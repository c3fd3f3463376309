/** The documents and the state of a running instance, as far as they say what is separate. */
import { messageOf } from '../base/fault.ts'
import { formatInstant } from '../base/clock.ts'
import { readChangeLog } from '../audit/change-log.ts'
import { liveFacts, unwatched } from '../audit/live-facts.ts'
import { loadVerification } from '../audit/verification.ts'
import { ask } from '../host/agent-process.ts'
import { documentSet } from '../host/document-set.ts'
import { enter, requireInstance } from '../host/instance.ts'
import { loadApplied } from '../host/memory.ts'
import { judgeFiles } from './load.ts'
import type { LiveFacts } from '../analysis/isolation/live.ts'
import type { AgentStatus } from '../host/report.ts'
import type { Instance } from '../host/state.ts'
import type { ChangeEntry } from '../audit/chain.ts'
import type { LoadedSet } from './load.ts'

export interface RunningSet {
  readonly loaded: LoadedSet
  /** The folder or file that was applied, absolute. */
  readonly directory: string
  readonly live: LiveFacts
  readonly changes: readonly ChangeEntry[]
}

/** A Fault when no instance of that name runs. */
export async function runningSet(instance: Instance, now: number): Promise<RunningSet> {
  const where = await requireInstance(instance)
  const applied = loadApplied(instance.folder)
  const loaded = judgeFiles({ files: applied?.files ?? [], diagnostics: [] }, now)
  const directory = applied?.directory ?? ''
  const { entries, problem } = readChangeLog(instance.folder)
  const changes = problem === undefined ? entries : []
  try {
    const status = (await ask(instance, (argv) => enter(where, argv), '/status')) as AgentStatus
    return { loaded, directory, changes, live: liveFacts(status, applied === undefined ? '' : documentSet('', applied.files).sha256, loadVerification(instance.folder, changes)) }
  } catch (error) {
    return { loaded, directory, changes, live: unwatched(`no agent looks after it (${messageOf(error)})`, where.kind === 'sandbox', loaded.set?.platform.workloads.keys() ?? []) }
  }
}

/** The last change that opened or closed something between the two, in words. */
export function lastBetween(changes: readonly ChangeEntry[], ours: ReadonlySet<string>, theirs: ReadonlySet<string>): string | undefined {
  const between = (grant: string): boolean => {
    const [, source = '', destination = ''] = /^(\S+) -> (\S+)/.exec(grant) ?? []
    return (ours.has(source) && theirs.has(destination)) || (theirs.has(source) && ours.has(destination))
  }
  const last = changes.findLast((entry) => [...(entry.opened ?? []), ...(entry.closed ?? [])].some(between))
  return last === undefined ? undefined : `since change ${last.seq} of ${formatInstant(Date.parse(last.time))}`
}
