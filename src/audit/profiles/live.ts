/** Questions that need what is in force, what was tried and what was written down. Nothing that was not seen passes. */
import { isToCome } from '../../base/clock.ts'
import { documentRefs } from '../../analysis/document-ref.ts'
import { formatEnd, formatTraffic } from '../../intent/format.ts'
import { grantLine } from '../../host/grants.ts'
import { readingText } from '../reading-text.ts'
import { grantedSince } from '../since.ts'
import { supersededText } from '../verification.ts'
import { isExpired } from '../../model/platform.ts'
import { projectsOf } from './paths.ts'
import type { Standing } from '../in-force.ts'
import type { Fact, Finding } from './answer.ts'

const notHere: Finding = { outcome: 'needs a person', facts: [{ what: 'these documents are not in force here: there is nothing live to look at' }] }
const dayMs = 86_400_000

/** Why the last verification proves nothing; `undefined` when it does. */
function unproven({ set, verified, agent }: Standing): string | undefined {
  if (agent?.enforced === false) return 'the last look did not find kernel and interfaces as they were put in force'
  if (verified === undefined) return 'nothing was verified'
  if (verified.verification.documents.sha256 !== set.documents.sha256) return 'the last verification was of other documents'
  if (verified.noted === undefined) return 'the change log does not know the last verification'
  if (verified.changed !== undefined) return `the last verification ${supersededText(verified.changed)}`
  return verified.verification.good ? undefined : 'the last verification found mismatches'
}

function proof({ verified }: Standing): readonly Fact[] {
  const v = verified?.verification
  const some = v === undefined || v.pairs.tried === v.pairs.of ? '' : `, between ${v.pairs.tried} of ${v.pairs.of} pairs`
  if (v === undefined) return []
  const mismatches = v.mismatches.length + v.trials.mismatches.length
  const change = `change ${verified?.noted?.seq ?? 'unknown'}`
  return [{ what: `verified ${v.ended}: ${v.probes + v.trials.tried} probes${some}, ${mismatches} mismatches, the table read back is ${readingText(v.reading.verdict)} (${change})` }]
}

/** Whether what was asked was also tried; for questions that the documents answer, live state can only take the answer back. */
export function alsoTried(finding: Finding, standing: Standing): Finding {
  if (finding.outcome !== 'pass' || standing.at === undefined) return finding
  const why = unproven(standing)
  if (why === undefined) return { ...finding, facts: [...finding.facts, ...proof(standing)] }
  return { outcome: 'fail', facts: [{ what: `the documents say so, but ${why}` }, ...finding.facts, ...proof(standing)] }
}

export function verifiedRecently(standing: Standing, days: number, now: number): Finding {
  if (standing.at === undefined) return notHere
  const ended = Date.parse(standing.verified?.verification.ended ?? '')
  const why = unproven(standing) ?? (isToCome(ended, now) ? 'the last verification is of a time that has not come: a clock was set back' : undefined)
  const old = why === undefined && now - ended > days * dayMs
  const drift = (standing.agent?.drift ?? []).filter((d) => !d.repaired)
  const facts = [...(why === undefined ? [] : [{ what: why }]), ...(old ? [{ what: `the last verification is older than ${days} days` }] : []), ...drift.map((d) => ({ what: `not mended: ${d.what}` })), ...proof(standing)]
  if (why !== undefined || old || drift.length > 0) return { outcome: 'fail', facts }
  return { outcome: 'pass', facts: [...facts, ...(standing.agent === undefined ? [{ what: 'no agent answers, so drift since then is not known' }] : [])] }
}

export function sharedHosts(standing: Standing, named: readonly string[] | undefined): Finding {
  const { platform } = standing.set
  const { projects, why } = projectsOf(platform, named)
  const pools = new Map<string, Set<string>>()
  for (const w of platform.workloads.values()) {
    if (!projects.includes(w.enclave)) continue
    const stack = platform.environments.get(platform.enclaves.get(w.enclave)?.environment ?? '')?.stack ?? 'default'
    const pool = w.segment === undefined ? `hosts of stack ${stack} that belong to no segment` : `segment ${w.segment}`
    pools.set(pool, (pools.get(pool) ?? new Set()).add(w.enclave))
  }
  const carried = [...carriedHere(standing)].filter((enclave) => projects.includes(enclave)).sort()
  const shared = [
    ...[...pools].filter(([, enclaves]) => enclaves.size > 1).map(([pool, enclaves]) => ({ what: `${[...enclaves].sort().join(' and ')} share ${pool}` })),
    ...(carried.length > 1 ? [{ what: `${carried.join(' and ')} are carried by this one machine` }] : []),
  ]
  if (shared.length === 0) return { outcome: 'not applicable', facts: [{ what: `no two of ${projects.join(', ')} (${why}) share hosts` }] }
  if (standing.at === undefined) return { outcome: 'needs a person', facts: [...shared, ...notHere.facts] }
  const unshown = unproven(standing)
  const facts = [...shared, { what: 'each replica has a network namespace, process and file space of its own; containers are the weakest separation that there is' }, ...proof(standing)]
  return unshown === undefined ? { outcome: 'pass', facts } : { outcome: 'fail', facts: [{ what: unshown }, ...facts] }
}

/** The enclaves whose workloads this machine runs; without an agent, those that it would run where no Host is declared. */
function carriedHere({ set: { platform }, at, agent }: Standing): ReadonlySet<string> {
  if (at === undefined) return new Set()
  if (agent !== undefined) return new Set(agent.workloads.map((w) => w.workload.slice(0, w.workload.indexOf('/'))))
  return new Set(platform.hosts.size > 0 ? [] : [...platform.workloads.values()].filter((w) => w.start.kind !== 'none').map((w) => w.enclave))
}

export function changesLogged({ at, chain, agent }: Standing): Finding {
  if (at === undefined && chain.entries.length === 0 && chain.problem === undefined) return notHere
  const problem = chain.problem === undefined ? agent?.changeLog.problem : `line ${chain.problem.line} ${chain.problem.what}`
  if (problem !== undefined) return { outcome: 'fail', facts: [{ what: `the change log is broken: ${problem}` }] }
  if (chain.entries.length === 0) return { outcome: 'fail', facts: [{ what: 'there is no change log' }] }
  const last = chain.entries.at(-1)
  return {
    outcome: 'pass',
    facts: [
      { what: `${chain.entries.length} ${chain.entries.length === 1 ? 'change' : 'changes'} from ${chain.entries[0]?.time ?? ''} to ${last?.time ?? ''}, each line with the hash of the one before; the last has ${last?.hash ?? ''}` },
      { what: 'its file is its owner\'s alone, outside of every workload\'s sight; whoever owns it could cut file and note back together, which earlier evidence would show' },
    ],
  }
}

export function pathsApproved(standing: Standing, now: number): Finding {
  if (standing.at === undefined) return notHere
  const since = grantedSince(standing.chain.entries)
  const open = standing.set.intent.paths.filter((p) => !isExpired(p, now))
  if (open.length === 0) return { outcome: 'not applicable', facts: [{ what: 'no path is open' }] }
  const without = open.filter((p) => !saysSomething(since.get(grantLine(p))?.reason))
  if (without.length === 0) return { outcome: 'pass', facts: [{ what: `all ${open.length} open paths were given by changes with a reason` }] }
  return {
    outcome: 'fail',
    facts: without.map((p) => ({ what: `${formatEnd(p.source)} -> ${formatEnd(p.destination)} ${formatTraffic(p)} was given ${since.has(grantLine(p)) ? `by change ${since.get(grantLine(p))?.seq ?? ''} without a reason` : 'by no change that the log knows'}`, documents: documentRefs(p.origin) })),
  }
}

/** Spaces and signs alone are no reason. */
function saysSomething(reason: string | undefined): boolean {
  return reason !== undefined && /[\p{L}\p{N}]/u.test(reason)
}

export function throughGateway(standing: Standing): Finding {
  const inward = standing.set.intent.paths.filter((p) => p.source.kind === 'external')
  if (inward.length === 0) return { outcome: 'not applicable', facts: [{ what: 'nothing comes in from outside' }] }
  const facts = inward.map((p) => ({ what: `${formatEnd(p.destination)} ${formatTraffic(p)} by ${p.via.kind === 'publish' ? 'a published address, screened before it is translated' : 'the inbound gateway'}`, documents: documentRefs(p.origin) }))
  return alsoTried({ outcome: 'pass', facts }, standing)
}
