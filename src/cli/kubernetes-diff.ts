/** `bulkhead diff --kubernetes`: what a change of manifests opens and closes between workloads. */
import { connectionChangesText, diffClusters, widensConnections } from '../import/kubernetes/diff.ts'
import { formatOf } from './arguments.ts'
import { refuseOptions } from './kubernetes-ends.ts'
import { loadCluster } from './kubernetes-load.ts'
import type { ConnectionChange } from '../import/kubernetes/diff.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

const formats = ['text', 'json', 'markdown'] as const

export async function kubernetesDiff(command: Command, context: CommandContext): Promise<ExitCode> {
  const [old = '', fresh = ''] = context.args
  refuseOptions(command, context, 'at')
  const format = formatOf(command, context, formats, 'text')
  const asked = { ...context, json: format === 'json' }
  const before = await loadCluster(asked, old)
  if (before === undefined) return 1
  const after = await loadCluster(asked, fresh)
  if (after === undefined) return 1
  const changes = diffClusters(before, after)
  if (format === 'json') context.out.json({ widens: widensConnections(changes), changes })
  else context.out.write(format === 'markdown' ? markdown(changes) : connectionChangesText(changes))
  return widensConnections(changes) ? 3 : 0
}

function markdown(changes: readonly ConnectionChange[]): string {
  const head = widensConnections(changes) ? 'widens' : changes.length === 0 ? 'does not change' : 'narrows'
  if (changes.length === 0) return `### Network access ${head}\n`
  const rows = changes.map(({ change, src, dst, conn }) => `| ${change} | \`${src}\` | \`${dst}\` | ${conn} |\n`)
  return [`### Network access ${head}\n\n`, '| change | source | destination | connections |\n', '|---|---|---|---|\n', ...rows].join('')
}
