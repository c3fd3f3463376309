/** `bulkhead matrix`: who may talk to whom, on what. */
import { matrix } from '../analysis/matrix.ts'
import { matrixCsv, matrixJson, matrixText } from '../analysis/matrix-text.ts'
import { choice } from './arguments.ts'
import { instantOption } from './instant.ts'
import { kubernetesOptions } from './kubernetes-load.ts'
import { kubernetesMatrix } from './kubernetes-matrix.ts'
import { loadOrTell } from './load.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

const formats = ['text', 'csv', 'json'] as const

export const command: Command = {
  name: 'matrix',
  summary: 'list who may talk to whom, on what, and which document says so',
  usage: 'matrix DIR [--format text|csv|json] [--at INSTANT]',
  example: 'bulkhead matrix examples/tre --format csv    one line for each pair and protocol, sorted',
  positionals: [1, 1],
  options: {
    format: { type: 'string', value: 'FORMAT', help: 'text, csv or json; --json is the same as --format json' },
    at: { type: 'string', value: 'INSTANT', help: 'what is open at this date or instant; now when left out' },
    ...kubernetesOptions,
    output: { type: 'string', value: 'FORMAT', help: 'with --kubernetes: text, csv, json or dot' },
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  if (context.options['kubernetes'] === true) return kubernetesMatrix(command, context)
  const [directory = ''] = context.args
  const format = context.json ? 'json' : choice(command, context.options, 'format', formats, 'text')
  const now = instantOption(command, context)
  const set = loadOrTell({ ...context, json: format === 'json' }, directory)
  if (set === undefined) return 1
  const rows = matrix(set.intent, now)
  if (format === 'json') context.out.json({ rows: matrixJson(rows) })
  else context.out.write(format === 'csv' ? matrixCsv(rows) : matrixText(rows))
  return 0
}
