/** `bulkhead test`: every example of every PolicyTest, with what was expected and what is. */
import { decider } from '../intent/decide.ts'
import { runPolicyTests } from '../analysis/policy-tests.ts'
import { testsJson, testsText } from '../analysis/answers-text.ts'
import { instantOption } from './instant.ts'
import { askedSet, brokenJson } from './load.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'test',
  summary: 'run every policy test: which flows are expected to be allowed or denied, and which are',
  usage: 'test DIR [--at INSTANT]',
  example: 'bulkhead test examples/minimal\nExit status 0 when every case is as expected, 1 when one is not.',
  positionals: [1, 1],
  options: { at: { type: 'string', value: 'INSTANT', help: 'what is allowed at this date or instant; now when left out' } },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const [directory = ''] = context.args
  const now = instantOption(command, context)
  const set = askedSet(context, directory, 'policy-test-failed')
  if (set === undefined) return 1
  const results = runPolicyTests(set.platform, decider(set.platform, set.intent), now)
  if (context.json) context.out.json({ ...testsJson(results), ...brokenJson(set) })
  else context.out.write(testsText(results, (passed, text) => context.out.paint(passed ? 'green' : 'red', text)))
  return results.every(({ passed }) => passed) ? 0 : 1
}
