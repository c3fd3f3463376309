/** Diagnostics for people: a block each, and a last line that counts. */
import { escapeText } from '../../base/diagnostic.ts'
import { formatLocation } from '../../base/location.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Output } from '../output.ts'

export function diagnosticText(d: Diagnostic, paint: Output['paint']): string {
  const severity = paint(d.severity === 'error' ? 'red' : 'yellow', d.severity)
  const head = `${paint('bold', escapeText(formatLocation(d.at)))}: ${severity}: ${d.message} ${paint('dim', `[${d.code}]`)}`
  if (d.help === undefined) return head
  return [head, ...d.help.split('\n').map((line) => `  ${paint('cyan', 'help:')} ${line}`)].join('\n')
}

/** `1 policy`, `2 policies`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`
}

/** `2 errors, 1 warning`, or `no problems`. */
export function tally(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter((d) => d.severity === 'error').length
  const warnings = diagnostics.length - errors
  const parts = [...(errors > 0 ? [count(errors, 'error')] : []), ...(warnings > 0 ? [count(warnings, 'warning')] : [])]
  return parts.length === 0 ? 'no problems' : parts.join(', ')
}
