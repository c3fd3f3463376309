/** `bulkhead up`: makes exactly the documents' paths open, and starts the workloads. */
import { resolve } from 'node:path'
import { Fault } from '../base/fault.ts'
import { readDocumentFiles } from '../base/files.ts'
import { call } from '../host/api.ts'
import { documentSet } from '../host/document-set.ts'
import { ensureInstance } from '../host/instance.ts'
import { becomeHost, requireHost, thisHost } from '../host/this-host.ts'
import { makeStateFolder } from '../host/state.ts'
import { withTurn } from '../host/turn.ts'
import { applyDocuments, printApply } from './change.ts'
import { instanceOf, instanceOptions, nodeProgram, reasonOption, requestOf, turnOf } from './instance.ts'
import { refuseProblems } from './problems.ts'
import { waiting } from './progress.ts'
import { version } from './version.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'up',
  summary: 'enforce a folder of documents on this machine and start its workloads',
  usage: 'up DIR [--host HOST] [--sandbox] [--outside COMMAND] [--reason TEXT] [--name NAME]',
  example: 'bulkhead up examples/tre    in a sandbox of its own, unless you are root',
  positionals: [1, 1],
  options: {
    ...instanceOptions,
    ...reasonOption,
    host: { type: 'string', value: 'HOST', help: 'the Host of the documents that this machine is: it carries what is assigned to that one' },
    sandbox: { type: 'boolean', help: 'in namespaces of its own, away from the machine\'s network; always so without root' },
    outside: { type: 'string', value: 'COMMAND', help: 'a shell command that plays the outside, in a sandbox' },
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const { args, options, out, json, now } = context
  const [directory = ''] = args
  const path = resolve(context.cwd, directory)
  // Wrong documents are told before anything is started.
  const instance = instanceOf(context)
  const host = typeof options['host'] === 'string' ? options['host'] : undefined
  const problems = await refuseProblems(context, directory, (platform) => requireHost(platform, host ?? thisHost(instance.folder)))
  if (problems !== undefined) return problems
  const mode = options['sandbox'] === true || process.getuid?.() !== 0 ? 'sandbox' : 'host'
  const outside = options['outside']
  if (typeof outside === 'string' && mode === 'host') throw new Fault('usage', '`--outside` needs `--sandbox`')
  if (!json) out.note(mode === 'sandbox' ? `a sandbox for \`${instance.name}\`` : `namespaces of \`${instance.name}\` on this machine`)
  const agentArguments = ['--folder', instance.folder, '--name', instance.name, '--mode', mode]
  const agent = { argv: nodeProgram('./agent-main.ts', agentArguments), version: version() }
  makeStateFolder(instance.folder)
  const report = await withTurn(instance, turnOf(context, 'up'), async () => {
    const where = await ensureInstance(instance, mode, agent)
    if (host !== undefined) becomeHost(instance.folder, host)
    const done = await waiting(context, 'the agent applies the documents', () => applyDocuments(instance, where, documentSet(path, readDocumentFiles(path).files), requestOf(context, 'up'), now))
    if (done.applied && typeof outside === 'string') await call(instance.folder, '/outside', inFolder(context.cwd, outside))
    return done
  })
  const code = printApply(context, report, directory)
  if (!json && code === 0) out.line(`${report.opened.length} ${report.opened.length === 1 ? 'path' : 'paths'} opened, everything else is closed (${((Date.now() - now) / 1000).toFixed(1)} s)`)
  return code
}

/** The command as it was meant where it was typed: the agent itself lives in `/`. */
function inFolder(folder: string, command: string): string {
  return `cd '${folder.replaceAll("'", String.raw`'\''`)}' || exit\n${command}`
}
