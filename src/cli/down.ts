/** `bulkhead down`: ends workloads, agent and namespaces, and leaves nothing of them. */
import { endInstance } from '../host/instance.ts'
import { withTurn } from '../host/turn.ts'
import { instanceOf, instanceOptions, turnOf } from './instance.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'down',
  summary: 'end an instance and remove all that it made',
  usage: 'down [--name NAME]',
  example: 'bulkhead down    records and numbers stay in the state folder, nothing else',
  positionals: [0, 0],
  options: instanceOptions,
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const instance = instanceOf(context)
  const was = await withTurn(instance, turnOf(context, 'down'), () => endInstance(instance))
  if (context.json) context.out.json({ name: instance.name, ended: was })
  else context.out.line(was ? `\`${instance.name}\` is down` : `\`${instance.name}\` was not running`)
  return 0
}
