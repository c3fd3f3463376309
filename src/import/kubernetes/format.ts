/** The connectivity of a cluster as text to compare, as a table, as data and as a graph. */
import { formatConnection } from './traffic.ts'
import { ingressController } from './connections.ts'
import type { Connection } from './connections.ts'
import type { TrafficTable } from './traffic.ts'

export interface ConnectionRow {
  readonly src: string
  readonly dst: string
  readonly conn: string
}

export function connectionRows(connections: readonly Connection[], table: TrafficTable): readonly ConnectionRow[] {
  const known = new Map<number, string>()
  return connections.map(({ source, destination, traffic }) => {
    let conn = known.get(traffic)
    if (conn === undefined) known.set(traffic, (conn = formatConnection(table.get(traffic))))
    return { src: source, dst: destination, conn }
  })
}

/** `SRC => DST : CONN`, one line a pair, in the order of the rows. */
export function connectionsText(rows: readonly ConnectionRow[]): string {
  return rows.map(({ src, dst, conn }) => `${src} => ${dst} : ${conn}\n`).join('')
}

export const connectionsCsvHead = 'src,dst,conn'

/** What stands under the head; lines end as those of other analysers do, so that the two can be compared. */
export function connectionsCsv(rows: readonly ConnectionRow[]): string {
  const field = (text: string): string => (text.includes(',') ? `"${text}"` : text)
  return rows.map(({ src, dst, conn }) => `${[src, dst, conn].map(field).join(',')}\n`).join('')
}

/** For Graphviz: one box for each namespace. */
export function connectionsDot(rows: readonly ConnectionRow[]): string {
  const nodes = [...new Set(rows.flatMap(({ src, dst }) => [src, dst]))].sort()
  const namespaceOf = (node: string): string => (node.endsWith('[External]') || node === ingressController ? '' : node.slice(0, node.indexOf('/')))
  const boxes = [...Map.groupBy(nodes, namespaceOf)].sort(([a], [b]) => (a < b ? -1 : 1))
  const lines = boxes.flatMap(([namespace, inside]) =>
    namespace === ''
      ? inside.map((node) => `  ${id(node)} [shape=ellipse]`)
      : [`  subgraph ${id(`cluster_${namespace}`)} {`, `    label=${id(namespace)}`, ...inside.map((node) => `    ${id(node)} [label=${id(node.slice(namespace.length + 1))}]`), '  }'])
  return ['digraph {', '  node [shape=box]', ...lines, ...rows.map(({ src, dst, conn }) => `  ${id(src)} -> ${id(dst)} [label=${id(conn)}]`), '}', ''].join('\n')
}

function id(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`
}
