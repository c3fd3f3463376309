/** What an instance says about itself in its state folder, and its agent if there is one: the ground of every answer of this folder. */
import { isFault, messageOf } from '../base/fault.ts'
import { call } from '../host/api.ts'
import { checkDocuments } from '../host/documents.ts'
import { loadApplied } from '../host/memory.ts'
import { readChangeLog } from './change-log.ts'
import { documentsByLog } from './since.ts'
import { loadVerification, supersededText } from './verification.ts'
import type { CheckedSet } from '../host/documents.ts'
import type { AgentStatus } from '../host/report.ts'
import type { Chain } from './chain.ts'
import type { KeptVerification } from './verification.ts'

export interface Standing {
  readonly set: CheckedSet
  /** ISO 8601: since when these documents are in force; `undefined` where they are not. */
  readonly at: string | undefined
  readonly chain: Chain
  readonly verified: KeptVerification | undefined
  readonly agent: AgentStatus | undefined
  /** What could not be seen, in sentences. */
  readonly unseen: readonly string[]
}

const patienceMs = 5_000

/** Without an instance in force there is only what `documents` says, if anything; `undefined`: nothing at all. */
export async function standingOf(folder: string, documents: CheckedSet | undefined): Promise<Standing | undefined> {
  const unseen: string[] = []
  // Where nothing else is asked about, documents that cannot be read are the answer.
  const applied = documents === undefined ? loadApplied(folder) : seen(unseen, 'the documents in force', () => loadApplied(folder))
  const inForce = applied === undefined ? undefined : checkDocuments(applied, Date.parse(applied.at)).set
  if (applied !== undefined && inForce === undefined) unseen.push('the documents in force no longer load')
  const set = documents ?? inForce
  if (set === undefined) return undefined
  const live = inForce !== undefined && set.documents.sha256 === inForce.documents.sha256
  if (!live) unseen.push(inForce === undefined ? 'nothing is in force here: what follows is what the documents say' : 'other documents are in force: what follows is what these say')
  const chain = readChangeLog(folder)
  if (chain.problem !== undefined) unseen.push(`the change log is broken: line ${chain.problem.line} ${chain.problem.what}; nothing after it counts`)
  else if (chain.entries.length === 0) unseen.push('there is no change log')
  const said = documentsByLog(chain.entries)
  if (live && chain.problem === undefined && said !== undefined && said !== set.documents.sha256) unseen.push('the change log tells of other documents in force than the state folder does')
  const verified = seen(unseen, 'the last verification', () => loadVerification(folder, chain.entries))
  if (verified === undefined) unseen.push('nothing was verified: run `bulkhead verify`')
  else if (verified.verification.documents.sha256 !== set.documents.sha256) unseen.push('the last verification was of other documents: run `bulkhead verify`')
  else if (verified.noted === undefined) unseen.push('the change log does not know the last verification: it may be anybody\'s')
  else if (verified.changed !== undefined) unseen.push(`the last verification ${supersededText(verified.changed)}: run \`bulkhead verify\``)
  const agent = live ? await agentOf(folder, unseen) : undefined
  // Files may be changed behind an agent's back; what it enforces is what it was given.
  const others = agent !== undefined && agent.documents?.sha256 !== set.documents.sha256
  if (others) unseen.push('the agent enforces other documents than the state folder tells of')
  return { set, at: live && !others ? applied?.at : undefined, chain, verified, agent: others ? undefined : agent, unseen }
}

function seen<T>(unseen: string[], what: string, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    unseen.push(`${what} cannot be read: ${messageOf(error)}`)
    return undefined
  }
}

async function agentOf(folder: string, unseen: string[]): Promise<AgentStatus | undefined> {
  try {
    return (await call(folder, '/status', undefined, patienceMs)) as AgentStatus
  } catch (error) {
    if (!isFault(error)) throw error
    unseen.push('no agent answers: whether the rules stand, whether workloads run, and drift are not known')
    return undefined
  }
}
