/** What in a bundle can be worked out from the rest of it, and says more than that: the owner of a key can sign anything. */
import { allPairs, allPairsJson } from '../../analysis/isolation/all.ts'
import { strengths } from '../../analysis/isolation/finding.ts'
import { canonicalJson } from '../../base/canonical-json.ts'
import { checkProfile } from '../profiles/check.ts'
import { builtInProfile } from '../profiles/load.ts'
import { placeIn, summaryOf, supersededText } from '../verification.ts'
import type { CheckedSet } from '../../host/documents.ts'
import type { ChangeEntry } from '../chain.ts'
import type { Standing } from '../in-force.ts'
import type { KeptVerification, Verification } from '../verification.ts'
import type { EvidencePredicate } from './statement.ts'

export function verificationRemarks({ files, documents, made, changes: { first, since } }: EvidencePredicate, changes: readonly ChangeEntry[]): readonly string[] {
  const text = files['verification.json']
  const equivalence = JSON.parse(files['equivalence.json'] ?? '{}') as { readonly live?: unknown }
  if (text === undefined) {
    const last = changes.findLast((c) => c.kind === 'verify')
    return [
      ...(last === undefined ? [] : [`the verification that change ${last.seq} tells of is not in it`]),
      ...((equivalence.live ?? null) === null ? [] : ['equivalence.json tells of another verification']),
    ]
  }
  const { verification, sha256: told, change } = readVerification(text)
  if (summaryOf(verification).sha256 !== told) return ['the verification has another hash than it says']
  const entry = changes.find((c) => c.seq === change)
  const { noted, changed } = placeIn(changes, verification, told)
  const before = since !== undefined && change !== null && change < (changes.length === 0 ? Infinity : first)
  return [
    ...(entry !== undefined && entry.verification?.sha256 !== told ? ['the change log tells of another verification'] : []),
    ...(entry !== undefined || noted !== undefined ? [] : [before ? 'the changes that it tells of do not reach back to the verification' : 'the change log does not know the verification']),
    ...(verification.documents.sha256 === documents.sha256 ? [] : ['the verification was of other documents']),
    ...(changed === undefined ? [] : [`the verification ${supersededText(changed)}`]),
    ...(Date.parse(verification.ended) > Date.parse(made) ? ['the verification is later than this was made: a clock was set back'] : []),
    ...(verification.good ? [] : ['the verification found mismatches']),
    ...(canonicalJson(equivalence.live ?? null) === canonicalJson({ table: verification.reading, gateways: verification.gateways }) ? [] : ['equivalence.json tells of another verification']),
  ]
}

interface Row {
  readonly between: readonly string[]
  readonly strongest: (typeof strengths)[number]
  readonly apart: readonly string[]
}

/** A machine may keep less of what documents promise, never more. */
export function isolationRemarks({ files, made }: EvidencePredicate, { platform, intent }: CheckedSet): readonly string[] {
  const rows = (value: unknown): ReadonlyMap<string, Row> => new Map((value as readonly Row[]).map((row) => [row.between.join(' and '), row]))
  const promised = rows(allPairsJson(allPairs(platform, intent, 'enclave', { now: Date.parse(made) })))
  const more = [...rows(JSON.parse(files['isolation.json'] ?? '[]'))].filter(([between, { strongest, apart }]) => {
    const known = promised.get(between)
    return known === undefined || !strengths.includes(strongest) || strengths.indexOf(strongest) > strengths.indexOf(known.strongest) || apart.some((layer) => !known.apart.includes(layer))
  })
  return more.map(([between]) => `isolation.json tells of more separation between ${between} than the documents promise`)
}

/** Answers to profiles that are built in, asked again of what is in the bundle. Without the whole log, what documents say is asked alone. */
export function profileRemarks({ files, made, documents, changes: { since, problem } }: EvidencePredicate, set: CheckedSet, changes: readonly ChangeEntry[]): readonly string[] {
  const standing: Standing = {
    set, agent: undefined, unseen: [], verified: keptOf(files['verification.json'], changes),
    at: since === undefined ? documents.inForceSince : undefined,
    chain: { entries: changes, problem: problem === undefined ? undefined : { line: changes.length + 1, what: problem }, bytes: 0 },
  }
  return Object.entries(files).flatMap(([name, text]) => {
    const profile = builtInProfile(/^profiles\/(.*)\.json$/.exec(name)?.[1] ?? '')
    if (profile === undefined) return []
    const told = new Map((JSON.parse(text) as { readonly answers: readonly { readonly id: string; readonly outcome: string }[] }).answers.map((a) => [a.id, a.outcome]))
    return checkProfile(profile, standing, Date.parse(made)).answers.flatMap(({ id, outcome }) => {
      const claimed = told.get(id)
      return outcome !== 'fail' || (claimed !== 'pass' && claimed !== 'not applicable') ? [] : [`${profile.name} ${id} ${claimed === 'pass' ? 'passes' : 'is not applicable'} in it, and by what is in it the answer is: fail`]
    })
  })
}

function keptOf(text: string | undefined, changes: readonly ChangeEntry[]): KeptVerification | undefined {
  if (text === undefined) return undefined
  const { verification, sha256 } = readVerification(text)
  return { verification, sha256, ...placeIn(changes, verification, sha256) }
}

function readVerification(text: string): { readonly verification: Verification; readonly sha256: string; readonly change: number | null } {
  const { sha256, change, ...verification } = JSON.parse(text) as Verification & { readonly sha256: string; readonly change: number | null }
  return { verification, sha256, change }
}
