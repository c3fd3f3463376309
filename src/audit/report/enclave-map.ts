/** Enclaves as boxes, by Stack, with what is outside beside them, and an arrow wherever somebody in one may open a connection to somebody in the other. */
import { compareText } from '../../base/location.ts'
import { escapeXml } from '../../analysis/xml.ts'
import { isExpired } from '../../model/platform.ts'
import type { Intent, PathEnd } from '../../intent/intent.ts'
import type { Platform } from '../../model/platform.ts'

interface Box {
  readonly key: string
  readonly title: string
  readonly lines: readonly string[]
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

const letter = 7
const line = 16
const gap = 34
const columnGap = 110
const margin = 18
const mostLines = 12

/** Stands alone in a page: no script, no font, no other file. Paths that have expired at `now` are left out. */
export function enclaveMap(platform: Platform, intent: Intent, now: number): string {
  const paths = intent.paths.filter((p) => !isExpired(p, now))
  const keyOf = (end: PathEnd): string => (end.kind === 'workload' ? `enclave ${platform.workloads.get(end.workload)?.enclave ?? ''}` : end.kind === 'peer' ? `peer ${end.peer}` : `external ${end.external}`)
  const used = new Set(paths.flatMap((p) => [keyOf(p.source), keyOf(p.destination)]))
  const outside = [...used].filter((k) => !k.startsWith('enclave ')).sort(compareText).map((key) => ({ key, title: key.replace('external ', 'external:'), lines: [] }))
  const stacks = Map.groupBy([...platform.enclaves.values()].filter((e) => workloadsOf(platform, e.name).length > 0), (e) => platform.environments.get(e.environment)?.stack ?? 'default')
  const columns = [
    ...(outside.length === 0 ? [] : [{ title: 'outside', boxes: outside }]),
    ...[...stacks].sort(([a], [b]) => compareText(a, b)).map(([stack, enclaves]) => ({
      title: `stack ${stack}, ${platform.stacks.get(stack)?.tenancy ?? 'shared'}`,
      boxes: enclaves.map((e) => ({ key: `enclave ${e.name}`, title: e.name, lines: [`in ${e.environment}${e.segment === undefined ? '' : `, segment ${e.segment}`}`, ...few(workloadsOf(platform, e.name))] })).sort((a, b) => compareText(a.title, b.title)),
    })),
  ]
  const boxes = new Map<string, Box>()
  const parts: string[] = []
  let x = margin
  let bottom = 0
  for (const column of columns) {
    const width = Math.max(120, ...[column.title, ...column.boxes.flatMap((b) => [b.title, ...b.lines])].map((t) => t.length * letter + 24))
    let y = margin + 30
    for (const { key, title, lines } of column.boxes) {
      const height = 28 + lines.length * line
      boxes.set(key, { key, title, lines, x, y, width, height })
      y += height + gap
    }
    bottom = Math.max(bottom, y)
    parts.push(`<text class="column" x="${n(x)}" y="${n(margin + 12)}">${escapeXml(column.title)}</text>`)
    x += width + columnGap
  }
  const pairs = Map.groupBy(paths.filter((p) => keyOf(p.source) !== keyOf(p.destination)), (p) => `${keyOf(p.source)}\0${keyOf(p.destination)}`)
  const arrows = [...pairs].sort(([a], [b]) => compareText(a, b)).map(([key, those], i) => arrow(boxes, key.split('\0') as [string, string], those.length, i))
  const width = Math.max(x - columnGap, 300) + margin + 40
  const height = Math.max(bottom, 100)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${n(width)} ${n(height)}" width="${n(width)}" height="${n(height)}" role="img" aria-labelledby="map-title">`,
    '<title id="map-title">Which enclave may open connections to which, and to what outside</title>',
    '<style>.box{fill:#f5f7f9;stroke:#5b636d}.outside{fill:#fff;stroke-dasharray:4 3}.map text{font:12px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#22262b}.map .name{font-weight:bold}.map .column{fill:#5b636d}.arrow{fill:none;stroke:#1f5fa8;stroke-width:1.4}.map .count{fill:#1f5fa8;font-weight:bold;paint-order:stroke;stroke:#fff;stroke-width:4px}</style>',
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M0 0 L8 4 L0 8 z" fill="#1f5fa8"/></marker></defs>',
    '<g class="map">', ...parts, ...[...boxes.values()].map(boxSvg), ...arrows, '</g>',
    '</svg>',
  ].join('\n')
}

function workloadsOf(platform: Platform, enclave: string): readonly string[] {
  return [...platform.workloads.values()].filter((w) => w.enclave === enclave).map((w) => w.name).sort(compareText)
}

function few(lines: readonly string[]): readonly string[] {
  return lines.length <= mostLines ? lines : [...lines.slice(0, mostLines - 1), `and ${lines.length - mostLines + 1} more`]
}

function boxSvg({ key, title, lines, x, y, width, height }: Box): string {
  return [
    `<rect class="box${key.startsWith('enclave ') ? '' : ' outside'}" x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="4"/>`,
    `<text class="name" x="${n(x + 12)}" y="${n(y + 19)}">${escapeXml(title)}</text>`,
    ...lines.map((text, i) => `<text x="${n(x + 12)}" y="${n(y + 36 + i * line)}">${escapeXml(text)}</text>`),
  ].join('')
}

/** Between facing sides; within one column round its right side. Several arrows at one box leave at different heights. */
function arrow(boxes: ReadonlyMap<string, Box>, [from, to]: readonly [string, string], count: number, index: number): string {
  const a = boxes.get(from)
  const b = boxes.get(to)
  if (a === undefined || b === undefined) return ''
  const shift = (box: Box): number => box.y + 10 + ((index * 11) % Math.max(11, box.height - 20))
  const [ya, yb] = [shift(a), shift(b)]
  const title = `<title>${escapeXml(`${from} -> ${to}: ${count} ${count === 1 ? 'path' : 'paths'}`)}</title>`
  const [x1, x2] = a.x === b.x ? [a.x + a.width, b.x + b.width] : a.x < b.x ? [a.x + a.width, b.x] : [a.x, b.x + b.width]
  const bend = a.x === b.x ? 40 + (index % 4) * 9 : (x2 - x1) / 2
  const [c1, c2] = [x1 + bend, a.x === b.x ? x2 + bend : x2 - bend]
  const mid = { x: (x1 + 3 * c1 + 3 * c2 + x2) / 8, y: (ya + yb) / 2 }
  return `<g>${title}<path class="arrow" d="M${n(x1)} ${n(ya)} C${n(c1)} ${n(ya)} ${n(c2)} ${n(yb)} ${n(x2)} ${n(yb)}" marker-end="url(#tip)"/><text class="count" x="${n(mid.x - 4)}" y="${n(mid.y + 4)}">${count}</text></g>`
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10)
}
