/** Two document sets that have much in common: the second is the first with some documents gone and some taken from another. */
import fc from 'fast-check'
import { documentSetFrom } from './arbitrary-set.ts'
import { choicesFrom, tapes } from './choices.ts'
import { filesOf } from './documents.ts'
import type { DocumentSet } from './arbitrary-set.ts'
import type { Choices } from './choices.ts'
import type { Document } from './documents.ts'

export interface TwoSets {
  readonly before: DocumentSet
  readonly after: DocumentSet
}

const policyKinds: ReadonlySet<string> = new Set(['ServicePolicy', 'EgressPolicy', 'IngressPolicy', 'FederationPolicy'])

export function twoSets(): fc.Arbitrary<TwoSets> {
  return fc.tuple(tapes(0, 900), tapes(40, 40)).map(([tape, edits]) => {
    const before = documentSetFrom(tape)
    const choices = choicesFrom(edits)
    return { before, after: { ...before, files: filesOf(documentsOf(before).flatMap((document) => edited(choices, document))) } }
  })
}

export function documentsOf(set: DocumentSet): readonly Document[] {
  return set.files.flatMap(({ text }) => text.split('---\n').filter((part) => part !== '').map((part) => JSON.parse(part) as Document))
}

/** Policies go or change their ports; Externals change what they hold; workloads change their phase. */
function edited(choices: Choices, document: Document): readonly Document[] {
  const { kind, spec } = document
  if (policyKinds.has(kind) && choices.chance(15)) return []
  if (kind === 'ServicePolicy' && spec['protocol'] === 'tcp' && choices.chance(30)) return [{ ...document, spec: { ...spec, port: choices.pick([[80, 443], 'any', '1-79']) } }]
  if (kind === 'EgressPolicy' && choices.chance(20)) {
    const { phases, ...rest } = spec
    return [{ ...document, spec: phases === undefined ? { ...rest, phases: ['task'] } : rest }]
  }
  if (kind === 'External' && choices.chance(30)) {
    const domains = choices.pick([['pypi.org'], ['*.pypi.org', 'files.example.com']])
    return [{ ...document, spec: { ...spec, ...(spec['domains'] === undefined ? { cidrs: choices.pick([['203.0.113.128/25'], ['203.0.112.0/22', '2001:db8::/48']]) } : { domains }) } }]
  }
  if (kind === 'Workload' && choices.chance(10)) return [{ ...document, spec: { ...spec, phase: choices.pick(['running', 'staging', 'task']) } }]
  return [document]
}
