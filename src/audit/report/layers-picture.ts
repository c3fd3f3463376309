/** The layers of isolation between every two enclaves, as a picture and as a table of the same. */
import { isolationLayers } from '../../analysis/isolation/finding.ts'
import { escapeXml } from '../../analysis/xml.ts'
import type { PairRow } from '../../analysis/isolation/all.ts'

const cell = 104
const row = 22
const letter = 7

/** A filled cell: apart there; an empty one: together; none: the platform has no such layer. */
export function layersPicture(rows: readonly PairRow[]): string {
  if (rows.length === 0) return '<p>There are no two enclaves.</p>'
  const left = Math.max(...rows.map(({ between: [a, b] }) => nameOf(a.text).length + nameOf(b.text).length + 3)) * letter + 12
  const width = left + isolationLayers.length * cell + 100
  const height = 26 + rows.length * row + 8
  const parts = isolationLayers.map((layer, i) => `<text x="${left + i * cell + 4}" y="16">${layer}</text>`)
  for (const [i, { between: [a, b], apart, together, strongest }] of rows.entries()) {
    const y = 26 + i * row
    parts.push(`<text x="4" y="${y + 15}">${escapeXml(`${nameOf(a.text)} | ${nameOf(b.text)}`)}</text>`)
    for (const [j, layer] of isolationLayers.entries()) {
      const kind = apart.includes(layer) ? 'apart' : together.includes(layer) ? 'together' : undefined
      if (kind !== undefined) parts.push(`<rect class="${kind}" x="${left + j * cell + 4}" y="${y + 2}" width="${cell - 8}" height="${row - 4}" rx="3"/><text class="${kind}-text" x="${left + j * cell + cell / 2}" y="${y + 15}">${kind}</text>`)
    }
    parts.push(`<text x="${left + isolationLayers.length * cell + 6}" y="${y + 15}">${strongest}</text>`)
  }
  parts.push(`<text x="${left + isolationLayers.length * cell + 6}" y="16">strongest</text>`)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="layers-title">`,
    '<title id="layers-title">By which layers every two enclaves are apart</title>',
    '<style>.layers text{font:11px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#22262b}.apart{fill:#2e7d4f}.together{fill:#fff;stroke:#8a6d1f;stroke-dasharray:3 2}.layers .apart-text{fill:#fff;text-anchor:middle}.layers .together-text{fill:#6b5414;text-anchor:middle}</style>',
    '<g class="layers">', ...parts, '</g></svg>',
  ].join('\n')
}

function nameOf(text: string): string {
  return text.replace(/^enclave:/, '')
}
