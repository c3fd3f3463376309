/** The matrix as one page that needs nothing else: the picture, then every row, by the enclave of its source. */
import { formatInstant } from '../base/clock.ts'
import { phases } from '../model/platform.ts'
import { htmlPage } from './html-page.ts'
import { pictureOf, trafficText } from './matrix-picture.ts'
import { matrixSvg } from './matrix-svg.ts'
import { escapeXml } from './xml.ts'
import type { MatrixRow } from './matrix.ts'

/** `title` names the platform; `at` is the instant that the page tells of, in milliseconds since the epoch. */
export function matrixHtml(rows: readonly MatrixRow[], title: string, at: number): string {
  const { groups, cells } = pictureOf(rows)
  const sections = groups.flatMap(({ title: name, kind, ends }) => {
    const mine = new Set(ends.map(({ text }) => text))
    const here = rows.filter(({ source }) => mine.has(source))
    if (here.length === 0) return []
    const from = kind === 'enclave' ? `From enclave ${name}` : kind === 'peer' ? `From peer ${name}` : 'From outside'
    return [`<details open><summary>${escapeXml(from)} (${here.length})</summary>`, table(here), '</details>']
  })
  const heading = `${title}: who may talk to whom`
  return htmlPage(heading, style, [
    `<h1>${escapeXml(heading)}</h1>`,
    `<p>${pairs(cells.length)}, at ${formatInstant(at)}. What is not listed is denied.</p>`,
    `<div class="picture">${matrixSvg(rows).trimEnd()}</div>`,
    ...sections,
  ])
}

const style =
  'body{font:14px system-ui,sans-serif;color:#22262b;margin:2rem;max-width:90rem}h1{font-size:1.3rem}.picture{overflow-x:auto;border:1px solid #e3e6ea;margin:1rem 0}' +
  'summary{font-weight:600;margin:1rem 0 .4rem;cursor:pointer}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #e3e6ea;vertical-align:top}' +
  'td{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12px;overflow-wrap:anywhere}th{font-size:12px;color:#5b636d}'

function table(rows: readonly MatrixRow[]): string {
  const head = ['Source', 'Destination', 'Traffic', 'Via', 'Only', 'Opened by'].map((text) => `<th scope="col">${text}</th>`).join('')
  const body = rows.map((row) => {
    const only = [...(row.phases.length === phases.length ? [] : [`in ${row.phases.join(', ')}`]), ...(row.expires === undefined ? [] : [`until ${formatInstant(row.expires)}`])]
    const by = row.policies.map((p) => escapeXml(`${p.kind} ${p.name} (${p.file}:${p.line})`)).join('<br>')
    const cells = [row.source, row.destination, trafficText(row), row.via, only.join(', ')].map((text) => `<td>${escapeXml(text)}</td>`)
    return `<tr>${cells.join('')}<td>${by}</td></tr>`
  })
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table>`
}

function pairs(n: number): string {
  return n === 0 ? 'No pair may talk' : n === 1 ? 'One pair may talk' : `${n} pairs may talk`
}
