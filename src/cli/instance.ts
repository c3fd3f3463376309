/** What every command about a running instance has in common. */
import { fileURLToPath } from 'node:url'
import { escapeText, formatDiagnostic, sortDiagnostics } from '../base/diagnostic.ts'
import { ask } from '../host/agent-process.ts'
import { checkDocuments } from '../host/documents.ts'
import { defaultInstance, stateFolder } from '../host/state.ts'
import { routePublished, uplinkProblems } from '../host/uplink.ts'
import { enter } from '../host/instance.ts'
import { actor } from '../host/journal.ts'
import type { CommandContext, OptionSpec } from './command.ts'
import type { DocumentSet } from '../host/documents.ts'
import type { ChangeRequest } from '../host/journal.ts'
import type { Where } from '../host/instance.ts'
import type { Instance } from '../host/state.ts'
import type { ApplyReport } from '../host/report.ts'
import type { TurnOptions } from '../host/turn.ts'

export const instanceOptions = {
  name: { type: 'string', value: 'NAME', help: `the instance (default: ${defaultInstance})` },
  state: { type: 'string', value: 'DIR', help: 'the folder that holds the state of all instances' },
} as const satisfies Readonly<Record<string, OptionSpec>>

export function instanceOf({ options }: Pick<CommandContext, 'options'>): Instance {
  const name = typeof options['name'] === 'string' ? options['name'] : defaultInstance
  const override = typeof options['state'] === 'string' ? options['state'] : undefined
  return { name, folder: stateFolder(name, override) }
}

/** The option of commands that change something: it goes into the change log. */
export const reasonOption = {
  reason: { type: 'string', value: 'TEXT', help: 'why, and who has approved it: kept in the change log' },
} as const satisfies Readonly<Record<string, OptionSpec>>

/** Who asks, and why. */
export function requestOf({ options, env }: Pick<CommandContext, 'options' | 'env'>, kind: ChangeRequest['kind']): ChangeRequest {
  const { reason } = options
  return { kind, actor: actor(env), ...(typeof reason === 'string' ? { reason } : {}) }
}

/** What others are told while a command has the turn, and what this one says while it waits. */
export function turnOf({ json, out }: Pick<CommandContext, 'json' | 'out'>, what: string): TurnOptions {
  return {
    what,
    onWait: (holder) => {
      if (!json) out.note(`waiting for ${holder === '' ? 'another command' : escapeText(holder)} to end`)
    },
  }
}

/** The node that runs us, with the options that its programs need. */
export function nodeProgram(file: string, args: readonly string[]): readonly string[] {
  return [process.execPath, '--disable-warning=ExperimentalWarning', fileURLToPath(new URL(file, import.meta.url)), ...args]
}

/** Sends the documents to the agent and does what only a process outside its namespace can do. */
export async function applyDocuments(instance: Instance, where: Where, documents: DocumentSet, request: ChangeRequest, now: number): Promise<ApplyReport> {
  const report = (await ask(instance, (argv) => enter(where, argv), '/apply', { ...documents, request })) as ApplyReport
  if (where.kind === 'sandbox' || !report.applied) return report
  const { set } = checkDocuments(documents, now)
  if (set === undefined) return report
  await routePublished(instance.name, set.platform)
  const outside = set.intent.paths.some((p) => p.source.kind === 'external' || p.destination.kind === 'external')
  return outside ? { ...report, notes: uplinkProblems() } : report
}

/** Prints what a change did; the answer is in the exit status, 1 when something was not done. */
export function printApply(context: CommandContext, report: ApplyReport): 0 | 1 {
  const { out, json } = context
  const good = report.applied && report.failed.length === 0
  if (json) {
    out.json(report)
    return good ? 0 : 1
  }
  for (const d of sortDiagnostics(report.diagnostics)) out.note(formatDiagnostic(d))
  if (!report.applied) {
    out.note('nothing was changed: the set before stays in force')
    return 1
  }
  for (const line of report.opened) out.line(`${out.paint('green', '+')} ${line}`)
  for (const line of report.closed) out.line(`${out.paint('red', '-')} ${line}`)
  for (const c of report.ended) {
    const ends = `${c.source}:${c.sourcePort} -> ${c.destination}:${c.destinationPort}`
    out.line(`${out.paint('yellow', 'ended')} ${c.protocol} ${ends}${c.documents.length === 0 ? '' : `, opened by ${c.documents.join(', ')}`} (${c.sockets} sockets)`)
  }
  for (const r of report.refused) out.line(`${out.paint('yellow', 'closed')} ${r.path}: ${r.reason}, ${r.documents.join(', ')}`)
  for (const n of report.notes ?? []) out.note(`${out.paint('yellow', 'note')} ${n}`)
  for (const f of report.failed) out.note(`${out.paint('red', 'failed')} ${f.place}: ${escapeText(f.reason)}`)
  return good ? 0 : 1
}
