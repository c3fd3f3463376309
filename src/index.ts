/** The library: documents in, answers out. Reads no file, opens no connection, and touches no kernel. */
import { hasErrors, sortDiagnostics } from './base/diagnostic.ts'
import { analysePlatform } from './analysis/analyse.ts'
import { loadPlatform } from './model/load.ts'
import type { Analysis } from './analysis/analyse.ts'
import type { Diagnostic } from './base/diagnostic.ts'

export { readEnd, readTraffic } from './analysis/ends.ts'
export { diffJson, diffMarkdown, diffText } from './analysis/diff-text.ts'
export { matrixCsv, matrixText } from './analysis/matrix-text.ts'
export { matrixDot } from './analysis/matrix-dot.ts'
export { matrixHtml } from './analysis/matrix-html.ts'
export { matrixSvg } from './analysis/matrix-svg.ts'
export { widens } from './analysis/change.ts'
export type { Analysis } from './analysis/analyse.ts'
export type { Change, ChangeKind, Diff } from './analysis/change.ts'
export type { Explanation } from './analysis/explain.ts'
export type { GuardrailResult } from './analysis/guardrails.ts'
export type { MatrixRow } from './analysis/matrix.ts'
export type { MatrixFilter } from './analysis/matrix-filter.ts'
export type { Proposed } from './analysis/proposal.ts'
export type { Reach } from './analysis/reach.ts'
export type { Recommendation, SeenFlow } from './analysis/seen.ts'
export type { Proposal } from './analysis/what-if.ts'
export type { Diagnostic } from './base/diagnostic.ts'
export type { Flow, FlowEnd, Platform } from './model/platform.ts'

/** One file of documents. A name that ends in `.json` is read as JSON, any other as YAML. */
export interface DocumentFile {
  readonly path: string
  readonly text: string
}

/** `analysis` is there when no document has an error; a Guardrail that does not hold is an answer of `prove`, not an error. */
export interface Analysed {
  readonly analysis: Analysis | undefined
  /** Sorted by place. */
  readonly diagnostics: readonly Diagnostic[]
}

/** `now` is in milliseconds since the epoch; it decides which accepted risks have ended. */
export function analyse(files: readonly DocumentFile[], options: { readonly now?: number } = {}): Analysed {
  const { now = Date.now() } = options
  const loaded = loadPlatform(files.map(({ path, text }) => ({ path, text, absolute: path.startsWith('/') ? path : `/${path}` })), { now })
  if (loaded.platform === undefined) return { analysis: undefined, diagnostics: loaded.diagnostics }
  const analysis = analysePlatform(loaded.platform)
  const diagnostics = sortDiagnostics([...loaded.diagnostics, ...analysis.diagnostics])
  return { analysis: hasErrors(diagnostics) ? undefined : analysis, diagnostics }
}
