/** `bulkhead down`: ends workloads, agent and namespaces, and leaves nothing of them. */
import { openChangeLog } from '../audit/change-log.ts'
import { systemClock } from '../base/clock.ts'
import { escapeText } from '../base/diagnostic.ts'
import { messageOf } from '../base/fault.ts'
import { endInstance } from '../host/instance.ts'
import { withTurn } from '../host/turn.ts'
import { instanceOf, instanceOptions, reasonOption, requestOf, turnOf } from './instance.ts'
import type { ChangeRequest } from '../host/journal.ts'
import type { Instance } from '../host/state.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'down',
  summary: 'end an instance and remove all that it made',
  usage: 'down [--reason TEXT] [--name NAME]',
  example: 'bulkhead down    records and numbers stay in the state folder, nothing else',
  positionals: [0, 0],
  options: { ...instanceOptions, ...reasonOption },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const instance = instanceOf(context)
  const request = requestOf(context, 'down')
  const { was, unnoted } = await withTurn(instance, turnOf(context, 'down'), async () => {
    const ended = await endInstance(instance, request)
    return { was: ended.was, unnoted: !ended.was || ended.noted ? undefined : ended.problem ?? noteDown(instance, request) }
  })
  if (context.json) context.out.json({ name: instance.name, ended: was, ...(unnoted === undefined ? {} : { changeLog: unnoted }) })
  else context.out.line(was ? `\`${instance.name}\` is down` : `\`${instance.name}\` was not running`)
  if (unnoted !== undefined && !context.json) context.out.note(context.out.paint('red', `this is not in the change log: ${escapeText(unnoted)}`))
  return unnoted === undefined ? 0 : 1
}

/** Without an agent, whoever has the turn is the only writer. Gives what kept it from being written. */
function noteDown({ folder }: Instance, { actor, reason }: ChangeRequest): string | undefined {
  try {
    const log = openChangeLog(folder, systemClock)
    log.append({ kind: 'down', actor, ...(reason === undefined ? {} : { reason }), details: ['no agent could write this down'] })
    log.settle()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
