/** `bulkhead audit`: the rules on one workload and whether they are enforced, or the log of all changes. */
import { join, resolve } from 'node:path'
import { hasErrors } from '../base/diagnostic.ts'
import { readDocumentFiles } from '../base/files.ts'
import { Fault } from '../base/fault.ts'
import { standingOf } from '../audit/in-force.ts'
import { recentOf } from '../audit/recent.ts'
import { auditWorkload } from '../audit/workload.ts'
import { workloadLines } from '../audit/workload-text.ts'
import { documentSet } from '../host/document-set.ts'
import { checkDocuments } from '../host/documents.ts'
import { usage } from './arguments.ts'
import { auditLog } from './audit-log.ts'
import { flowLine } from './flows-text.ts'
import { instanceOf, instanceOptions, reasonOption } from './instance.ts'
import { findByName } from './places.ts'
import type { CheckedSet } from '../host/documents.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'audit',
  summary: 'show the rules on one workload and whether they are enforced, or every change',
  usage: 'audit WORKLOAD [--documents DIR] [--last NUMBER] [--name NAME] | audit --log [--begin-anew --reason TEXT] [--name NAME]',
  example: [
    'bulkhead audit postgres-db    every path in and out, by which document, since when, as tried, and who has talked',
    'bulkhead audit --log          every change, checked line by line; exit status 1 when one is not what was written',
  ].join('\n'),
  positionals: [0, 1],
  options: {
    ...instanceOptions,
    documents: { type: 'string', value: 'DIR', help: 'ask about these documents, also where nothing runs' },
    last: { type: 'string', value: 'NUMBER', help: 'how many connections and refusals to show; 5 by default' },
    log: { type: 'boolean', help: 'show every change instead' },
    'begin-anew': { type: 'boolean', help: 'with --log: put a broken log away and begin another' },
    ...reasonOption,
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const { args: [name], options } = context
  if (options['log'] === true) {
    if (name !== undefined) throw usage(command, '--log takes no workload')
    return auditLog(context)
  }
  if (name === undefined) throw usage(command, '`bulkhead audit` needs a workload, or --log')
  const { folder } = instanceOf(context)
  const standing = await standingOf(folder, documentsOf(context))
  if (standing === undefined) throw new Fault('not-running', 'no documents are in force here', { help: 'start a platform with `bulkhead up DIR`, or ask about documents with --documents DIR' })
  const { workload } = findByName([...standing.set.platform.workloads.keys()].map((w) => ({ workload: w, replica: 0 })), name)
  const recent = await recentOf(join(folder, 'observe'), workload, lastOf(context), context.signal)
  const audit = auditWorkload(standing, workload, recent, context.now)
  if (context.json) context.out.json(audit)
  else for (const line of workloadLines(audit, context.out.paint, (record) => flowLine(record, context.out.paint))) context.out.line(line)
  return audit.well ? 0 : 1
}

/** The documents that were named, if any; what is wrong with them is a Fault. */
export function documentsOf(context: CommandContext): CheckedSet | undefined {
  const { documents } = context.options
  if (typeof documents !== 'string') return undefined
  const path = resolve(context.cwd, documents)
  const read = readDocumentFiles(path)
  const checked = checkDocuments(documentSet(path, read.files), context.now)
  if (checked.set === undefined || hasErrors(read.diagnostics)) throw new Fault('invalid-set', `the documents in \`${path}\` have problems`, { help: 'run `bulkhead check` on them' })
  return checked.set
}

function lastOf({ options }: CommandContext): number {
  const { last } = options
  if (last === undefined) return 5
  if (typeof last !== 'string' || !/^[0-9]{1,4}$/.test(last)) throw usage(command, `--last ${String(last)} is not a number`)
  return Number(last)
}
