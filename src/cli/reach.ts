/** `bulkhead reach`: what an intruder in a workload could get to, or who could get to it. */
import { quote } from '../base/diagnostic.ts'
import { readEnd } from '../analysis/ends.ts'
import { reach } from '../analysis/reach.ts'
import { reachJson, reachText } from '../analysis/answers-text.ts'
import { usage } from './arguments.ts'
import { instantOption } from './instant.ts'
import { askedSet, brokenJson } from './load.ts'
import type { FlowEnd, Platform } from '../model/platform.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'reach',
  summary: 'list everything that is reached from somewhere, through any number of paths',
  usage: 'reach DIR (FROM | --to END | --compromised A,B,...) [--at INSTANT]',
  example:
    'bulkhead reach examples/tre workspace-a/notebook             the blast radius, with the shortest chain to each\n' +
    'bulkhead reach examples/tre --to workspace-a/postgres-db     who could get to it\n' +
    'bulkhead reach examples/tre --compromised workspace-a/notebook,platform/package-mirror\n' +
    'Ends are as in `bulkhead explain`. Paths of every phase count. Exit status 0 for any answer.',
  positionals: [1, 2],
  options: {
    to: { type: 'string', value: 'END', help: 'list what reaches this end instead' },
    compromised: { type: 'string', value: 'A,B', help: 'list what these reach together' },
    at: { type: 'string', value: 'INSTANT', help: 'answer for this date or instant; now when left out' },
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const [directory = '', from] = context.args
  const { to, compromised } = context.options
  const given = [from, to, compromised].filter((one) => one !== undefined)
  if (given.length !== 1) throw usage(command, given.length === 0 ? 'reach from where, or to where?' : 'one question at a time', 'give FROM, --to or --compromised')
  const now = instantOption(command, context)
  const set = askedSet(context, directory)
  if (set === undefined) return 1
  const texts = compromised === undefined ? [String(given[0])] : String(compromised).split(',').map((text) => text.trim()).filter((text) => text !== '')
  if (texts.length === 0) throw usage(command, `${quote(String(compromised))} names nobody`)
  const ends = texts.map((text) => endOf(set.platform, text))
  const answer = reach(set.platform, set.intent, ends, to === undefined ? 'from' : 'to', now)
  if (context.json) context.out.json({ ...reachJson(answer), ...brokenJson(set) })
  else context.out.write(reachText(answer))
  return 0
}

function endOf(platform: Platform, text: string): FlowEnd {
  const reading = readEnd(platform, text)
  if (reading.ok) return reading.value
  throw usage(command, reading.message, reading.help)
}
