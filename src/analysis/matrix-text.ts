/** The matrix for eyes and for spreadsheets. */
import { formatInstant } from '../base/clock.ts'
import { escapeText } from '../base/diagnostic.ts'
import { phases } from '../model/platform.ts'
import { csvTable, textTable } from './table.ts'
import type { MatrixRow } from './matrix.ts'

/** Aligned columns under a heading, one line a row. */
export function matrixText(rows: readonly MatrixRow[]): string {
  if (rows.length === 0) return 'no path is open: everything is denied\n'
  const table = [
    ['SOURCE', 'DESTINATION', 'TRAFFIC', 'VIA', 'ONLY', 'OPENED BY'],
    ...rows.map((row) => [row.source, row.destination, trafficOf(row), row.via, conditions(row), documents(row)]),
  ]
  const kept = [0, 1, 2, 3, 4, 5].filter((column) => table.slice(1).some((cells) => cells[column] !== ''))
  return textTable(table.map((cells) => kept.map((column) => cells[column] ?? '')))
}

/** RFC 4180 with a heading; lists inside a field are joined by `;`. */
export function matrixCsv(rows: readonly MatrixRow[]): string {
  const lines = rows.map((row) => [
    row.source, row.destination, row.protocol, row.ports, row.via, row.phases.join(';'), row.expires === undefined ? '' : formatInstant(row.expires),
    row.policies.map((p) => `${p.kind} ${p.name} (${p.file}:${p.line})`).join(';'),
  ])
  const heading = ['source', 'destination', 'protocol', 'ports', 'via', 'phases', 'expires', 'policies']
  return csvTable([heading, ...lines])
}

/** For `--format json`: instants as text, everything else as it is. */
export function matrixJson(rows: readonly MatrixRow[]): readonly unknown[] {
  return rows.map((row) => ({ ...row, ...(row.expires === undefined ? {} : { expires: formatInstant(row.expires) }) }))
}

function trafficOf({ protocol, ports }: MatrixRow): string {
  return ports === '' ? protocol : `${protocol} ${ports}`
}

function conditions(row: MatrixRow): string {
  const when = row.expires === undefined ? [] : [`until ${formatInstant(row.expires)}`]
  return [...(row.phases.length === phases.length ? [] : [`in ${row.phases.join(', ')}`]), ...when].join(', ')
}

function documents(row: MatrixRow): string {
  return row.policies.map((p) => `${p.kind} ${p.name} (${escapeText(p.file)}:${p.line})`).join(', ')
}
