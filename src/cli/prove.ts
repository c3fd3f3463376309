/** `bulkhead prove`: whether every Guardrail holds, with a counterexample where one does not. */
import { judgeGuardrails } from '../analysis/guardrails.ts'
import { proofJson, proofText } from '../analysis/answers-text.ts'
import { askedSet, brokenJson } from './load.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'prove',
  summary: 'prove every guardrail, or show the chain of paths that breaks it',
  usage: 'prove DIR',
  example: 'bulkhead prove examples/guardrail\nExit status 0 when all hold, 1 when one does not.',
  positionals: [1, 1],
  options: {},
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const [directory = ''] = context.args
  // The answer says which guardrails are broken; it need not be told twice.
  const set = askedSet(context, directory, 'guardrail-broken')
  if (set === undefined) return 1
  const results = judgeGuardrails(set.platform, set.intent)
  if (context.json) context.out.json({ ...proofJson(results), ...brokenJson(set) })
  else context.out.write(proofText(results, (holds, text) => context.out.paint(holds ? 'green' : 'red', text)))
  return results.every(({ broken }) => broken === undefined) ? 0 : 1
}
