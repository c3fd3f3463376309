/** `bulkhead prove`: whether every Guardrail holds, with a counterexample where one does not. */
import { resolve } from 'node:path'
import { judgeGuardrails } from '../analysis/guardrails.ts'
import { proofJson, proofText } from '../analysis/answers-text.ts'
import { loadSet, readingOf, soundOrTell } from './load.ts'
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
  const loaded = loadSet(resolve(context.cwd, directory), context.now, readingOf(context))
  // The answer says which guardrails are broken; it need not be told twice.
  const set = soundOrTell(context, { ...loaded, diagnostics: loaded.sound === undefined ? loaded.diagnostics : loaded.diagnostics.filter((d) => d.code !== 'guardrail-broken') })
  if (set === undefined) return 1
  const results = judgeGuardrails(set.platform, set.intent)
  if (context.json) context.out.json(proofJson(results))
  else context.out.write(proofText(results, (holds, text) => context.out.paint(holds ? 'green' : 'red', text)))
  return results.every(({ broken }) => broken === undefined) ? 0 : 1
}
