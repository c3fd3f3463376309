/** The matrix as something to draw: who stands in which group, and what each pair may exchange. */
import { formatInstant } from '../base/clock.ts'
import { compareText } from '../base/location.ts'
import { phases } from '../model/platform.ts'
import type { MatrixRow } from './matrix.ts'

export interface Picture {
  /** Enclaves first, then what is outside. */
  readonly groups: readonly PictureGroup[]
  /** Sorted by source, then destination. */
  readonly cells: readonly PictureCell[]
}

export interface PictureGroup {
  readonly title: string
  readonly kind: 'enclave' | 'external' | 'peer'
  readonly ends: readonly PictureEnd[]
}

export interface PictureEnd {
  /** As a reference is written; unique. */
  readonly text: string
  /** Inside its group. */
  readonly name: string
}

export interface PictureCell {
  readonly source: string
  readonly destination: string
  readonly rows: readonly MatrixRow[]
  /** Protocols and ports, such as `tcp 80,443`, each once. */
  readonly traffic: readonly string[]
  /** True when part of it holds only in some phases, for some time, or for some requests. */
  readonly conditional: boolean
}

export function pictureOf(rows: readonly MatrixRow[]): Picture {
  const ends = new Set(rows.flatMap(({ source, destination }) => [source, destination]))
  const groups = new Map<string, PictureGroup & { readonly ends: PictureEnd[] }>()
  for (const text of [...ends].sort(compareText)) {
    const { title, kind, name } = placeOf(text)
    const key = `${kind} ${title}`
    let group = groups.get(key)
    if (group === undefined) groups.set(key, (group = { title, kind, ends: [] }))
    group.ends.push({ text, name })
  }
  const order = ['enclave', 'external', 'peer']
  const cells = new Map<string, MatrixRow[]>()
  for (const row of rows) {
    const key = `${row.source} ${row.destination}`
    const known = cells.get(key)
    if (known === undefined) cells.set(key, [row])
    else known.push(row)
  }
  return {
    groups: [...groups.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || compareText(a.title, b.title)),
    cells: Array.from(cells.values(), cellOf),
  }
}

function placeOf(text: string): { readonly title: string; readonly kind: PictureGroup['kind']; readonly name: string } {
  if (text.startsWith('external:')) return { title: 'outside', kind: 'external', name: text.slice('external:'.length) }
  const slash = text.indexOf('/')
  if (text.startsWith('peer:')) return { title: text.slice('peer:'.length, slash), kind: 'peer', name: text.slice(slash + 1) }
  return { title: text.slice(0, slash), kind: 'enclave', name: text.slice(slash + 1) }
}

function cellOf(rows: readonly MatrixRow[]): PictureCell {
  const [first] = rows
  if (first === undefined) throw new TypeError('a cell has at least one row')
  return {
    source: first.source,
    destination: first.destination,
    rows,
    traffic: [...new Set(rows.map(trafficText))],
    conditional: rows.some((row) => row.phases.length < phases.length || row.expires !== undefined || /^egress ./.test(row.via)),
  }
}

export function trafficText({ protocol, ports }: MatrixRow): string {
  return ports === '' ? protocol : `${protocol} ${ports}`
}

/** A row in full: traffic, gateway, conditions, documents. */
export function rowText(row: MatrixRow): string {
  const via = row.via === 'direct' ? [] : [row.via]
  const only = row.phases.length === phases.length ? [] : [`in ${row.phases.join(', ')}`]
  const until = row.expires === undefined ? [] : [`until ${formatInstant(row.expires)}`]
  return `${[trafficText(row), ...via, ...only, ...until].join(', ')} by ${row.policies.map((p) => `${p.kind} ${p.name} (${p.file}:${p.line})`).join(' with ')}`
}
