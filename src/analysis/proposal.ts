/** What somebody could add to open a refused flow, tried out: the text to paste, what else it opens, and what it would break. */
import { compile } from '../intent/compile.ts'
import { decide, decider } from '../intent/decide.ts'
import { additionsFor } from './additions.ts'
import { diff } from './diff.ts'
import { guardrailDiagnostics, judgeGuardrails } from './guardrails.ts'
import { policyTestDiagnostics, runPolicyTests } from './policy-tests.ts'
import { withProposal } from './what-if.ts'
import { documentYaml, plainDocument, writtenRef } from './write-documents.ts'
import type { Intent } from '../intent/intent.ts'
import type { Asked } from '../intent/mismatch.ts'
import type { Platform } from '../model/platform.ts'
import type { Additions, GroupEdit, Request } from './additions.ts'
import type { Change } from './change.ts'

export type Proposed =
  | {
      readonly kind: 'possible'
      readonly documents: readonly ProposedDocument[]
      readonly edits: readonly ProposedEdit[]
      /** Everything that would be open with them and is not now. */
      readonly opens: readonly Change[]
      /** Guardrails and policy tests that hold now and would not: with these the set does not load. */
      readonly breaks: readonly string[]
    }
  | { readonly kind: 'impossible'; readonly why: string }

export interface ProposedDocument {
  /** Whose it is; documents of two owners go into two files. */
  readonly owner: string | undefined
  readonly document: Readonly<Record<string, unknown>>
  readonly yaml: string
}

/** One more item in the `exceptions` of a Group that exists. */
export interface ProposedEdit {
  readonly enclave: string
  readonly group: string
  readonly file: string
  readonly line: number
  readonly exception: { readonly with: unknown; readonly direction: 'in' | 'out' }
}

/** For a flow that is denied at `now`. */
export function propose(platform: Platform, intent: Intent, asked: Asked, request: Request | undefined, now: number): Proposed {
  const additions = additionsFor(platform, asked, request, now)
  if (additions.kind === 'impossible') return additions
  const changed = withAdditions(platform, additions)
  const compiled = compile(changed)
  const [error] = compiled.diagnostics.filter((d) => d.severity === 'error')
  if (error !== undefined) return { kind: 'impossible', why: `any policy that opened it would be refused: ${error.message}` }
  const trial = asked.protocol === undefined ? { ...asked, ...tried(additions) } : asked
  if (decide(changed, compiled.intent, trial, now).verdict === 'deny') return { kind: 'impossible', why: 'no document that is added opens it' }
  return {
    kind: 'possible',
    documents: [...additions.externals, ...additions.policies].map((one) => ({
      owner: one.kind === 'External' ? undefined : one.enclave, document: plainDocument(one), yaml: documentYaml(one),
    })),
    edits: additions.edits.map(editOf),
    opens: diff({ platform, intent }, { platform: changed, intent: compiled.intent }, now).changes,
    breaks: broken(platform, intent, changed, compiled.intent, now),
  }
}

/** A question about anything at all is tried with the first traffic that was found for it. */
function tried({ policies: [policy] }: Extract<Additions, { readonly kind: 'possible' }>): Pick<Asked, 'protocol' | 'port'> {
  const traffic = policy === undefined ? undefined : policy.kind === 'FederationPolicy' ? (policy.imports[0] ?? policy.exports[0])?.traffic : policy.traffic
  const [item] = traffic?.ports ?? []
  return { protocol: traffic === undefined || traffic.protocol === 'any' ? undefined : traffic.protocol, port: item?.kind === 'range' ? item.from : undefined }
}

/** The platform as it would be. */
function withAdditions(platform: Platform, { policies, externals, edits }: Extract<Additions, { readonly kind: 'possible' }>): Platform {
  const changed = withProposal(platform, { add: policies, externals })
  if (edits.length === 0) return changed
  const groups = new Map(changed.groups)
  for (const { group, with: other, direction } of edits) {
    const key = `${group.enclave}/${group.name}`
    const now = groups.get(key) ?? group
    groups.set(key, { ...now, exceptions: [...now.exceptions, { with: other, direction, at: group.at }] })
  }
  return { ...changed, groups }
}

function editOf({ group, with: other, direction }: GroupEdit): ProposedEdit {
  return { enclave: group.enclave, group: group.name, file: group.at.file, line: group.at.line, exception: { with: writtenRef(other, group.enclave), direction } }
}

function broken(platform: Platform, intent: Intent, changed: Platform, then: Intent, now: number): readonly string[] {
  const messages = (of: Platform, paths: Intent): readonly string[] => [
    ...guardrailDiagnostics(judgeGuardrails(of, paths)),
    ...(of.policyTests.length === 0 ? [] : policyTestDiagnostics(runPolicyTests(of, decider(of, paths), now))),
  ].map((d) => d.message)
  const before = new Set(messages(platform, intent))
  return messages(changed, then).filter((message) => !before.has(message))
}

/** The documents as files' contents, one text for each owner, ready to paste; edits of Groups as comments that say where they go. */
export function proposedYaml({ documents, edits }: Extract<Proposed, { readonly kind: 'possible' }>): string {
  const owners = [...new Set(documents.map(({ owner }) => owner))]
  const several = owners.filter((owner) => owner !== undefined).length > 1
  const texts = owners.map((owner) => {
    const head = several && owner !== undefined ? `# in a file of enclave ${owner}\n` : ''
    return head + documents.filter((d) => d.owner === owner).map(({ yaml }) => yaml).join('---\n')
  })
  const notes = edits.map(
    ({ enclave, group, file, line, exception }) =>
      `# and in Group ${enclave}/${group} (${file}:${line}), under \`exceptions\`:\n#   - { with: ${withText(exception.with)}, direction: ${exception.direction} }\n`,
  )
  return [texts.join('---\n'), ...notes].filter((text) => text !== '').join('')
}

function withText(written: unknown): string {
  const text = String(written)
  return /^[a-z0-9/-]+$/.test(text) ? text : `'${text}'`
}
