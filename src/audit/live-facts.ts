/** What is known of the machine, in the form that questions about isolation take. */
import type { IsolationOptions } from '../analysis/isolation/isolation.ts'
import type { WorkloadId } from '../model/platform.ts'
import type { Standing } from './in-force.ts'

/** Without an agent that answers, the documents speak alone. */
export function isolationOptions({ set, at, agent, verified }: Standing, now: number): IsolationOptions {
  if (at === undefined || agent === undefined) return { now }
  const v = verified?.noted === undefined || verified.verification.documents.sha256 !== set.documents.sha256 ? undefined : verified.verification
  return {
    now,
    live: {
      enforced: agent.enforced,
      why: agent.enforced ? undefined : 'the rules are not in force',
      verified: v === undefined ? undefined : { at: Date.parse(v.ended), mismatches: v.mismatches.length + v.trials.mismatches.length + v.deviations.length },
      sandbox: agent.mode === 'sandbox',
      here: new Set(agent.workloads.filter((w) => w.failed === undefined).map((w) => w.workload as WorkloadId)),
    },
  }
}
