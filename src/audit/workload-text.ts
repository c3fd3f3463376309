/** The audit of one workload as lines for people (pure). */
import { escapeText } from '../base/diagnostic.ts'
import { readingText } from './reading-text.ts'
import { formatSince } from './since.ts'
import type { AuditedPath, WorkloadAudit } from './workload.ts'

export type Paint = (style: 'red' | 'green' | 'yellow' | 'bold' | 'dim', text: string) => string

/** `flow` writes one record. */
export function workloadLines(audit: WorkloadAudit, paint: Paint, flow: (record: NonNullable<WorkloadAudit['recent']>['allowed'][number]) => string): readonly string[] {
  const { place, documents } = audit
  return [
    `${paint('bold', audit.workload)} ${audit.spiffeId}`,
    `  in environment ${place.environment} on stack ${place.stack}${place.segment === undefined ? '' : `, segment ${place.segment}`}, phase ${place.phase}, declared at ${escapeText(`${place.at.file}:${place.at.line}`)}`,
    `  documents ${escapeText(documents.directory)} ${documents.sha256.slice(0, 12)}${documents.since === undefined ? ', not in force' : `, in force since ${documents.since}`}`,
    ...rulesLine(audit, paint),
    ...(audit.replicas ?? []).map((w) => `  replica ${w.replica} ${w.ipv4} ${w.ipv6} ${escapeText(w.failed ?? w.task?.state ?? 'attached')}`),
    ...section('in', audit.paths.filter((p) => p.direction === 'in').flatMap((p) => pathLines(p, paint)), 'nobody may open a connection to it'),
    ...section('out', audit.paths.filter((p) => p.direction === 'out').flatMap((p) => pathLines(p, paint)), 'it may open no connection'),
    ...verificationLines(audit, paint),
    ...(audit.recent === undefined ? [] : [
      ...section('last connections', audit.recent.allowed.map((r) => `  ${flow(r)}`), 'none were recorded'),
      ...section('last refusals', audit.recent.refused.map((r) => `  ${flow(r)}`), 'none were recorded'),
    ]),
    ...(audit.enforced === undefined ? [] : section('drift of the platform', audit.drift.map((d) => `  ${d.at} ${escapeText(d.what)}: ${d.repaired ? 'mended' : paint('red', 'not mended')}`), 'none since this agent began')),
    ...audit.unseen.map((what) => `${paint('yellow', 'not seen')} ${escapeText(what)}`),
    audit.well ? paint('green', 'well: these rules are enforced, as was seen and tried') : paint('red', 'not shown to be well: see above'),
  ]
}

function rulesLine({ enforced }: WorkloadAudit, paint: Paint): readonly string[] {
  if (enforced === undefined) return []
  return [enforced ? `  ${paint('green', 'enforced')}: the last look found kernel and interfaces as they were put in force` : `  ${paint('red', 'not enforced')}`]
}

function section(title: string, lines: readonly string[], otherwise: string): readonly string[] {
  return [`${title}:`, ...(lines.length === 0 ? [`  ${otherwise}`] : lines)]
}

function pathLines(path: AuditedPath, paint: Paint): readonly string[] {
  const other = path.direction === 'in' ? `from ${path.source}` : `to ${path.destination}`
  const only = [...(path.phases.length === 3 ? [] : [`in ${path.phases.join(', ')}`]), ...(path.expires === undefined ? [] : [`until ${path.expires}`])]
  const state = path.closed === undefined ? paint('green', 'open') : paint('yellow', 'closed')
  return [
    `  ${state} ${other} ${path.traffic}${path.via === 'direct' ? '' : `, ${path.via}`}${only.length === 0 ? '' : `, ${only.join(', ')}`}${path.closed === undefined ? '' : `: ${escapeText(path.closed)}`}`,
    ...path.policies.map((p) => `       by ${p.kind} ${p.name} (${escapeText(p.file)}:${p.line})`),
    ...(path.since === undefined && path.closed !== undefined ? [] : [`       since ${path.since === undefined ? 'a change that the log does not know' : escapeText(formatSince(path.since))}`]),
    `       tried: ${paint(path.probed.result === 'open' ? 'green' : path.probed.result === 'not tried' ? 'yellow' : 'red', path.probed.result)} (${escapeText(path.probed.what)})`,
  ]
}

function verificationLines({ verification: v }: WorkloadAudit, paint: Paint): readonly string[] {
  if (v === undefined) return []
  const judged = v.good ? paint('green', 'no mismatch') : paint('red', 'mismatches')
  return [`verified ${v.ended}: ${judged}, the table read back is ${readingText(v.table)}${v.change === undefined ? '' : ` (change ${v.change})`}`]
}
