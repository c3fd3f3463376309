/** What every command about a running instance has in common. */
import { fileURLToPath } from 'node:url'
import { escapeText } from '../base/diagnostic.ts'
import { defaultInstance, stateFolder } from '../host/state.ts'
import { actor } from '../host/journal.ts'
import type { CommandContext, OptionSpec } from './command.ts'
import type { ChangeRequest } from '../host/journal.ts'
import type { Instance } from '../host/state.ts'
import type { TurnOptions } from '../host/turn.ts'

export const instanceOptions = {
  name: { type: 'string', value: 'NAME', help: `the instance (default: ${defaultInstance})` },
  state: { type: 'string', value: 'DIR', help: 'the folder that holds the state of all instances' },
} as const satisfies Readonly<Record<string, OptionSpec>>

export function instanceOf({ options }: Pick<CommandContext, 'options'>): Instance {
  const name = typeof options['name'] === 'string' ? options['name'] : defaultInstance
  const override = typeof options['state'] === 'string' ? options['state'] : undefined
  return { name, folder: stateFolder(name, override) }
}

/** The option of commands that change something: it goes into the change log. */
export const reasonOption = {
  reason: { type: 'string', value: 'TEXT', help: 'why, and who has approved it: kept in the change log' },
} as const satisfies Readonly<Record<string, OptionSpec>>

/** Who asks, and why. */
export function requestOf({ options, env }: Pick<CommandContext, 'options' | 'env'>, kind: ChangeRequest['kind']): ChangeRequest {
  const { reason } = options
  return { kind, actor: actor(env), ...(typeof reason === 'string' ? { reason } : {}) }
}

/** What others are told while a command has the turn, and what this one says while it waits. */
export function turnOf({ json, out }: Pick<CommandContext, 'json' | 'out'>, what: string): TurnOptions {
  return {
    what,
    onWait: (holder) => {
      if (!json) out.note(`waiting for ${holder === '' ? 'another command' : escapeText(holder)} to end`)
    },
  }
}

/** The node that runs us, with the options that its programs need. */
export function nodeProgram(file: string, args: readonly string[]): readonly string[] {
  const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
  return [process.execPath, '--disable-warning=ExperimentalWarning', '--import', here('./compile-cache.ts'), here(file), ...args]
}
