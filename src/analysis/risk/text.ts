/** The register for eyes, spreadsheets, machines and paper. */
import { formatInstant } from '../../base/clock.ts'
import { escapeText } from '../../base/diagnostic.ts'
import { htmlPage } from '../html-page.ts'
import { csvTable, textTable } from '../table.ts'
import { escapeXml } from '../xml.ts'
import type { RiskRow, SeenUse, TelemetryUse } from './register.ts'

/** How far the figures of use reach; `undefined` where no records were looked at. */
export function useSentence(seen: SeenUse | undefined): string {
  if (seen === undefined) return 'Use is not known: these are documents only.'
  return seen.since === undefined ? 'Nothing has been recorded yet.' : `Use as recorded since ${formatInstant(seen.since)}; bytes count when a connection ends.`
}

function day(instant: number): string {
  return formatInstant(instant).slice(0, 10)
}

function useText(use: TelemetryUse | undefined): string {
  if (use === undefined) return ''
  if (use.connections === 0) return 'none'
  return `${use.connections} ${use.connections === 1 ? 'connection' : 'connections'}, ${use.bytes} bytes, last ${formatInstant(use.last)}`
}

function policyNames({ policies }: RiskRow): readonly string[] {
  return policies.map(({ name, file, line }) => `${name} (${file}:${line})`)
}

export function riskText(rows: readonly RiskRow[]): string {
  if (rows.length === 0) return 'no External is telemetry, and no risk is recorded\n'
  const head = ['STATE', 'EXTERNAL', 'SOFTWARE', 'ACCEPTED BY', 'REVIEW', 'POLICIES', 'USE']
  const cells = rows.map((row) => [row.state, row.external, row.record?.software ?? '-', row.record?.acceptedBy ?? '-', row.record === undefined ? '-' : day(row.record.until), policyNames(row).join(', ') || '-', useText(row.use) || '-'])
  return textTable([head, ...cells.map((row) => row.map(escapeText))])
}

export function riskCsv(rows: readonly RiskRow[]): string {
  const head = ['state', 'external', 'record', 'software', 'owner', 'sends', 'where', 'legal basis', 'mitigations', 'accepted by', 'review', 'policies', 'senders', 'connections', 'bytes', 'last']
  const cells = rows.map(({ state, external, record, senders, use, ...row }) => [
    state, external, record?.name ?? '', record?.software ?? '', record?.owner ?? '', record?.sends.join('; ') ?? '', record?.where ?? '', record?.legalBasis ?? '', record?.mitigations.join('; ') ?? '',
    record?.acceptedBy ?? '', record === undefined ? '' : formatInstant(record.until), row.policies.map(({ name, file, line }) => `${name} (${file}:${line})`).join('; '), senders.join('; '),
    use === undefined ? '' : String(use.connections), use === undefined ? '' : String(use.bytes), use === undefined || use.connections === 0 ? '' : formatInstant(use.last),
  ])
  return csvTable([head, ...cells])
}

export function riskJson(rows: readonly RiskRow[]): unknown {
  return rows.map(({ state, external, record, policies, senders, use }) => ({
    state, external,
    record: record === undefined ? null : {
      name: record.name, software: record.software, owner: record.owner, sends: record.sends, where: record.where, legalBasis: record.legalBasis,
      mitigations: record.mitigations, acceptedBy: record.acceptedBy, review: formatInstant(record.until), file: record.at.file, line: record.at.line,
    },
    policies, senders,
    use: use === undefined ? null : { connections: use.connections, bytes: use.bytes, ...(use.connections === 0 ? {} : { first: formatInstant(use.first), last: formatInstant(use.last) }) },
  }))
}

/** A table for a page of its own, or for a part of one. */
export function riskTable(rows: readonly RiskRow[]): string {
  const head = ['State', 'External', 'Software', 'Owner', 'What is sent', 'To whom', 'Legal basis', 'Mitigations', 'Accepted by', 'Review', 'Policies', 'Use'].map((text) => `<th scope="col">${text}</th>`).join('')
  const body = rows.map((row) => {
    const { state, external, record, use } = row
    const cells = [
      state, external, record?.software ?? '-', record?.owner ?? '-', record?.sends.join('; ') ?? '-', record?.where ?? '-', record?.legalBasis ?? '-', record?.mitigations.join('; ') ?? '-',
      record?.acceptedBy ?? '-', record === undefined ? '-' : day(record.until), policyNames(row).join(', ') || '-', useText(use) || '-',
    ]
    return `<tr>${cells.map((text) => `<td>${escapeXml(text)}</td>`).join('')}</tr>`
  })
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table>`
}

export function riskHtml(rows: readonly RiskRow[], title: string, at: number, seen: string): string {
  const heading = `${title}: risks of telemetry`
  return htmlPage(heading, style, [`<h1>${escapeXml(heading)}</h1>`, `<p>As of ${formatInstant(at)}. ${escapeXml(seen)}</p>`, riskTable(rows)])
}

const style =
  'body{font:13px/1.4 system-ui,sans-serif;color:#22262b;margin:1.5rem}h1{font-size:1.3rem}table{border-collapse:collapse;width:100%}' +
  'th,td{text-align:left;vertical-align:top;padding:.3rem .5rem;border-bottom:1px solid #d5dae0;overflow-wrap:anywhere}th{font-size:11px;color:#5b636d}' +
  '@media print{@page{size:landscape}body{margin:0;font-size:9pt}tr{break-inside:avoid}}'
