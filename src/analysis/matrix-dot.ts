/** The matrix for Graphviz: a cluster for each enclave, an edge for each pair. */
import { pictureOf } from './matrix-picture.ts'
import type { MatrixRow } from './matrix.ts'

export function matrixDot(rows: readonly MatrixRow[]): string {
  const { groups, cells } = pictureOf(rows)
  const clusters = groups.flatMap(({ title, kind, ends }, i) => [
    `  subgraph cluster_${i} {`,
    `    label=${quoted(kind === 'enclave' ? `enclave ${title}` : kind === 'peer' ? `peer ${title}` : title)}`,
    ...(kind === 'enclave' ? [] : ['    style=dashed']),
    ...ends.map(({ text, name }) => `    ${quoted(text)} [label=${quoted(name)}]`),
    '  }',
  ])
  const edges = cells.map(
    ({ source, destination, traffic, conditional }) => `  ${quoted(source)} -> ${quoted(destination)} [label=${quoted(traffic.join('\n'))}${conditional ? ', style=dashed' : ''}]`,
  )
  return ['digraph bulkhead {', '  rankdir=LR', '  node [shape=box]', ...clusters, ...edges, '}', ''].join('\n')
}

/** A quoted string of the DOT language; a backslash would begin an escape there. */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}
