/** `bulkhead risk`: the register of software that phones home. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { needsAttention, riskRegister } from '../analysis/risk/register.ts'
import { riskCsv, riskHtml, riskJson, riskText, useSentence } from '../analysis/risk/text.ts'
import { formatInstant } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { loadApplied } from '../host/memory.ts'
import { compile } from '../intent/compile.ts'
import { loadPlatform } from '../model/load.ts'
import { telemetryUse } from '../observe/telemetry-use.ts'
import { formatOf } from './arguments.ts'
import { instanceOf, instanceOptions } from './instance.ts'
import { brokenJson, judgeFiles, loadSet, soundOrTell } from './load.ts'
import type { Applied } from '../host/memory.ts'
import type { GoodSet, LoadedSet } from './load.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

const formats = ['text', 'csv', 'json', 'html'] as const
const soonMs = 30 * 86_400_000

export const command: Command = {
  name: 'risk',
  summary: 'list the accepted risks of telemetry, the policies they stand for, and what was really sent',
  usage: 'risk [DIR] [--format text|csv|json|html] [--name NAME]',
  example:
    'bulkhead risk                                       of what runs, with its use as recorded\n' +
    'bulkhead risk examples/tre                          of these documents\n' +
    'bulkhead risk --format html > register.html         a page for paper\n' +
    'Exit status 1 when a risk is overdue, or telemetry has been accepted by nobody.',
  positionals: [0, 1],
  options: {
    format: { type: 'string', value: 'FORMAT', help: `one of ${formats.join(', ')}; --json is the same as --format json` },
    ...instanceOptions,
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const format = formatOf(command, context, formats, 'text')
  const [directory] = context.args
  const { folder } = instanceOf(context)
  const applied = directory === undefined ? appliedSet(folder) : undefined
  const loaded = applied === undefined ? loadSet(resolve(context.cwd, directory ?? ''), context.now) : judgeFiles({ files: applied.files, diagnostics: [] }, context.now)
  const sound = loaded.sound ?? beforeReview(loaded)
  const set = soundOrTell({ ...context, json: format === 'json' }, { ...loaded, sound }, applied?.directory ?? directory ?? '', 'telemetry-without-risk')
  if (set === undefined) return 1
  const records = join(folder, 'observe')
  const seen = directory === undefined && existsSync(records) ? await telemetryUse(records, set.platform, context.signal) : undefined
  const rows = riskRegister(set.platform, set.intent, { now: context.now, soon: soonMs, ...(seen === undefined ? {} : { uses: seen.uses }) })
  switch (format) {
    case 'json':
      context.out.json({ at: formatInstant(context.now), seenSince: seen?.since === undefined ? null : formatInstant(seen.since), risks: riskJson(rows), ...brokenJson(set) })
      break
    case 'csv':
      context.out.write(riskCsv(rows))
      break
    case 'html':
      context.out.write(riskHtml(rows, set.platform.name, context.now, useSentence(seen)))
      break
    case 'text':
      context.out.write(riskText(rows))
      context.out.note(useSentence(seen))
      break
  }
  return rows.some(needsAttention) ? 1 : 0
}

function appliedSet(folder: string): Applied {
  const applied = loadApplied(folder)
  if (applied === undefined) throw new Fault('not-running', 'nothing is in force here', { help: 'name a folder of documents, or start a platform with `bulkhead up DIR`' })
  return applied
}

/** A set that is refused because review dates have passed is just what the register is for: it is read as of the time before them. */
function beforeReview({ files, diagnostics }: LoadedSet): GoodSet | undefined {
  if (diagnostics.some((d) => d.severity === 'error' && d.code !== 'telemetry-without-risk')) return undefined
  const { platform } = loadPlatform(files, { now: Number.NEGATIVE_INFINITY })
  return platform === undefined ? undefined : { platform, intent: compile(platform).intent }
}
