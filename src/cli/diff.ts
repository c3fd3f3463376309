/** `bulkhead diff`: what a change of documents opens and closes; a gate for pull requests. */
import { resolve } from 'node:path'
import { readDocumentFiles } from '../base/files.ts'
import { widens } from '../analysis/change.ts'
import { diff } from '../analysis/diff.ts'
import { diffJson, diffMarkdown, diffText } from '../analysis/diff-text.ts'
import { formatOf } from './arguments.ts'
import { instantOption } from './instant.ts'
import { kubernetesDiff } from './kubernetes-diff.ts'
import { kubernetesOptions } from './kubernetes-load.ts'
import { brokenJson, judgeFiles, readingOf, soundOrTell } from './load.ts'
import { readRevision, revisionOf } from './revision.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'
import type { AskedSet } from './load.ts'

const formats = ['text', 'json', 'markdown'] as const

export const command: Command = {
  name: 'diff',
  summary: 'say which paths a change of documents opens, closes, widens and narrows',
  usage: 'diff OLD NEW [--format text|json|markdown] [--at INSTANT]',
  example:
    'bulkhead diff policies/ proposed/                              two folders\n' +
    'bulkhead diff main:policies policies --format markdown         a git revision and the folder as it is now\n' +
    'bulkhead diff --kubernetes manifests/ proposed/                Kubernetes manifests\n' +
    'Exit status 0 when nothing opens or widens, 3 when something does, 1 when a set has problems or NEW breaks a guardrail or a test.',
  positionals: [2, 2],
  options: {
    format: { type: 'string', value: 'FORMAT', help: 'text, json, or markdown for a comment on a pull request' },
    at: { type: 'string', value: 'INSTANT', help: 'what has expired by this date or instant counts as closed; now when left out' },
    ...kubernetesOptions,
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  if (context.options['kubernetes'] === true) return kubernetesDiff(command, context)
  const [old = '', fresh = ''] = context.args
  const format = formatOf(command, context, formats, 'text')
  const now = instantOption(command, context)
  const asked = { ...context, json: format === 'json' }
  const before = await setOf(asked, old)
  if (before === undefined) return 1
  const after = await setOf(asked, fresh)
  if (after === undefined) return 1
  const found = diff(before.set, after.set, now)
  if (format === 'json') context.out.json({ ...diffJson(found), ...brokenJson(before.set, after.set) })
  else context.out.write(format === 'markdown' ? diffMarkdown(found) : diffText(found))
  return widens(found) ? 3 : after.assertionsHold ? 0 : 1
}

/** A folder or file on disk; else `REV:DIR`. */
async function setOf(context: CommandContext, text: string): Promise<{ readonly set: AskedSet; readonly assertionsHold: boolean } | undefined> {
  const revision = revisionOf(context.cwd, text)
  const read = revision === undefined ? readDocumentFiles(resolve(context.cwd, text)) : await readRevision(context.cwd, revision.revision, revision.folder, context.signal)
  const loaded = judgeFiles(read, context.now, readingOf(context))
  const set = soundOrTell(context, loaded, text)
  return set === undefined ? undefined : { set, assertionsHold: loaded.set !== undefined }
}
