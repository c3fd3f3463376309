/**
 * Random sets of documents, as files for the loader. They are shaped so that most of them are accepted and so that
 * every rule of `docs/meaning.md` which can decide a flow has something to decide: few names, ports and addresses, used often.
 */
import { federationPolicies } from './arbitrary-federation.ts'
import { inside } from './arbitrary-inside.ts'
import { outside } from './arbitrary-outside.ts'
import { egressPolicies, ingressPolicies, servicePolicies } from './arbitrary-policies.ts'
import { choicesFrom, tapes } from './choices.ts'
import { filesOf } from './documents.ts'
import { generatedNow } from './words.ts'
import type { Tape } from './choices.ts'
import type { DocumentFile } from './documents.ts'
import type fc from 'fast-check'

export interface DocumentSet {
  readonly files: readonly DocumentFile[]
  readonly now: number
}

/** Document sets of up to three enclaves. */
export function documentSets(): fc.Arbitrary<DocumentSet> {
  return tapes(0, 900).map(documentSetFrom)
}

export function documentSetFrom(tape: Tape): DocumentSet {
  const choices = choicesFrom(tape)
  const around = outside(choices)
  const within = inside(choices, around)
  const files = filesOf([
    ...around.documents,
    ...within.documents,
    ...within.enclaves.flatMap((enclave) => [
      ...servicePolicies(choices, enclave),
      ...egressPolicies(choices, around, enclave),
      ...ingressPolicies(choices, around, within, enclave),
    ]),
    ...federationPolicies(choices, around, within),
  ])
  return { files, now: generatedNow }
}
