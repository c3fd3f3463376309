/**
 * The statement that is signed: in-toto Statement v1. Its subjects are the files of the bundle with their hashes, its predicate holds
 * the files themselves and what binds them: one text of canonical JSON, so that two of the same content are the same bytes.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '../../base/canonical-json.ts'
import { formatInstant } from '../../base/clock.ts'
import { Fault } from '../../base/fault.ts'
import { compareText } from '../../base/location.ts'
import { allPairs, allPairsJson } from '../../analysis/isolation/all.ts'
import { riskJson, useSentence } from '../../analysis/risk/text.ts'
import { riskRegister } from '../../analysis/risk/register.ts'
import { intentHash } from '../../host/grants.ts'
import { formatEntry } from '../chain.ts'
import { artefactsOf } from './artefacts.ts'
import { isolationOptions } from '../live-facts.ts'
import { segmentationTests } from './tests.ts'
import type { SeenUse } from '../../analysis/risk/register.ts'
import type { ChangeEntry } from '../chain.ts'
import type { Standing } from '../in-force.ts'
import type { ProfileAnswer } from '../profiles/check.ts'

export const statementType = 'https://in-toto.io/Statement/v1'
export const predicateType = 'https://bulkhead.dev/evidence/v1'

export interface EvidencePredicate {
  readonly platform: string
  readonly trustDomain: string
  /** ISO 8601. */
  readonly made: string
  readonly tool: { readonly name: 'bulkhead'; readonly version: string }
  readonly documents: { readonly sha256: string; /** ISO 8601; absent where they are not in force. */ readonly inForceSince?: string; readonly left?: 'out' }
  /** SHA-256 of the Intent's lines, as the change log has it. */
  readonly intent: string
  readonly changes: { readonly since?: string; readonly first: number; readonly count: number; readonly head?: { readonly seq: number; readonly hash: string }; readonly problem?: string }
  readonly unseen: readonly string[]
  /** By name: the same names as the statement's subjects. */
  readonly files: Readonly<Record<string, string>>
}

export interface Statement {
  readonly _type: typeof statementType
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[]
  readonly predicateType: typeof predicateType
  readonly predicate: EvidencePredicate
}

export interface EvidenceOptions {
  readonly standing: Standing
  readonly folder: string
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Changes from this instant on; all when unsaid. */
  readonly since: number | undefined
  readonly version: string
  /** False leaves out the documents' texts; their hash stays. */
  readonly documents: boolean
  readonly profiles: readonly ProfileAnswer[]
  /** What the records say of telemetry; undefined where nobody could look. */
  readonly use: SeenUse | undefined
}

/** The bytes to be signed. */
export function evidenceStatement(options: EvidenceOptions): string {
  const { standing, now, since, version } = options
  const { set, chain } = standing
  const files = filesOf(options)
  for (const [name, text] of files) {
    if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) throw new Fault('evidence-key-unusable', `\`${name}\` holds a private key, which no evidence may`, { help: 'take it out of the document; or leave the documents\' texts out with --without-documents' })
  }
  const told = toldSince(chain.entries, since)
  const head = chain.entries.at(-1)
  const names = [...files.keys()].sort(compareText)
  const statement: Statement = {
    _type: statementType,
    subject: names.map((name) => ({ name, digest: { sha256: sha256(files.get(name) ?? '') } })),
    predicateType,
    predicate: {
      platform: set.platform.name,
      trustDomain: set.platform.trustDomain,
      made: formatInstant(now),
      tool: { name: 'bulkhead', version },
      documents: { sha256: set.documents.sha256, ...(standing.at === undefined ? {} : { inForceSince: standing.at }), ...(options.documents ? {} : { left: 'out' }) },
      intent: intentHash(set.intent),
      changes: {
        ...(since === undefined ? {} : { since: formatInstant(since) }),
        first: told[0]?.seq ?? 0,
        count: told.length,
        ...(head === undefined ? {} : { head: { seq: head.seq, hash: head.hash } }),
        ...(chain.problem === undefined ? {} : { problem: `line ${chain.problem.line} ${chain.problem.what}` }),
      },
      unseen: standing.unseen,
      files: Object.fromEntries(files),
    },
  }
  return canonicalJson(statement)
}

function filesOf({ standing, folder, now, since, documents, profiles, use }: EvidenceOptions): ReadonlyMap<string, string> {
  const { set, chain, verified } = standing
  const { platform, intent } = set
  const json = (value: unknown): string => `${canonicalJson(value, 1)}\n`
  const artefacts = artefactsOf(set, folder, standing.at !== undefined, now)
  return new Map([
    ...(documents ? set.documents.files.map((f) => [`documents/${f.path}`, f.text] as const) : []),
    ['intent.json', json(intent)],
    ...[...artefacts.files].map(([name, text]) => [`artefacts/${name}`, text] as const),
    ['equivalence.json', json({ rendered: artefacts.equivalence, refused: artefacts.refused, live: verified === undefined ? null : { table: verified.verification.reading, gateways: verified.verification.gateways } })],
    ...(verified === undefined ? [] : [['verification.json', json({ ...verified.verification, sha256: verified.sha256, change: verified.noted?.seq ?? null })] as const]),
    ['isolation.json', json(allPairsJson(allPairs(platform, intent, 'enclave', isolationOptions(standing, now))))],
    ['tests.json', json(segmentationTests(platform, intent, now))],
    ['risks.json', json(risksOf(set, now, use))],
    ['changes.jsonl', toldSince(chain.entries, since).map((e) => `${formatEntry(e)}\n`).join('')],
    ...profiles.map((p) => [`profiles/${p.profile}.json`, json(p)] as const),
  ])
}

/** Figures of use without the day from which on they were counted would say nothing. */
function risksOf({ platform, intent }: Standing['set'], now: number, use: SeenUse | undefined): unknown {
  const rows = riskRegister(platform, intent, { now, soon: soonMs, ...(use === undefined ? {} : { uses: use.uses }) })
  return { use: useSentence(use), seenSince: use?.since === undefined ? null : formatInstant(use.since), risks: riskJson(rows) }
}

/** A review is due that much before its date. */
const soonMs = 30 * 86_400_000

/** Everything from the first line of that time on, without gaps, so that the hashes hold it together. */
function toldSince(entries: readonly ChangeEntry[], since: number | undefined): readonly ChangeEntry[] {
  if (since === undefined) return entries
  const first = entries.findIndex((e) => Date.parse(e.time) >= since)
  return first < 0 ? [] : entries.slice(first)
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
