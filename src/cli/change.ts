/** Hands a set of documents to a running instance, and prints what that changed. */
import { escapeText, formatDiagnostic, sortDiagnostics } from '../base/diagnostic.ts'
import { ask } from '../host/agent-process.ts'
import { checkDocuments } from '../host/documents.ts'
import { enter } from '../host/instance.ts'
import { routePublished, uplinkProblems } from '../host/uplink.ts'
import { placed, placesOf } from './diagnostics/places.ts'
import type { CommandContext } from './command.ts'
import type { DocumentSet } from '../host/document-set.ts'
import type { Where } from '../host/instance.ts'
import type { ChangeRequest } from '../host/journal.ts'
import type { ApplyReport, GatewayEnding } from '../host/report.ts'
import type { Instance } from '../host/state.ts'

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

/** Prints what a change to the documents at `directory` did; the answer is in the exit status, 1 when something was not done. */
export function printApply(context: Pick<CommandContext, 'out' | 'json' | 'cwd'>, answer: ApplyReport, directory: string): 0 | 1 {
  const { out, json } = context
  // The agent names files as the set does.
  const report = { ...answer, diagnostics: placed(sortDiagnostics(answer.diagnostics), placesOf(context.cwd, directory)) }
  const good = report.applied && report.failed.length === 0
  if (json) {
    out.json(report)
    return good ? 0 : 1
  }
  for (const d of report.diagnostics) out.note(formatDiagnostic(d))
  if (!report.applied) {
    out.note('nothing was changed: the previous set stays in force')
    return 1
  }
  for (const line of report.opened) out.line(`${out.paint('green', '+')} ${line}`)
  for (const line of report.closed) out.line(`${out.paint('red', '-')} ${line}`)
  for (const c of report.ended) {
    const ends = `${c.source}:${c.sourcePort} -> ${c.destination}:${c.destinationPort}`
    out.line(`${out.paint('yellow', 'ended')} ${c.protocol} ${ends}${c.documents.length === 0 ? '' : `, opened by ${c.documents.join(', ')}`} (${c.sockets} sockets)`)
  }
  for (const each of report.endedAtGateways ?? []) out.line(`${out.paint('yellow', 'ended')} ${gatewayText(each)}`)
  for (const r of report.refused) out.line(`${out.paint('yellow', 'closed')} ${r.path}: ${r.reason}, ${r.documents.join(', ')}`)
  for (const n of report.notes ?? []) out.note(`${out.paint('yellow', 'note')} ${n}`)
  for (const f of report.failed) out.note(`${out.paint('red', 'failed')} ${f.place}: ${escapeText(f.reason)}`)
  return good ? 0 : 1
}

const mostRules = 5
const became: Readonly<Record<GatewayEnding['why'], string>> = { changed: 'has other rules now', restarted: 'was started again', stopped: 'does not run any more' }

/** The number is a bound: which rule let a connection in, only the gateway knows. */
function gatewayText({ gateway, why, rules, documents, connections }: GatewayEnding): string {
  const some = rules.length > mostRules ? `${rules.slice(0, mostRules).join(', ')} and ${rules.length - mostRules} more` : rules.join(', ')
  return `at ${gateway}, which ${became[why]}: at most ${connections} connection${connections === 1 ? '' : 's'} by ${some}${documents.length === 0 ? '' : `, opened by ${documents.join(', ')}`}`
}
