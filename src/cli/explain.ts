/** `bulkhead explain`: is this allowed, by which document, and if not, what came nearest. */
import { quote } from '../base/diagnostic.ts'
import { readEnd, readTraffic } from '../analysis/ends.ts'
import { explain } from '../analysis/explain.ts'
import { phases } from '../model/platform.ts'
import { usage } from './arguments.ts'
import { instantOption } from './instant.ts'
import { kubernetesExplain } from './kubernetes-explain.ts'
import { kubernetesOptions } from './kubernetes-load.ts'
import { loadOrTell } from './load.ts'
import type { Reading } from '../analysis/ends.ts'
import type { Explanation } from '../analysis/explain.ts'
import type { Phase } from '../model/platform.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'
import type { Output } from './output.ts'

export const command: Command = {
  name: 'explain',
  summary: 'say whether a flow is allowed, by which document, or what came nearest',
  usage: 'explain DIR SOURCE DESTINATION [PORT/PROTO] [--phase PHASE] [--at INSTANT]',
  example:
    'bulkhead explain examples/tre workspace-a/api-service workspace-a/postgres-db 5432/tcp    one flow\n' +
    'bulkhead explain examples/tre workspace-a/notebook pypi.org --at 2030-01-01    anything at all, on that day\n' +
    'An end is enclave/workload, a workload\'s name, external:NAME, peer:NAME/enclave/workload, an address or a domain name.\n' +
    'Exit status 0 for either answer.',
  positionals: [3, 4],
  options: {
    phase: { type: 'string', value: 'PHASE', help: `the source's phase (${phases.join(', ')}); its declared one when left out` },
    at: { type: 'string', value: 'INSTANT', help: 'answer for this date or instant; now when left out' },
    ...kubernetesOptions,
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  if (context.options['kubernetes'] === true) return kubernetesExplain(command, context)
  const [directory = '', from = '', to = '', what] = context.args
  const traffic = what === undefined ? { protocol: undefined, port: undefined } : read(readTraffic(what))
  const phase = phaseOption(context.options['phase'])
  const now = instantOption(command, context)
  const set = loadOrTell(context, directory)
  if (set === undefined) return 1
  const source = read(readEnd(set.platform, from))
  const destination = read(readEnd(set.platform, to))
  if (phase !== undefined && source.kind !== 'workload') throw usage(command, `${quote(from)} is not a workload, so it has no phase`)
  const answer = explain(set.platform, set.intent, { source, destination, ...traffic, phase }, now)
  if (context.json) context.out.json(answer)
  else print(context.out, answer)
  return 0
}

function read<T>(reading: Reading<T>): T {
  if (reading.ok) return reading.value
  throw usage(command, reading.message, reading.help)
}

function phaseOption(text: unknown): Phase | undefined {
  if (text === undefined) return undefined
  const phase = phases.find((known) => known === text)
  if (phase === undefined) throw usage(command, `${quote(String(text))} is not a phase`, `allowed: ${phases.join(', ')}`)
  return phase
}

function print(out: Output, answer: Explanation): void {
  const what = answer.protocol === undefined ? 'anything' : answer.port === undefined ? answer.protocol : `${answer.protocol} ${answer.port}`
  const verdict = answer.verdict === 'allow' ? out.paint('green', 'allow') : out.paint('red', 'deny')
  out.line(`${verdict} ${answer.source} -> ${answer.destination} ${what}${answer.phase === undefined ? '' : ` in ${answer.phase}`}`)
  if (answer.verdict === 'deny') out.line(`  ${answer.reason}`)
  for (const path of answer.paths) {
    const documents = path.policies.map((p) => `${p.kind} ${p.name} (${p.file}:${p.line}:${p.column})`).join(' with ')
    out.line(`  ${path.source} -> ${path.destination} ${path.traffic}${path.via === 'direct' ? '' : `, ${path.via}`} by ${documents}`)
  }
}
