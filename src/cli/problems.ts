/** Tells the problems of a set before a command goes on with it. */
import { formatDiagnostic, hasErrors, sortDiagnostics } from '../base/diagnostic.ts'
import { readDocumentFiles } from '../base/files.ts'
import { resolve } from 'node:path'
import { documentSet } from '../host/document-set.ts'
import { checkDocuments } from '../host/documents.ts'
import { placed, placesOf } from './diagnostics/places.ts'
import { readingOf, tellEmpty } from './load.ts'
import type { Platform } from '../model/platform.ts'
import type { CommandContext, ExitCode } from './command.ts'

/** `undefined` when the set may be used; `judge` throws what else is wrong with it. */
export async function refuseProblems(context: CommandContext, directory: string, judge: (platform: Platform) => void = () => undefined): Promise<ExitCode | undefined> {
  const read = readDocumentFiles(resolve(context.cwd, directory))
  const checked = checkDocuments(documentSet(directory, read.files), context.now, undefined, readingOf(context))
  const diagnostics = placed(sortDiagnostics([...read.diagnostics, ...checked.diagnostics]), placesOf(context.cwd, directory))
  tellEmpty(context, read, directory)
  if (!hasErrors(diagnostics)) {
    if (checked.set !== undefined) judge(checked.set.platform)
    return undefined
  }
  if (context.json) context.out.json({ applied: false, diagnostics })
  else for (const d of diagnostics) context.out.note(formatDiagnostic(d))
  return 1
}
