/** The matrix as a picture: sources down the side, destinations across, grouped by enclave. Needs no other file, no script and no font. */
import { pictureOf, rowText } from './matrix-picture.ts'
import { escapeXml } from './xml.ts'
import type { MatrixRow } from './matrix.ts'
import type { Picture, PictureCell, PictureEnd } from './matrix-picture.ts'

/** Pixels. A letter of the monospaced font at size 11 is 6.7 wide. */
const letter = 6.7
const rowHeight = 22
const groupGap = 8
const margin = 16
const titleHeight = 20

const colours: Readonly<Record<string, string>> = { tcp: '#1f5fa8', udp: '#2e7d4f', sctp: '#7b4fa3', icmp: '#8a6d1f', several: '#4a4f57' }

export function matrixSvg(rows: readonly MatrixRow[]): string {
  const picture = pictureOf(rows)
  if (rows.length === 0) return wrap(360, 48, ['<text x="16" y="29">no path is open: everything is denied</text>'])
  const sources = placed(picture, new Set(rows.map(({ source }) => source)))
  const destinations = placed(picture, new Set(rows.map(({ destination }) => destination)))
  const cellWidth = Math.max(56, ...picture.cells.map((cell) => shortText(cell).length * letter + 12))
  const left = margin + Math.max(...sources.flatMap(({ title, ends }) => [title.length + 2, ...ends.map(({ end }) => end.name.length + 3)])) * letter + 8
  const head = Math.max(...destinations.flatMap(({ ends }) => ends.map(({ end }) => end.name.length))) * letter + 12
  const titles = titleRows(destinations, cellWidth)
  const top = margin + titles.height + head
  const bandWidth = extent(destinations, cellWidth)
  const bandHeight = extent(sources, rowHeight) + sources.length * titleHeight
  const y = new Map<string, number>()
  const x = new Map<string, number>()

  const parts: string[] = []
  let at = left
  for (const [i, { title, ends }] of destinations.entries()) {
    const width = ends.length * cellWidth
    parts.push(`<rect class="band" x="${n(at)}" y="${n(margin)}" width="${n(width)}" height="${n(top - margin + bandHeight)}"/>`)
    parts.push(`<text class="title" x="${n(at + 4)}" y="${n(margin + 14 + (titles.levels[i] ?? 0) * titleHeight)}">${escapeXml(title)}</text>`)
    for (const { end } of ends) {
      x.set(end.text, at)
      parts.push(`<text transform="translate(${n(at + cellWidth / 2 + 4)} ${n(top - 6)}) rotate(-90)">${escapeXml(end.name)}<title>${escapeXml(end.text)}</title></text>`)
      at += cellWidth
    }
    at += groupGap
  }
  at = top
  for (const { title, ends } of sources) {
    parts.push(`<text class="title" x="${n(margin)}" y="${n(at + 14)}">${escapeXml(title)}</text>`)
    at += titleHeight
    for (const { end } of ends) {
      y.set(end.text, at)
      parts.push(`<line x1="${n(margin)}" x2="${n(left + bandWidth)}" y1="${n(at + rowHeight)}" y2="${n(at + rowHeight)}"/>`)
      parts.push(`<text x="${n(margin + 2 * letter)}" y="${n(at + 15)}">${escapeXml(end.name)}<title>${escapeXml(end.text)}</title></text>`)
      at += rowHeight
    }
    at += groupGap
  }
  for (const cell of picture.cells) parts.push(cellSvg(cell, x.get(cell.destination) ?? 0, y.get(cell.source) ?? 0, cellWidth))
  const legend = at + 20
  parts.push(...legendSvg(left, legend))
  return wrap(Math.max(left + bandWidth, left + 470) + margin, legend + 20, parts)
}

interface Placed {
  readonly title: string
  readonly ends: readonly { readonly end: PictureEnd }[]
}

function placed({ groups }: Picture, wanted: ReadonlySet<string>): readonly Placed[] {
  return groups.flatMap(({ title, kind, ends }) => {
    const here = ends.filter(({ text }) => wanted.has(text)).map((end) => ({ end }))
    return here.length === 0 ? [] : [{ title: kind === 'peer' ? `peer ${title}` : title, ends: here }]
  })
}

function extent(groups: readonly Placed[], each: number): number {
  return groups.reduce((sum, { ends }) => sum + ends.length * each + groupGap, -groupGap)
}

/** A title that is wider than its columns would run into the next one, so that one stands a line lower. */
function titleRows(groups: readonly Placed[], cellWidth: number): { readonly levels: readonly number[]; readonly height: number } {
  const ends: number[] = []
  const levels: number[] = []
  let at = 0
  for (const { title, ends: here } of groups) {
    let level = ends.findIndex((end) => end <= at)
    if (level < 0) level = ends.length
    ends[level] = at + (title.length + 2) * letter
    levels.push(level)
    at += here.length * cellWidth + groupGap
  }
  return { levels, height: ends.length * titleHeight }
}

function cellSvg(cell: PictureCell, x: number, y: number, width: number): string {
  const protocols = new Set(cell.rows.map(({ protocol }) => protocol))
  const colour = colours[protocols.size === 1 ? (cell.rows[0]?.protocol ?? '') : 'several'] ?? '#4a4f57'
  const told = [`${cell.source} -> ${cell.destination}`, ...cell.rows.map(rowText)].join('\n')
  const fill = cell.conditional ? `fill="#fff" stroke="${colour}" stroke-dasharray="3 2"` : `fill="${colour}"`
  return (
    `<g><rect x="${n(x + 2)}" y="${n(y + 2)}" width="${n(width - 4)}" height="${rowHeight - 4}" rx="3" ${fill}/>` +
    `<text class="cell" x="${n(x + width / 2)}" y="${n(y + 15)}" fill="${cell.conditional ? colour : '#fff'}">${escapeXml(shortText(cell))}</text><title>${escapeXml(told)}</title></g>`
  )
}

/** Ports where one protocol is open, protocols where several are; the rest is in the cell's title. */
function shortText({ rows }: PictureCell): string {
  const protocols = [...new Set(rows.map(({ protocol }) => protocol))]
  if (protocols.length > 1) return protocols.length === 4 ? 'all four' : protocols.join('+')
  const ports = [...new Set(rows.flatMap((row) => (row.ports === '' ? [] : row.ports.split(','))))]
  const text = ports.length === 0 ? 'echo' : ports.includes('any') ? 'any port' : ports.join(',')
  return text.length > 17 ? `${text.slice(0, 16)}…` : text
}

function legendSvg(x: number, y: number): readonly string[] {
  const items = [['tcp', colours['tcp']], ['udp', colours['udp']], ['sctp', colours['sctp']], ['icmp', colours['icmp']], ['several', colours['several']]] as const
  const boxes = items.map(([name, colour], i) => `<rect x="${n(x + i * 76)}" y="${n(y - 10)}" width="12" height="12" rx="2" fill="${colour ?? ''}"/><text x="${n(x + i * 76 + 17)}" y="${n(y)}">${name}</text>`)
  return [...boxes, `<rect x="${n(x + 380)}" y="${n(y - 10)}" width="12" height="12" rx="2" fill="#fff" stroke="#4a4f57" stroke-dasharray="3 2"/><text x="${n(x + 397)}" y="${n(y)}">conditional</text>`]
}

function wrap(width: number, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${n(width)}" height="${n(height)}" viewBox="0 0 ${n(width)} ${n(height)}" role="img" fill="#22262b">`,
    '<title>Who may talk to whom</title>',
    '<style>text{font:11px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}.title{font-weight:bold}.cell{text-anchor:middle}' +
      'line{stroke:#e3e6ea}.band{fill:#f5f7f9}</style>',
    `<rect width="${n(width)}" height="${n(height)}" fill="#fff"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

/** At most one decimal, so that the text is the same everywhere. */
function n(value: number): string {
  return String(Math.round(value * 10) / 10)
}
