/** Diagnostics as GitHub workflow commands: annotations at the lines of a pull request. */
import type { Diagnostic } from '../../base/diagnostic.ts'

/** One line for each; `fileOf` gives a file's path relative to the repository. */
export function githubAnnotations(diagnostics: readonly Diagnostic[], fileOf: (file: string) => string): readonly string[] {
  return diagnostics.map((d) => {
    const message = d.help === undefined ? d.message : `${d.message}\n${d.help}`
    const properties = { file: fileOf(d.at.file), line: String(d.at.line), col: String(d.at.column), title: d.code }
    const listed = Object.entries(properties).map(([key, value]) => `${key}=${escapeProperty(value)}`).join(',')
    return `::${d.severity} ${listed}::${escapeData(message)}`
  })
}

/** A line end would begin another command. */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
