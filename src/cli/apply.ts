/** `bulkhead apply`: replaces the documents in force; what lost its path is cut, everything else goes on. */
import { resolve } from 'node:path'
import { hasErrors } from '../base/diagnostic.ts'
import { readDocumentFiles } from '../base/files.ts'
import { documentSet } from '../host/document-set.ts'
import { requireInstance } from '../host/instance.ts'
import { nothingApplied } from '../host/report.ts'
import { withTurn } from '../host/turn.ts'
import { applyDocuments, printApply } from './change.ts'
import { instanceOf, instanceOptions, reasonOption, requestOf, turnOf } from './instance.ts'
import { count } from './diagnostics/text.ts'
import { tellEmpty } from './load.ts'
import { waiting } from './progress.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'apply',
  summary: 'change a running platform to another set of documents',
  usage: 'apply DIR [--reason TEXT] [--name NAME]',
  example: 'bulkhead apply policies/    prints the paths opened and closed, and the connections that were ended',
  positionals: [1, 1],
  options: { ...instanceOptions, ...reasonOption },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const [directory = ''] = context.args
  const path = resolve(context.cwd, directory)
  const instance = instanceOf(context)
  await requireInstance(instance)
  const { files, diagnostics } = readDocumentFiles(path)
  if (hasErrors(diagnostics)) return printApply(context, { ...nothingApplied, diagnostics }, directory)
  tellEmpty(context, { files, diagnostics }, directory)
  // The agent checks the documents itself: it trusts nobody's word for it.
  const report = await withTurn(instance, turnOf(context, 'apply'), async () => {
    const where = await requireInstance(instance)
    return waiting(context, 'the agent applies the documents', () => applyDocuments(instance, where, documentSet(path, files), requestOf(context, 'apply'), context.now))
  })
  const code = printApply(context, report, directory)
  if (!context.json && code === 0) context.out.line(`${report.opened.length} opened, ${report.closed.length} closed, ${count(report.ended.length, 'connection')} ended`)
  return code
}
