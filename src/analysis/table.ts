/** Rows as columns for eyes, and for spreadsheets. */
import { escapeText } from '../base/diagnostic.ts'

/** Aligned columns, one line a row. The first row may be a heading. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  return rows.map((cells) => `${cells.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ').trimEnd()}\n`).join('')
}

/** RFC 4180. */
export function csvTable(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `${cells.map(csvField).join(',')}\r\n`).join('')
}

/** A field that a spreadsheet could take for a formula is text all the same, also behind spaces and in wide letters; one that could drive a terminal does not. */
function csvField(given: string): string {
  const text = given.split('\n').map(escapeText).join('\n')
  const safe = /^\s*[=+@\-\uff1d\uff0b\uff20\uff0d]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
