/** `bulkhead explain --kubernetes`: which policies decide between two ends of a cluster, and how. */
import { quote } from '../base/diagnostic.ts'
import { didYouMean } from '../base/suggest.ts'
import { readTraffic } from '../analysis/ends.ts'
import { analyseCluster } from '../import/kubernetes/connections.ts'
import { explainConnection } from '../import/kubernetes/explain.ts'
import { nothing } from '../import/kubernetes/traffic.ts'
import { parseAddress } from '../net/address.ts'
import { portSet } from '../net/ports.ts'
import { usage } from './arguments.ts'
import { loadCluster } from './kubernetes-load.ts'
import type { Analysis } from '../import/kubernetes/connections.ts'
import type { ClusterExplanation, End } from '../import/kubernetes/explain.ts'
import type { TrafficId } from '../import/kubernetes/traffic.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export async function kubernetesExplain(command: Command, context: CommandContext): Promise<ExitCode> {
  const [place = '', from = '', to = '', what] = context.args
  const cluster = await loadCluster(context, place)
  if (cluster === undefined) return 1
  const analysis = analyseCluster(cluster)
  const asked = what === undefined ? undefined : askedTraffic(command, analysis, what)
  const [sources, destinations] = [readEnds(command, analysis, from), readEnds(command, analysis, to)]
  const answers = sources.flatMap((source) => destinations.map((destination) => explainConnection(analysis, source, destination, asked)))
  // Pods of one owner that differ in their labels: what one of them may do, the workload may do.
  const answer = answers.find(({ verdict }) => verdict === 'allow') ?? answers[0]
  if (answer === undefined) throw usage(command, 'nothing to explain')
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

/** An address, `namespace/name[Kind]`, `namespace/name`, or a name that only one workload has. */
function readEnds(command: Command, { cluster: { pods } }: Analysis, text: string): readonly End[] {
  const address = parseAddress(text)
  if (address !== undefined) return [{ kind: 'address', address }]
  const forms = (pod: (typeof pods)[number]): readonly string[] => [pod.workload, `${pod.namespace}/${pod.name}`, pod.name]
  const found = pods.flatMap((pod, i) => (forms(pod).includes(text) ? [i] : []))
  const names = [...new Set(found.map((i) => pods[i]?.workload ?? ''))]
  if (names.length === 0) throw usage(command, `no workload is called ${quote(text)}`, didYouMean(text, pods.flatMap(forms)))
  if (names.length > 1) throw usage(command, `${quote(text)} is the name of ${names.length} workloads`, `write one of ${names.slice(0, 5).map((name) => `\`${name}\``).join(', ')}`)
  return found.map((pod) => ({ kind: 'pod', pod }))
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
