/** `bulkhead isolation`: what separates two parties, layer by layer, and how well. */
import { resolve } from 'node:path'
import { allPairs, allPairsJson, allPairsText, comparedKinds } from '../analysis/isolation/all.ts'
import { isolation } from '../analysis/isolation/isolation.ts'
import { readParty } from '../analysis/isolation/party.ts'
import { statementHtml, statementMarkdown } from '../analysis/isolation/statement.ts'
import { isolationJson, isolationText } from '../analysis/isolation/text.ts'
import { choice, formatOf, usage } from './arguments.ts'
import { instanceOf, instanceOptions } from './instance.ts'
import { instantOption } from './instant.ts'
import { lastBetween, runningSet } from './isolation-live.ts'
import { lastChanges, newestText } from './last-changed.ts'
import { brokenJson, loadSet, soundOrTell } from './load.ts'
import type { Isolation } from '../analysis/isolation/isolation.ts'
import type { Party } from '../analysis/isolation/party.ts'
import type { Since } from '../analysis/isolation/text.ts'
import type { Platform } from '../model/platform.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'
import type { RunningSet } from './isolation-live.ts'
import type { LoadedSet } from './load.ts'

const formats = ['text', 'json', 'markdown', 'html'] as const

export const command: Command = {
  name: 'isolation',
  summary: 'tell what separates two parties, layer by layer, how strong it is, and how to make it stronger',
  usage: 'isolation [DIR] (A B | --all [--by environment|enclave|stack|workload]) [--format text|json|markdown|html] [--name NAME]',
  example:
    'bulkhead isolation examples/tre enclave:workspace-a enclave:workspace-b    by these documents\n' +
    'bulkhead isolation workspace-a/notebook workspace-b/notebook               of what runs: the documents in force, and the machine\n' +
    'bulkhead isolation environment:a environment:b --format markdown           a statement for a customer, without names of hosts\n' +
    'bulkhead isolation examples/tre --all --by enclave                         every two of them\n' +
    'A and B: `enclave/workload`, `enclave:NAME`, `environment:NAME`, `stack:NAME`, `peer:NAME` or `platform`. Where one is part of the other, the rest of it is meant.',
  positionals: [0, 3],
  options: {
    all: { type: 'boolean', help: 'every two of one kind' },
    by: { type: 'string', value: 'KIND', help: `with --all, one of ${comparedKinds.join(', ')} (default: environment)` },
    format: { type: 'string', value: 'FORMAT', help: `one of ${formats.join(', ')}; --json is the same as --format json` },
    at: { type: 'string', value: 'INSTANT', help: 'answer for this date or instant, by the documents alone; now when left out' },
    ...instanceOptions,
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const all = context.options['all'] === true
  const format = formatOf(command, context, formats, 'text')
  const kind = choice(command, context.options, 'by', comparedKinds, 'environment')
  const names = all ? [] : context.args.slice(-2)
  const directories = context.args.slice(0, context.args.length - names.length)
  if (!all && names.length < 2) throw usage(command, 'separated from whom?', 'name two parties, or give --all')
  if (directories.length > 1) throw usage(command, 'more than a folder and two parties', 'with --all no parties are named')
  const now = instantOption(command, context)
  const [directory] = directories
  const running = directory === undefined ? await runningSet(instanceOf(context), context.now) : undefined
  const loaded = running?.loaded ?? loadSet(resolve(context.cwd, directory ?? ''), context.now)
  const set = soundOrTell({ ...context, json: format === 'json' }, loaded, running?.directory ?? directory ?? '')
  if (set === undefined) return 1
  // What a machine was seen to do says nothing of another time.
  const options = { now, ...(running === undefined || typeof context.options['at'] === 'string' ? {} : { live: running.live }) }
  if (all) {
    const rows = allPairs(set.platform, set.intent, kind, options)
    if (format === 'json') context.out.json({ by: kind, pairs: allPairsJson(rows), ...brokenJson(set) })
    else if (format === 'text') context.out.write(allPairsText(rows))
    else throw usage(command, `--all has no ${format} form`, 'use text or json')
    return 0
  }
  const [a, b] = names.map((name) => partyOf(set.platform, name)) as [Party, Party]
  if (a.text === b.text) throw usage(command, `\`${a.text}\` is not separated from itself`, 'name two parties')
  const answer = isolation(set.platform, set.intent, [a, b], options)
  switch (format) {
    case 'text':
      context.out.write(isolationText(answer, await sinceOf(context, answer, loaded, running)))
      break
    case 'json':
      context.out.json({ ...isolationJson(answer, await sinceOf(context, answer, loaded, running)), ...brokenJson(set) })
      break
    case 'markdown':
      context.out.write(statementMarkdown(answer))
      break
    case 'html':
      context.out.write(statementHtml(answer))
      break
  }
  return 0
}

function partyOf(platform: Platform, text: string): Party {
  const reading = readParty(platform, text)
  if (reading.ok) return reading.value
  throw usage(command, reading.message, reading.help)
}

/** The change log knows of paths; git knows of files. */
async function sinceOf(context: CommandContext, { layers, between }: Isolation, { files }: LoadedSet, running: RunningSet | undefined): Promise<Since> {
  const absolute = new Map(files.map((file) => [file.path, file.absolute]))
  const pathsOf = (documents: Isolation['layers'][number]['documents']): readonly string[] => documents.flatMap(({ at }) => absolute.get(at.file) ?? [])
  const changes = await lastChanges(layers.flatMap(({ documents }) => pathsOf(documents)), context.signal)
  const [ours, theirs] = between.map(({ workloads }) => new Set<string>(workloads.map((w) => w.id))) as [Set<string>, Set<string>]
  return ({ layer, documents }) => {
    const logged = layer === 'policy' && running !== undefined ? lastBetween(running.changes, ours, theirs) : undefined
    return logged ?? newestText(pathsOf(documents).flatMap((path) => changes.get(path) ?? []))
  }
}
