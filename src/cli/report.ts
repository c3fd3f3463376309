/** `bulkhead report`: one page for people, with pictures: what is allowed, what was verified, what is open, what has changed. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { standingOf } from '../audit/in-force.ts'
import { checkProfile } from '../audit/profiles/check.ts'
import { reportPage } from '../audit/report/page.ts'
import { Fault } from '../base/fault.ts'
import { documentsOf } from './audit.ts'
import { profilesOf } from './check-profile.ts'
import { instanceOf, instanceOptions } from './instance.ts'
import { sinceOption } from './instant.ts'
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
    out: { type: 'string', value: 'FILE', help: 'where it is written; stdout when unsaid' },
    since: { type: 'string', value: 'DATE', help: 'changes from this day or instant on; all when unsaid' },
    profile: { type: 'string', multiple: true, value: 'NAME', help: 'with the answers to this profile; may be repeated' },
    documents: { type: 'string', value: 'DIR', help: 'about these documents, also where nothing runs' },
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const { options, out, json, now, cwd } = context
  const standing = await standingOf(instanceOf(context).folder, documentsOf(context))
  if (standing === undefined) throw new Fault('not-running', 'no documents are in force here', { help: 'start a platform with `bulkhead up DIR`, or name documents with --documents DIR' })
  const wanted = Array.isArray(options['profile']) ? (options['profile'] as readonly string[]) : []
  const profiles = wanted.map((name) => profilesOf(context, name))
  if (profiles.includes(undefined)) return 1
  const page = reportPage({ standing, now, since: sinceOption(command, context), version: version(), profiles: profiles.flatMap((p) => p ?? []).map((p) => checkProfile(p, standing, now)) })
  const file = options['out']
  if (typeof file === 'string') {
    writeFileSync(resolve(cwd, file), page)
    if (json) out.json({ file: resolve(cwd, file), unseen: standing.unseen })
    else out.line(`${file}: ${(page.length / 1024).toFixed(0)} KiB`)
  } else out.write(page)
  return 0
}
