/** Pieces of a page; whatever text they are given is text and never markup. */
import { escapeXml } from '../../analysis/xml.ts'

/** `parts` are markup already. */
export function section(id: string, title: string, about: string | undefined, ...parts: readonly string[]): string {
  const name = id.replaceAll(/[^a-z0-9-]/g, '-')
  return `<section aria-labelledby="${name}"><h2 id="${name}">${escapeXml(title)}</h2>${about === undefined ? '' : `<p>${escapeXml(about)}</p>`}\n${parts.join('\n')}\n</section>`
}

export function table(caption: string, heads: readonly string[], rows: readonly (readonly string[])[], otherwise: string): string {
  if (rows.length === 0) return `<p>${escapeXml(otherwise)}</p>`
  const head = heads.map((text) => `<th scope="col">${escapeXml(text)}</th>`).join('')
  const body = rows.map((row) => `<tr>${row.map((text, i) => (i === 0 ? `<th scope="row">${cell(text)}</th>` : `<td>${cell(text)}</td>`)).join('')}</tr>`)
  return `<table><caption>${escapeXml(caption)}</caption><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table>`
}

export function list(items: readonly string[]): string {
  return `<ul>${items.map((text) => `<li>${cell(text)}</li>`).join('')}</ul>`
}

/** What must not be overlooked is written in capitals, and marked. */
function cell(text: string): string {
  const marked = /^(NO\b|fail$|not as it should be)/.test(text)
  // Names may break after a slash, on paper too.
  const html = escapeXml(text).replaceAll('/', '/<wbr>').replaceAll('\n', '<br>')
  return marked ? `<strong class="bad">${html}</strong>` : html
}
