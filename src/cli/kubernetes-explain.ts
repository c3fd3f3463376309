/** `bulkhead explain --kubernetes`: which policies decide between two ends of a cluster, and how. */
import { readTraffic } from '../analysis/ends.ts'
import { analyseCluster } from '../import/kubernetes/connections.ts'
import { connectionBetween, explainConnection } from '../import/kubernetes/explain.ts'
import { nothing } from '../import/kubernetes/traffic.ts'
import { portSet } from '../net/ports.ts'
import { usage } from './arguments.ts'
import { readEnds, refuseOptions } from './kubernetes-ends.ts'
import { loadCluster } from './kubernetes-load.ts'
import type { Analysis } from '../import/kubernetes/connections.ts'
import type { ClusterExplanation } from '../import/kubernetes/explain.ts'
import type { TrafficId } from '../import/kubernetes/traffic.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export async function kubernetesExplain(command: Command, context: CommandContext): Promise<ExitCode> {
  const [place = '', from = '', to = '', what, method] = context.args
  if (method !== undefined) throw usage(command, 'Kubernetes policies judge ports and not requests', 'leave out the method and the path')
  refuseOptions(command, context, 'phase', 'at')
  const cluster = await loadCluster(context, place)
  if (cluster === undefined) return 1
  const analysis = analyseCluster(cluster)
  const asked = what === undefined ? undefined : askedTraffic(command, analysis, what)
  const [sources, destinations] = [readEnds(command, cluster, from), readEnds(command, cluster, to)]
  const pairs = sources.flatMap((source) => destinations.map((destination) => ({ source, destination })))
  const answers = pairs.map(({ source, destination }) => explainConnection(analysis, source, destination, asked))
  // Pods of one owner that differ in their labels: what one of them may do, the workload may do.
  const told = answers.find(({ verdict }) => verdict === 'allow') ?? answers[0]
  if (told === undefined) throw usage(command, 'nothing to explain')
  const answer = { ...told, conn: connectionBetween(analysis, pairs) }
  if (context.json) context.out.json(answer)
  else context.out.write(text(answer, what))
  return 0
}

function askedTraffic(command: Command, { table }: Analysis, what: string): TrafficId {
  const read = readTraffic(what)
  if (!read.ok) throw usage(command, read.message, read.help)
  const { protocol, port } = read.value
  if (protocol === 'icmp') return table.id({ ...nothing, rest: true })
  return table.id({ ...nothing, [protocol]: portSet([{ from: port ?? 1, to: port ?? 65_535 }]) })
}

function text({ verdict, source, destination, conn, sides }: ClusterExplanation, what: string | undefined): string {
  const head = `${verdict === 'allow' ? 'allowed' : 'denied'}: ${source} => ${destination}${what === undefined ? '' : ` ${what}`}`
  const lines = sides.flatMap((side) => [
    `${side.direction} of ${side.subject}: ${side.allows}: ${side.reason}`,
    ...side.rules.map(({ policy, at, action, conn: traffic }) => `  ${action} ${traffic}: ${policy} (${at})`),
    ...side.policies.filter(({ policy }) => !side.rules.some((rule) => rule.policy === policy)).map(({ policy, at }) => `  selected by ${policy} (${at})`),
  ])
  return [head, ...lines, `open between them: ${conn}`, ''].join('\n')
}
