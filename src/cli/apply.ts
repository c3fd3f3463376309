/** `bulkhead apply`: replaces the documents in force; what lost its path is cut, everything else goes on. */
import { resolve } from 'node:path'
import { readDocumentFiles } from '../base/files.ts'
import { call } from '../host/api.ts'
import { documentSet } from '../host/documents.ts'
import { requireInstance } from '../host/instance.ts'
import { instanceOf, instanceOptions, printApply } from './instance.ts'
import { refuseProblems } from './problems.ts'
import type { ApplyReport } from '../host/report.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'apply',
  summary: 'change a running platform to another set of documents',
  usage: 'apply DIR [--name NAME]',
  example: 'bulkhead apply policies/    prints the paths opened and closed, and the connections that were ended',
  positionals: [1, 1],
  options: instanceOptions,
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const [directory = ''] = context.args
  const path = resolve(context.cwd, directory)
  const instance = instanceOf(context)
  await requireInstance(instance)
  const problems = await refuseProblems(context, directory)
  if (problems !== undefined) return problems
  const report = (await call(instance.folder, '/apply', documentSet(path, readDocumentFiles(path).files))) as ApplyReport
  const code = printApply(context, report)
  if (!context.json && code === 0) context.out.line(`${report.opened.length} opened, ${report.closed.length} closed, ${report.ended.length} connections ended`)
  return code
}
