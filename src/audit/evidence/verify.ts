/** Checking evidence with nothing but the file and a public key: the signature, then that the parts of the bundle agree with each other. */
import { isFault } from '../../base/fault.ts'
import { documentSet } from '../../host/document-set.ts'
import { checkDocuments } from '../../host/documents.ts'
import { intentHash } from '../../host/grants.ts'
import { canonicalJson } from '../../base/canonical-json.ts'
import { summaryOf } from '../verification.ts'
import { checkRun } from '../chain.ts'
import { invalid, openEnvelope } from './dsse.ts'
import { predicateType, sha256, statementType } from './statement.ts'
import type { KeyObject } from 'node:crypto'
import type { Verification } from '../verification.ts'
import type { ChangeEntry } from '../chain.ts'
import type { EvidencePredicate, Statement } from './statement.ts'

export interface CheckedEvidence {
  readonly predicate: EvidencePredicate
  readonly changes: readonly ChangeEntry[]
  /** What the file says against itself or its maker: the signature is good all the same. */
  readonly remarks: readonly string[]
}

/** A Fault says what is wrong. Whatever it gives was signed by the owner of `key`, as it stands. */
export function checkEvidence(bytes: Uint8Array, key: KeyObject): CheckedEvidence {
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
    return checkParts(statement)
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
  return { predicate, changes: run.entries, remarks: [...documentRemarks(predicate), ...verificationRemarks(predicate, run.entries), ...(changes.problem === undefined ? [] : [`the change log was broken when this was made: ${changes.problem}`]), ...predicate.unseen] }
}

/** Every file is a subject with its hash, and every subject a file. */
function checkFiles({ subject, predicate }: Statement): void {
  const files = Object.entries(predicate.files)
  if (!Array.isArray(subject) || subject.length !== files.length) throw invalid('its files are not those that it names')
  const named = new Map(subject.map((s) => [s.name, s.digest.sha256]))
  for (const [name, text] of files) if (typeof text !== 'string' || named.get(name) !== sha256(text)) throw invalid(`\`${name}\` is not the file that it names`)
}

/** Hash and Intent worked out anew from the documents that are in it. */
function documentRemarks({ documents, intent, made, files }: EvidencePredicate): readonly string[] {
  if (documents.left === 'out') return ['the documents\' texts are left out: what they mean cannot be worked out from this file']
  const texts = Object.entries(files).flatMap(([name, text]) => (name.startsWith('documents/') ? [{ path: name.slice('documents/'.length), absolute: `/${name}`, text }] : []))
  const set = documentSet('', texts)
  if (set.sha256 !== documents.sha256) return ['the documents have another hash than it says']
  const checked = checkDocuments(set, Date.parse(documents.inForceSince ?? made)).set
  if (checked === undefined) return ['the documents do not load with this version']
  return intentHash(checked.intent) === intent ? [] : ['the documents mean something else to this version']
}

function verificationRemarks({ files, documents }: EvidencePredicate, changes: readonly ChangeEntry[]): readonly string[] {
  const text = files['verification.json']
  if (text === undefined) return []
  const { sha256: told, change, ...verification } = JSON.parse(text) as Verification & { readonly sha256: string; readonly change: number | null }
  if (summaryOf(verification).sha256 !== told) return ['the verification has another hash than it says']
  const entry = changes.find((c) => c.seq === change)
  return [
    ...(entry !== undefined && entry.verification?.sha256 !== told ? ['the change log tells of another verification'] : []),
    ...(verification.documents.sha256 === documents.sha256 ? [] : ['the verification was of other documents']),
    ...(verification.good ? [] : ['the verification found mismatches']),
  ]
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
