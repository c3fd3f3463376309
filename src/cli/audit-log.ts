/** `bulkhead audit --log`: every change of an instance, as it was written down, and whether it still is. */
import { escapeText } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { systemClock } from '../base/clock.ts'
import { beginAnew } from '../audit/begin-anew.ts'
import { readChangeLog } from '../audit/change-log.ts'
import { formatSince, sinceOf } from '../audit/since.ts'
import { withTurn } from '../host/turn.ts'
import { instanceOf, requestOf, turnOf } from './instance.ts'
import type { ChangeEntry } from '../audit/chain.ts'
import type { CommandContext, ExitCode } from './command.ts'
import type { Output } from './output.ts'

export async function auditLog(context: CommandContext): Promise<ExitCode> {
  const { out, json, options } = context
  const instance = instanceOf(context)
  if (options['begin-anew'] === true) {
    const { actor, reason } = requestOf(context, 'apply')
    if (reason === undefined) throw new Fault('usage', '--begin-anew needs --reason TEXT', { help: 'say who has looked at the broken log, and what came of it' })
    const aside = await withTurn(instance, turnOf(context, 'audit'), () => Promise.resolve(beginAnew(instance.folder, actor, reason, systemClock)))
    if (json) out.json({ aside })
    else out.line(`the broken log is \`${aside}\` now; another one has begun`)
    return 0
  }
  const { entries, problem } = readChangeLog(instance.folder)
  if (problem === undefined && entries.length === 0) throw new Fault('not-running', 'nothing was ever changed here', { help: 'start a platform with `bulkhead up DIR`' })
  if (json) out.json({ entries, head: entries.at(-1)?.hash ?? null, problem: problem ?? null })
  else print(out, entries, problem)
  return problem === undefined ? 0 : 1
}

function print(out: Output, entries: readonly ChangeEntry[], problem: { readonly line: number; readonly what: string } | undefined): void {
  for (const entry of entries) {
    out.line(escapeText(formatSince(sinceOf(entry))))
    if (entry.documents !== undefined) out.line(`  documents ${escapeText(entry.documents.directory)} ${entry.documents.sha256.slice(0, 12)}`)
    for (const line of entry.opened ?? []) out.line(`  ${out.paint('green', '+')} ${escapeText(line)}`)
    for (const line of entry.closed ?? []) out.line(`  ${out.paint('red', '-')} ${escapeText(line)}`)
    for (const line of entry.details ?? []) out.line(`  ${escapeText(line)}`)
    const v = entry.verification
    if (v !== undefined) out.line(`  ${v.good ? out.paint('green', 'good') : out.paint('red', 'not good')}: ${v.probes} probes, ${v.mismatches} mismatches, ${v.deviations} deviations`)
  }
  if (problem !== undefined) out.line(`${out.paint('red', 'broken')} line ${problem.line} ${escapeText(problem.what)}; nothing after it counts`)
  else out.line(`${out.paint('green', 'whole')}: ${entries.length} ${entries.length === 1 ? 'change' : 'changes'}, the last has ${entries.at(-1)?.hash ?? ''}`)
}
