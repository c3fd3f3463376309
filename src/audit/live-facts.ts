/** What is known of the machine, in the form that questions about isolation take. */
import type { IsolationOptions } from '../analysis/isolation/isolation.ts'
import type { LiveFacts } from '../analysis/isolation/live.ts'
import type { AgentStatus } from '../host/report.ts'
import type { WorkloadId } from '../model/platform.ts'
import type { Standing } from './in-force.ts'
import type { KeptVerification } from './verification.ts'

/** Where the documents are in force and no agent answers, nothing that the machine keeps is claimed. */
export function isolationOptions({ set, at, agent, verified }: Standing, now: number): IsolationOptions {
  if (at === undefined) return { now }
  return { now, live: agent === undefined ? unwatched('no agent answers', false, set.platform.workloads.keys()) : liveFacts(agent, set.documents.sha256, verified) }
}

/** Of an instance without an agent. */
export function unwatched(why: string, sandbox: boolean, workloads: Iterable<WorkloadId>): LiveFacts {
  return { enforced: false, why, verified: undefined, sandbox, here: new Set(workloads) }
}

/** `documents` is the hash of the set that is asked about. */
export function liveFacts(agent: AgentStatus, documents: string, kept: KeptVerification | undefined): LiveFacts {
  const same = agent.documents?.sha256 === documents
  const unmended = agent.drift.findLast((d) => !d.repaired)
  return {
    enforced: agent.enforced && same,
    why: !same ? 'other documents are in force' : agent.enforced ? undefined : (unmended?.what ?? 'the rules are not in force'),
    verified: verifiedFacts(kept, documents),
    sandbox: agent.mode === 'sandbox',
    here: new Set(agent.workloads.filter((w) => w.failed === undefined).map((w) => w.workload as WorkloadId)),
  }
}

/** A verification counts while what it tried is in force and the log tells of it; what it found wrong counts until another one. */
function verifiedFacts(kept: KeptVerification | undefined, documents: string): LiveFacts['verified'] {
  if (kept?.noted === undefined || kept.verification.documents.sha256 !== documents) return undefined
  const { later } = kept
  if (later?.verification?.good === false) {
    const { mismatches, deviations } = later.verification
    return { at: Date.parse(later.verification.ended), mismatches: Math.max(1, mismatches + deviations), pairs: { tried: 0, of: 0 } }
  }
  const { good, mismatches, deviations, trials, gateways, ended, pairs } = kept.verification
  if (good && kept.changed !== undefined) return undefined
  const found = mismatches.length + trials.mismatches.length + deviations.length + gateways.reduce((sum, g) => sum + g.differences.length, 0)
  return { at: Date.parse(ended), mismatches: good ? 0 : Math.max(1, found), pairs: { tried: pairs.tried, of: pairs.of } }
}
