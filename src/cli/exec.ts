/** `bulkhead exec`: runs a command where a workload runs: same namespaces, same files, same rules. */
import { Fault } from '../base/fault.ts'
import { closeInherited } from '../base/inherited.ts'
import { start } from '../base/process.ts'
import { execArguments } from '../host/exec.ts'
import { enterNetns, requireInstance } from '../host/instance.ts'
import { loadInventory } from '../host/memory.ts'
import { outsideNetns } from '../host/outside.ts'
import { usage } from './arguments.ts'
import { instanceOf, instanceOptions } from './instance.ts'
import { findPlace } from './places.ts'
import { apart } from './terminal.ts'
import type { ChildProcess } from '../base/process.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'exec',
  summary: 'run a command inside a workload',
  usage: 'exec WORKLOAD[#REPLICA] [--name NAME] -- COMMAND [ARG ...]',
  example: 'bulkhead exec workspace-a/notebook -- cat /etc/hosts    the status is the command\'s own',
  positionals: [0, 1],
  options: { ...instanceOptions, outside: { type: 'boolean', help: 'in the namespace that plays the outside of a sandbox, instead of a workload' } },
  run,
}

/** For what is on its way when the command has ended. */
const lastWordsMs = 300

async function run(context: CommandContext): Promise<ExitCode> {
  const { args, rest, options, out, json } = context
  if (rest.length === 0) throw usage(command, 'there is no command to run', 'write it after `--`')
  const instance = instanceOf(context)
  const where = await requireInstance(instance)
  const outside = options['outside'] === true
  if (outside === (args[0] !== undefined)) throw usage(command, 'name a workload, or give `--outside`', 'one of the two')
  let child: ChildProcess
  if (outside) {
    if (where.kind !== 'sandbox') throw new Fault('usage', '`--outside` needs a sandbox')
    // Entering the mount namespace leaves the folder that the command was typed in.
    child = start(enterNetns(where, outsideNetns, ['env', `--chdir=${context.cwd}`, ...rest]), { stdio: json ? ['ignore', 2, 2] : 'inherit' })
  } else {
    const inventory = loadInventory(instance.folder)
    if (inventory === undefined) throw new Fault('not-running', 'no documents are in force', { help: 'run `bulkhead up DIR` first' })
    closeInherited()
    child = apart(execArguments(instance, where, findPlace(inventory, args[0] ?? ''), rest), context.env, json)
  }
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  child.on('error', reject)
  child.on('exit', (code, signal) => {
    const status = code ?? (signal === 'SIGINT' ? 130 : 143)
    // What it left behind may hold its pipes: it gets nothing more to read, and nobody waits for what it says.
    process.stdin.unpipe().pause()
    child.stdin?.destroy()
    child.once('close', () => resolve(status))
    setTimeout(() => resolve(status), lastWordsMs)
  })
  context.signal.addEventListener('abort', () => end(child, !outside), { once: true })
  const code = await promise
  if (json) out.json({ status: code })
  return code as ExitCode
}

/** A command in a session of its own is not reached by the terminal's Ctrl-C, and its processes are a group. */
function end(child: ChildProcess, group: boolean): void {
  try {
    if (group && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    else child.kill('SIGTERM')
  } catch {
    // It ended by itself.
  }
}
