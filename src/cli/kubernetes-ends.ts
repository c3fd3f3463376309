/** The ends that a command line names, among the workloads of a cluster and what is outside it. */
import { quote } from '../base/diagnostic.ts'
import { didYouMean } from '../base/suggest.ts'
import { parseAddress } from '../net/address.ts'
import { usage } from './arguments.ts'
import type { Cluster } from '../import/kubernetes/cluster.ts'
import type { End } from '../import/kubernetes/explain.ts'
import type { Command, CommandContext } from './command.ts'

/** An address, `namespace/name[Kind]`, `namespace/name`, or a name that only one workload has: all its pods. */
export function readEnds(command: Command, { pods }: Cluster, text: string): readonly End[] {
  const address = parseAddress(text)
  if (address !== undefined) return [{ kind: 'address', address }]
  const forms = (pod: (typeof pods)[number]): readonly string[] => [pod.workload, `${pod.namespace}/${pod.name}`, pod.name]
  const found = pods.flatMap((pod, i) => (forms(pod).includes(text) ? [i] : []))
  const names = [...new Set(found.map((i) => pods[i]?.workload ?? ''))]
  if (names.length === 0) throw usage(command, `no workload is called ${quote(text)}`, didYouMean(text, pods.flatMap(forms)))
  if (names.length > 1) throw usage(command, `${quote(text)} is the name of ${names.length} workloads`, `write one of ${names.slice(0, 5).map((name) => `\`${name}\``).join(', ')}`)
  return found.map((pod) => ({ kind: 'pod', pod }))
}

/** Whether a name in an answer, such as `10.0.0.0-10.255.255.255[External]`, is or holds what the command line names. */
export function endFilter(command: Command, cluster: Cluster, text: unknown): (name: string) => boolean {
  if (text === undefined) return () => true
  const workloads = new Set<string>()
  const ends = readEnds(command, cluster, String(text))
  for (const end of ends) if (end.kind === 'pod') workloads.add(cluster.pods[end.pod]?.workload ?? '')
  const [first] = ends
  if (first?.kind !== 'address') return (name) => workloads.has(name)
  const { family, bits } = first.address
  return (name) => {
    const [from, to] = name.endsWith('[External]') ? name.slice(0, -'[External]'.length).split('-').map(parseAddress) : []
    return from?.family === family && to !== undefined && from.bits <= bits && bits <= to.bits
  }
}

/** An option that means nothing for manifests must not look as if it had been heeded. */
export function refuseOptions(command: Command, { options }: Pick<CommandContext, 'options'>, ...names: readonly string[]): void {
  const given = names.find((name) => options[name] !== undefined)
  if (given !== undefined) throw usage(command, `\`--${given}\` has no meaning with \`--kubernetes\``)
}
