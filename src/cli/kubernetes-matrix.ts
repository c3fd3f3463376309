/** `bulkhead matrix --kubernetes`: who reaches whom in a cluster, as its manifests say. */
import { analyseCluster, connections } from '../import/kubernetes/connections.ts'
import { connectionRows, connectionsCsv, connectionsDot, connectionsText } from '../import/kubernetes/format.ts'
import { choice } from './arguments.ts'
import { loadCluster } from './kubernetes-load.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

const formats = ['text', 'csv', 'json', 'dot'] as const

/** `--output` as other analysers have it, or `--format` as the command has it. */
export async function kubernetesMatrix(command: Command, context: CommandContext): Promise<ExitCode> {
  const [place = ''] = context.args
  const format = context.json ? 'json' : choice(command, context.options, context.options['output'] === undefined ? 'format' : 'output', formats, 'text')
  const cluster = await loadCluster({ ...context, json: format === 'json' }, place)
  if (cluster === undefined) return 1
  const analysis = analyseCluster(cluster)
  const rows = connectionRows(connections(analysis), analysis.table)
  switch (format) {
    case 'text': context.out.write(connectionsText(rows)); break
    case 'csv': context.out.write(connectionsCsv(rows)); break
    case 'json': context.out.json(rows); break
    case 'dot': context.out.write(connectionsDot(rows)); break
  }
  return 0
}
