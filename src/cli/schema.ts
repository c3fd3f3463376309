/** `bulkhead schema`: JSON Schema and the generated pages of docs/, from the schemas, the error catalogue and the engines. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { errorsPage } from '../base/errors-page.ts'
import { quote } from '../base/diagnostic.ts'
import { didYouMean } from '../base/suggest.ts'
import { anyJsonSchema, kindJsonSchema } from '../model/schema/json-schema.ts'
import { isKindName, kindNames } from '../model/schema/kinds.ts'
import { referencePages } from '../model/schema/reference-pages.ts'
import { usage } from './arguments.ts'
import { count } from './diagnostics/text.ts'
import { enginesPage } from './engines-page.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'schema',
  summary: 'print the JSON Schema of documents, or write the reference',
  usage: 'schema [--kind KIND] [--out DIR] [--errors FILE] [--engines FILE]',
  example: 'bulkhead schema --kind ServicePolicy\nbulkhead schema --out docs/reference --errors docs/errors.md --engines docs/engines.md',
  options: {
    kind: { type: 'string', value: 'KIND', help: 'only this kind' },
    out: { type: 'string', value: 'DIR', help: 'write a page and a JSON Schema for each kind there' },
    errors: { type: 'string', value: 'FILE', help: 'write the page of error codes there' },
    engines: { type: 'string', value: 'FILE', help: 'write the page of what each engine carries there' },
  },
  positionals: [0, 0],
  run,
}

function run(context: CommandContext): Promise<ExitCode> {
  const { options, out, cwd } = context
  const { kind, out: folder, errors, engines } = options
  if (typeof kind === 'string' && !isKindName(kind)) throw usage(command, `the kind ${quote(kind)} is not known`, didYouMean(kind, kindNames) ?? `allowed: ${kindNames.join(', ')}`)
  const pages = new Map<string, string>()
  if (typeof folder === 'string') {
    for (const [name, text] of referencePages()) {
      if (kind === undefined || name.startsWith(`${String(kind)}.`)) pages.set(join(resolve(cwd, folder), name), text)
    }
  }
  if (typeof errors === 'string') pages.set(resolve(cwd, errors), errorsPage())
  if (typeof engines === 'string') pages.set(resolve(cwd, engines), enginesPage())
  if (pages.size === 0) {
    out.json(typeof kind === 'string' && isKindName(kind) ? kindJsonSchema(kind) : anyJsonSchema())
    return Promise.resolve(0)
  }
  for (const [path, text] of pages) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  if (context.json) out.json({ written: [...pages.keys()] })
  else out.line(`${count(pages.size, 'file')} written`)
  return Promise.resolve(0)
}
