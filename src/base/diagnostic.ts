/** A problem found in documents, at the place where a person can correct it. */
import { compareLocations, compareText, formatLocation } from './location.ts'
import type { ErrorCode } from './catalogue.ts'
import type { Location } from './location.ts'

export interface Diagnostic {
  readonly code: ErrorCode
  readonly severity: 'error' | 'warning'
  /** Lower case, no full stop; what the user wrote stands in backticks. */
  readonly message: string
  readonly at: Location
  /** What to do, when the message does not say it already. */
  readonly help?: string
  /** The offending text as the user wrote it. */
  readonly given?: string
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((d) => d.severity === 'error')
}

/** By place, then code, then message, and without repetitions: one order everywhere. */
export function sortDiagnostics(diagnostics: Iterable<Diagnostic>): readonly Diagnostic[] {
  const sorted = [...diagnostics].sort(
    (a, b) => compareLocations(a.at, b.at) || compareText(a.code, b.code) || compareText(a.message, b.message),
  )
  return sorted.filter((d, i) => {
    const before = sorted[i - 1]
    return before === undefined || compareLocations(before.at, d.at) !== 0 || before.code !== d.code || before.message !== d.message
  })
}

/** `file:line:column: error: message [code]`, and the help on a line of its own. */
export function formatDiagnostic(d: Diagnostic): string {
  const head = `${escapeText(formatLocation(d.at))}: ${d.severity}: ${d.message} [${d.code}]`
  return d.help === undefined ? head : `${head}\n  help: ${d.help}`
}

const longest = 120

/**
 * Text from outside as it may stand in a message: in backticks, on one line, shortened, and without anything that
 * could drive a terminal or reorder a line.
 */
export function quote(text: string): string {
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text
  return `\`${escapeText(short).replaceAll('`', '\\`')}\``
}

/** Control, format and line-separating characters as `\u{..}` escapes; everything else unchanged. */
export function escapeText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (c) => {
    if (c === '\n') return '\\n'
    if (c === '\t') return '\\t'
    if (c === '\r') return '\\r'
    return `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`
  })
}
