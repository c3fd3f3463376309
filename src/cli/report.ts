/** `bulkhead report`: one page for people, with pictures: what is allowed, what was verified, what is open, what has changed. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { reportPage } from '../audit/report/page.ts'
import { instanceOptions } from './instance.ts'
import { sinceOption } from './instant.ts'
import { answersOf, recordedUse, requireStanding, standingOptions } from './standing-options.ts'
import { version } from './version.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'report',
  summary: 'write a page with pictures: what is allowed, what was verified when, risks and changes',
  usage: 'report [--out FILE] [--since DATE] [--profile NAME]... [--documents DIR] [--name NAME]',
  example: 'bulkhead report --out report.html --profile satre    one file, without scripts, to be read on a screen or printed',
  positionals: [0, 0],
  options: {
    ...instanceOptions,
    ...standingOptions,
    out: { type: 'string', value: 'FILE', help: 'where it is written; stdout by default' },
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const { options, out, json, now, cwd } = context
  const standing = await requireStanding(context)
  const profiles = answersOf(context, standing)
  if (profiles === undefined) return 1
  const page = reportPage({ standing, now, since: sinceOption(command, context), version: version(), profiles, use: await recordedUse(context, standing) })
  const file = options['out']
  if (typeof file === 'string') {
    writeFileSync(resolve(cwd, file), page)
    if (json) out.json({ file: resolve(cwd, file), unseen: standing.unseen })
    else out.line(`${file}: ${(page.length / 1024).toFixed(0)} KiB`)
  } else out.write(page)
  return 0
}
