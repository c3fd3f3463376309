/** All questions about one set of documents, prepared once and asked any number of times. */
import { sortDiagnostics } from '../base/diagnostic.ts'
import { compile } from '../intent/compile.ts'
import { decider } from '../intent/decide.ts'
import { diff } from './diff.ts'
import { explain } from './explain.ts'
import { graphOf } from './graph.ts'
import { judgeGuardrails } from './guardrails.ts'
import { lint } from './lint.ts'
import { matrix } from './matrix.ts'
import { filterMatrix } from './matrix-filter.ts'
import { runPolicyTests } from './policy-tests.ts'
import { propose } from './proposal.ts'
import { reach } from './reach.ts'
import { recommend } from './recommend.ts'
import { whatIf } from './what-if.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Intent } from '../intent/intent.ts'
import type { Asked } from '../intent/mismatch.ts'
import type { FlowEnd, Platform } from '../model/platform.ts'
import type { Request } from './additions.ts'
import type { Diff } from './change.ts'
import type { Explanation } from './explain.ts'
import type { Graph } from './graph.ts'
import type { GuardrailResult } from './guardrails.ts'
import type { MatrixRow } from './matrix.ts'
import type { MatrixFilter } from './matrix-filter.ts'
import type { PolicyTestResult } from './policy-tests.ts'
import type { Proposed } from './proposal.ts'
import type { Reach } from './reach.ts'
import type { Recommendation, SeenFlow } from './seen.ts'
import type { Proposal } from './what-if.ts'

/** Instants are milliseconds since the epoch, here and in every answer. */
export interface Analysis {
  readonly platform: Platform
  readonly intent: Intent
  /** What compiling found; an error among them means that the set would be refused. */
  readonly diagnostics: readonly Diagnostic[]
  readonly matrix: (now: number, filter?: MatrixFilter) => readonly MatrixRow[]
  readonly explain: (asked: Asked, now: number, request?: Request) => Explanation
  /** What would open a refused flow. */
  readonly propose: (asked: Asked, now: number, request?: Request) => Proposed
  readonly reach: (ends: readonly FlowEnd[], direction: 'from' | 'to', now: number) => Reach
  /** What changes from this set to the other. */
  readonly diff: (after: Pick<Analysis, 'platform' | 'intent'>, now: number) => Diff
  /** What would change if these documents came and went; costs what they touch. */
  readonly whatIf: (proposal: Proposal, now: number) => Diff
  readonly prove: () => readonly GuardrailResult[]
  readonly lint: (now: number, soon: number) => readonly Diagnostic[]
  readonly test: (now: number) => readonly PolicyTestResult[]
  readonly recommend: (flows: readonly SeenFlow[]) => Recommendation
}

export function analysePlatform(platform: Platform): Analysis {
  const { intent, diagnostics } = compile(platform)
  const graph = once((): Graph => graphOf(platform, intent))
  const decide = once(() => decider(platform, intent))
  const touched = once(() => whatIf(platform, intent))
  return Object.freeze({
    platform,
    intent,
    diagnostics: sortDiagnostics(diagnostics),
    matrix: (now: number, filter: MatrixFilter = {}) => filterMatrix(platform, matrix(intent, now), filter),
    explain: (asked: Asked, now: number, request?: Request) => explain(platform, intent, asked, now, request),
    propose: (asked: Asked, now: number, request?: Request) => propose(platform, intent, asked, request, now),
    reach: (ends: readonly FlowEnd[], direction: 'from' | 'to', now: number) => reach(platform, intent, ends, direction, now),
    diff: (after: Pick<Analysis, 'platform' | 'intent'>, now: number) => diff({ platform, intent }, after, now),
    whatIf: (proposal: Proposal, now: number) => touched()(proposal, now),
    prove: () => judgeGuardrails(platform, intent, graph()),
    lint: (now: number, soon: number) => lint(platform, intent, now, soon),
    test: (now: number) => runPolicyTests(platform, decide(), now),
    recommend: (flows: readonly SeenFlow[]) => recommend(platform, intent, flows),
  })
}

/** Made when it is first needed. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
