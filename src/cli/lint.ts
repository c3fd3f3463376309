/** `bulkhead lint`: what is not wrong and yet not right in a folder of documents. */
import { resolve } from 'node:path'
import { sortDiagnostics } from '../base/diagnostic.ts'
import { lint } from '../analysis/lint.ts'
import { formatOf } from './arguments.ts'
import { placed, placesFrom } from './diagnostics/places.ts'
import { githubAnnotations } from './diagnostics/github.ts'
import { sarif } from './diagnostics/sarif.ts'
import { diagnosticText, tally } from './diagnostics/text.ts'
import { durationOption } from './instant.ts'
import { loadSet, readingOf } from './load.ts'
import { version } from './version.ts'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

const formats = ['text', 'json', 'sarif', 'github'] as const

export const command: Command = {
  name: 'lint',
  summary: 'find policies that do nothing, nothing more, too much, or not for long',
  usage: 'lint DIR [--soon 30d] [--format text|json|sarif|github]',
  example: 'bulkhead lint examples/tre\nbulkhead lint policies/ --soon 90d --format github\nExit status 0 when nothing is found, 1 when something is.',
  positionals: [1, 1],
  options: {
    soon: { type: 'string', value: 'DURATION', help: 'also tell what ends within this time, such as 12h, 30d or 8w; 30d by default' },
    format: { type: 'string', value: 'FORMAT', help: `one of ${formats.join(', ')}; text by default` },
  },
  run,
}

function run(context: CommandContext): Promise<ExitCode> {
  const format = formatOf(command, context, formats, 'text')
  const soon = durationOption(command, context, 'soon', '30d')
  const [directory = ''] = context.args
  const path = resolve(context.cwd, directory)
  const loaded = loadSet(path, context.now, readingOf({ ...context, json: format === 'json' }))
  const own = loaded.sound === undefined ? [] : lint(loaded.sound.platform, loaded.sound.intent, context.now, soon)
  // The loader warns of some of it as well, and knows the place better.
  const told = new Set(loaded.diagnostics.map((d) => d.message))
  const found = sortDiagnostics([...loaded.diagnostics, ...own.filter((d) => !told.has(d.message))])
  tell(context, found, format, placesFrom(context.cwd, path))
  return Promise.resolve(found.length > 0 ? 1 : 0)
}

function tell({ out }: CommandContext, found: readonly Diagnostic[], format: (typeof formats)[number], fileOf: (file: string) => string): void {
  const shown = placed(found, fileOf)
  switch (format) {
    case 'text':
      for (const d of shown) out.line(diagnosticText(d, out.paint))
      out.line(tally(found))
      break
    case 'json':
      out.json({ findings: shown })
      break
    case 'sarif':
      out.json(sarif(found, version(), fileOf))
      break
    case 'github':
      for (const line of githubAnnotations(found, fileOf)) out.line(line)
      out.line(tally(found))
      break
  }
}
