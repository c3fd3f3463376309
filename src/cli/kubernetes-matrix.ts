/** `bulkhead matrix --kubernetes`: who reaches whom in a cluster, as its manifests say. */
import { analyseCluster, connections } from '../import/kubernetes/connections.ts'
import { connectionRows, connectionsCsv, connectionsCsvHead, connectionsDot, connectionsText } from '../import/kubernetes/format.ts'
import { formatOf } from './arguments.ts'
import { endFilter, refuseOptions } from './kubernetes-ends.ts'
import { loadCluster } from './kubernetes-load.ts'
import type { ConnectionRow } from '../import/kubernetes/format.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

const formats = ['text', 'csv', 'json', 'dot'] as const

/** `--output` as other analysers have it, or `--format` as the command has it. */
export async function kubernetesMatrix(command: Command, context: CommandContext): Promise<ExitCode> {
  const [place = ''] = context.args
  refuseOptions(command, context, 'enclave', 'external', 'at')
  const format = formatOf(command, context, formats, 'text')
  const cluster = await loadCluster({ ...context, json: format === 'json' }, place)
  if (cluster === undefined) return 1
  const analysis = analyseCluster(cluster)
  const [from, to] = [endFilter(command, cluster, context.options['from']), endFilter(command, cluster, context.options['to'])]
  const rows = connectionRows(connections(analysis), analysis.table).filter(({ src, dst }) => from(src) && to(dst))
  switch (format) {
    case 'text': inParts(rows, (part) => context.out.write(connectionsText(part))); break
    case 'csv':
      context.out.line(connectionsCsvHead)
      inParts(rows, (part) => context.out.write(connectionsCsv(part)))
      break
    case 'json': context.out.json(rows); break
    case 'dot': context.out.write(connectionsDot(rows)); break
  }
  return 0
}

/** An open cluster has more lines than one text can hold. */
function inParts(rows: readonly ConnectionRow[], write: (part: readonly ConnectionRow[]) => void): void {
  const size = 50_000
  for (let at = 0; at < rows.length; at += size) write(rows.slice(at, at + size))
}
