/** `bulkhead status`: what runs, what is enforced, what is not and why, what was repaired, what was lost. */
import { escapeText } from '../base/diagnostic.ts'
import { isFault } from '../base/fault.ts'
import { ask } from '../host/agent-process.ts'
import { enter, requireInstance } from '../host/instance.ts'
import { instanceOf, instanceOptions } from './instance.ts'
import type { AgentStatus, WorkloadStatus } from '../host/report.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'
import type { Output } from './output.ts'

export const command: Command = {
  name: 'status',
  summary: 'show what runs, what is enforced, and what is not',
  usage: 'status [--name NAME]',
  example: 'bulkhead status    exit status 1 when a workload does not run or the rules are not as they should be',
  positionals: [0, 0],
  options: instanceOptions,
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const { out, json } = context
  const instance = instanceOf(context)
  const where = await requireInstance(instance)
  let status: AgentStatus
  try {
    status = (await ask(instance, (argv) => enter(where, argv), '/status')) as AgentStatus
  } catch (error) {
    if (!isFault(error) || error.code !== 'agent-unreachable') throw error
    if (json) out.json({ name: instance.name, where: where.kind, agent: null })
    else out.line(`${out.paint('red', 'no agent')}: the last rules stay in force, nothing is repaired or restarted; \`bulkhead up DIR\` starts a new one`)
    return 1
  }
  const good = status.enforced && status.workloads.every(isWell) && status.gateways.every((g) => g.running) && status.peers.every((p) => p.known) && status.changeLog.problem === undefined
  if (json) out.json({ name: instance.name, where: where.kind, agent: status, well: good })
  else print(out, status)
  return good ? 0 : 1
}

function isWell(w: WorkloadStatus): boolean {
  return w.failed === undefined && (w.task === undefined || w.task.state === 'running')
}

function print(out: Output, s: AgentStatus): void {
  const rules = s.enforced ? out.paint('green', 'enforced') : out.paint('red', 'not enforced')
  out.line(`${rules}: ${s.paths} ${s.paths === 1 ? 'path' : 'paths'} of ${s.documents?.directory ?? 'no documents'} ${s.documents?.sha256.slice(0, 12) ?? ''}`)
  out.line(`agent: process ${s.pid}, ${s.mode}, since ${s.since}`)
  for (const w of s.workloads) {
    const state = w.failed !== undefined ? `failed: ${w.failed}` : w.task === undefined ? 'attached' : `${w.task.state}${w.task.restarts > 0 ? `, ${w.task.restarts} restarts, last exit ${w.task.lastExit ?? 'unknown'}` : ''}`
    const paint = isWell(w) ? 'green' : 'red'
    out.line(`  ${out.paint(paint, isWell(w) ? 'up' : 'down')} ${w.workload}${w.replica === 0 ? '' : `#${w.replica}`} ${w.phase} ${w.ipv4} ${w.ipv6} ${escapeText(state)}`)
  }
  for (const g of s.gateways) {
    const problem = s.problems.find((p) => p.place === g.gateway)?.reason
    const well = g.running && problem === undefined
    out.line(`  ${out.paint(well ? 'green' : 'red', well ? 'up' : 'down')} ${g.gateway}${g.restarts > 0 ? `, ${g.restarts} restarts` : ''}${problem === undefined ? '' : ` ${escapeText(problem)}`}`)
  }
  for (const p of s.peers) {
    const bundle = p.known ? `bundle ${p.sequence ?? 'without a number'}` : 'no bundle is known, so nobody there is believed'
    const looked = p.fetched === undefined ? 'not fetched yet' : `fetched ${p.fetched}`
    out.line(`  ${out.paint(!p.known ? 'red' : p.problem === undefined ? 'green' : 'yellow', 'peer')} ${p.trustDomain} ${bundle}, ${looked}${p.problem === undefined ? '' : `: ${escapeText(p.problem)}`}`)
  }
  for (const r of s.refused) out.line(`  ${out.paint('yellow', 'closed')} ${r.path}: ${r.reason}, ${r.documents.join(', ')}`)
  for (const d of s.drift) out.line(`  ${out.paint('yellow', 'drift')} ${d.at} ${escapeText(d.what)}: ${d.repaired ? `repaired in ${d.tookMs} ms` : 'not repaired'}`)
  for (const t of s.foreignTables) out.line(`  ${out.paint('yellow', 'foreign')} table ${escapeText(t)}`)
  if (s.changeLog.problem !== undefined) out.line(`${out.paint('red', 'change log')}: ${escapeText(s.changeLog.problem)}; nothing can be changed`)
  const records = s.recorder as { recorded?: number; lost?: number } | null
  out.line(records === null ? out.paint('red', 'records: none are kept') : `records: ${records.recorded ?? 0} recorded, ${records.lost ?? 0} lost`)
}
