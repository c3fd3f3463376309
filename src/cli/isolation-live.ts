/** The documents and the state of a running instance, as far as they say what is separate. */
import { messageOf } from '../base/fault.ts'
import { formatInstant } from '../base/clock.ts'
import { readChangeLog } from '../audit/change-log.ts'
import { loadVerification } from '../audit/verification.ts'
import { ask } from '../host/agent-process.ts'
import { enter, requireInstance } from '../host/instance.ts'
import { loadApplied } from '../host/memory.ts'
import { judgeFiles } from './load.ts'
import type { LiveFacts } from '../analysis/isolation/live.ts'
import type { AgentStatus } from '../host/report.ts'
import type { Instance } from '../host/state.ts'
import type { WorkloadId } from '../model/platform.ts'
import type { ChangeEntry } from '../audit/chain.ts'
import type { LoadedSet } from './load.ts'

export interface RunningSet {
  readonly loaded: LoadedSet
  readonly live: LiveFacts
  readonly changes: readonly ChangeEntry[]
}

/** A Fault when no instance of that name runs. */
export async function runningSet(instance: Instance, now: number): Promise<RunningSet> {
  const where = await requireInstance(instance)
  const loaded = judgeFiles({ files: loadApplied(instance.folder)?.files ?? [], diagnostics: [] }, now)
  const { entries, problem } = readChangeLog(instance.folder)
  const changes = problem === undefined ? entries : []
  try {
    const status = (await ask(instance, (argv) => enter(where, argv), '/status')) as AgentStatus
    return { loaded, changes, live: factsOf(status, where.kind === 'sandbox', lastVerification(instance.folder, status, changes)) }
  } catch (error) {
    const live: LiveFacts = { enforced: false, why: `no agent looks after it (${messageOf(error)})`, verified: undefined, sandbox: where.kind === 'sandbox', here: new Set(loaded.set?.platform.workloads.keys()) }
    return { loaded, changes, live }
  }
}

/** A verification counts while what it tried is in force, and when the log tells of it. */
function lastVerification(folder: string, { documents }: AgentStatus, changes: readonly ChangeEntry[]): LiveFacts['verified'] {
  const kept = loadVerification(folder, changes)
  if (kept?.noted === undefined || kept.verification.documents.sha256 !== documents?.sha256) return undefined
  const { verification: summary } = kept.noted
  return summary === undefined ? undefined : { at: Date.parse(summary.ended), mismatches: summary.mismatches + summary.deviations }
}

function factsOf(status: AgentStatus, sandbox: boolean, verified: LiveFacts['verified']): LiveFacts {
  const unmended = status.drift.findLast((d) => !d.repaired)
  return {
    enforced: status.enforced, why: status.enforced ? undefined : (unmended?.what ?? 'the rules are not in force'), verified, sandbox,
    here: new Set(status.workloads.filter((w) => w.failed === undefined).map((w) => w.workload as WorkloadId)),
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
