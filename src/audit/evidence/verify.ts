/** Checking evidence with nothing but the file and a public key: the signature, then that the parts of the bundle agree with each other. */
import { isToCome } from '../../base/clock.ts'
import { isFault } from '../../base/fault.ts'
import { documentSet } from '../../host/document-set.ts'
import { checkDocuments } from '../../host/documents.ts'
import { intentHash } from '../../host/grants.ts'
import { canonicalJson } from '../../base/canonical-json.ts'
import { documentsByLog } from '../since.ts'
import { checkRun } from '../chain.ts'
import { isolationRemarks, profileRemarks, verificationRemarks } from './derived.ts'
import { invalid, openEnvelope } from './dsse.ts'
import { predicateType, sha256, statementType } from './statement.ts'
import { segmentationTests } from './tests.ts'
import type { KeyObject } from 'node:crypto'
import type { ChangeEntry } from '../chain.ts'
import type { EvidencePredicate, Statement } from './statement.ts'

export interface CheckedEvidence {
  readonly predicate: EvidencePredicate
  readonly changes: readonly ChangeEntry[]
  /** What the file says against itself or its maker: the signature is good all the same. */
  readonly remarks: readonly string[]
}

/** A Fault says what is wrong. Whatever it gives was signed by the owner of `key`, as it stands. `now` is the time of whoever checks, in milliseconds since the epoch. */
export function checkEvidence(bytes: Uint8Array, key: KeyObject, now = Infinity): CheckedEvidence {
  const payload = openEnvelope(bytes, key).toString('utf8')
  let statement: Statement
  try {
    statement = JSON.parse(payload) as Statement
  } catch {
    throw invalid('its payload is not JSON')
  }
  // One text for one statement: no key twice, none in another order.
  if (typeof statement !== 'object' || statement === null || canonicalJson(statement) !== payload) throw invalid('its payload is not written as evidence is')
  if (statement._type !== statementType || statement.predicateType !== predicateType) throw invalid('it states something else')
  try {
    const checked = checkParts(statement)
    return isToCome(Date.parse(statement.predicate.made), now) ? { ...checked, remarks: [...checked.remarks, 'it was made at a time that has not come here: a clock is wrong'] } : checked
  } catch (error) {
    if (isFault(error)) throw error
    throw invalid('its parts are not formed as evidence is')
  }
}

function checkParts(statement: Statement): CheckedEvidence {
  checkFiles(statement)
  const { predicate } = statement
  const { files, changes } = predicate
  const run = checkRun(files['changes.jsonl'] ?? '')
  if (run.problem !== undefined) throw invalid(`changes.jsonl: ${run.problem}`)
  const last = run.entries.at(-1)
  if (run.entries.length !== changes.count || (run.entries[0]?.seq ?? 0) !== changes.first) throw invalid('the changes are not those that it names')
  if (last !== undefined && last.hash !== changes.head?.hash) throw invalid('the changes do not end with the line that it names as the last')
  if (changes.since === undefined && (run.entries[0]?.seq ?? 1) !== 1) throw invalid('it names no day from which changes are told, and the first of them are missing')
  if (changes.since === undefined && last === undefined && changes.head !== undefined) throw invalid('it tells of a log of changes, and none of them')
  return { predicate, changes: run.entries, remarks: [...documentRemarks(predicate, run.entries), ...logRemarks(predicate, run.entries), ...verificationRemarks(predicate, run.entries), ...(changes.problem === undefined ? [] : [`the change log was broken when this was made: ${changes.problem}`]), ...predicate.unseen] }
}

/** Every file is a subject with its hash, and every subject a file. */
function checkFiles({ subject, predicate }: Statement): void {
  const files = Object.entries(predicate.files)
  if (!Array.isArray(subject) || subject.length !== files.length) throw invalid('its files are not those that it names')
  const named = new Map(subject.map((s) => [s.name, s.digest.sha256]))
  for (const [name, text] of files) if (typeof text !== 'string' || named.get(name) !== sha256(text)) throw invalid(`\`${name}\` is not the file that it names`)
}

/** Hash and Intent worked out anew from the documents that are in it. */
function documentRemarks(predicate: EvidencePredicate, changes: readonly ChangeEntry[]): readonly string[] {
  const { documents, intent, made, files } = predicate
  if (documents.left === 'out') return ['the documents\' texts are left out: what they mean cannot be worked out from this file']
  const texts = Object.entries(files).flatMap(([name, text]) => (name.startsWith('documents/') ? [{ path: name.slice('documents/'.length), absolute: `/${name}`, text }] : []))
  const set = documentSet('', texts)
  if (set.sha256 !== documents.sha256) return ['the documents have another hash than it says']
  const checked = checkDocuments(set, Date.parse(documents.inForceSince ?? made)).set
  if (checked === undefined) return ['the documents do not load with this version']
  if (intentHash(checked.intent) !== intent) return ['the documents mean something else to this version']
  const [judged, told] = [segmentationTests(checked.platform, checked.intent, Date.parse(made)), files['tests.json']]
  return [
    ...(files['intent.json'] === `${canonicalJson(checked.intent, 1)}\n` ? [] : ['intent.json is not what the documents mean']),
    ...(told === `${canonicalJson(judged, 1)}\n` ? [] : ['tests.json is not how PolicyTests and Guardrails come out']),
    ...isolationRemarks(predicate, checked),
    ...profileRemarks(predicate, checked, changes),
  ]
}

/** What the log says against the rest, and clocks that were set back: `seq` tells the order, times only what a clock said. */
function logRemarks({ documents, made, changes: { problem } }: EvidencePredicate, changes: readonly ChangeEntry[]): readonly string[] {
  const back = changes.find((c, i) => Date.parse(c.time) < Date.parse(changes[i - 1]?.time ?? c.time))
  const said = problem === undefined ? documentsByLog(changes) : undefined
  return [
    ...(back === undefined ? [] : [`the clock was set back before change ${back.seq}`]),
    ...(Date.parse(changes.at(-1)?.time ?? made) > Date.parse(made) ? ['the last change is later than this was made: a clock was set back'] : []),
    ...(documents.inForceSince === undefined || said === undefined || said === documents.sha256 ? [] : ['the change log tells of other documents in force']),
  ]
}

/** Why `later` is not later evidence of the same platform, if it is not: an older file, or the same one, shown as a new one. */
export function replayed(earlier: CheckedEvidence, later: CheckedEvidence): string | undefined {
  const [a, b] = [earlier.predicate, later.predicate]
  if (a.trustDomain !== b.trustDomain) return `it is of another platform: ${b.trustDomain}, not ${a.trustDomain}`
  const [before, after] = [a.changes.head?.seq ?? 0, b.changes.head?.seq ?? 0]
  if (after > before || Date.parse(b.made) > Date.parse(a.made)) return undefined
  return a.made === b.made && after === before ? 'it is as old as the earlier evidence' : 'it is older than the earlier evidence'
}

/**
 * Whether the log of changes that `later` tells of goes on from the one that `earlier` tells of: a log that was cut back or
 * begun anew in between does not. `undefined` when `later` does not reach back so far.
 */
export function goesOn(earlier: CheckedEvidence, later: CheckedEvidence): boolean | undefined {
  const head = earlier.predicate.changes.head
  if (head === undefined) return true
  if ((later.predicate.changes.head?.seq ?? 0) < head.seq) return false
  const same = later.changes.find((c) => c.seq === head.seq)
  if (same !== undefined) return same.hash === head.hash
  const next = later.changes.find((c) => c.seq === head.seq + 1)
  return next === undefined ? (later.predicate.changes.head?.hash === head.hash ? true : undefined) : next.previous === head.hash
}
