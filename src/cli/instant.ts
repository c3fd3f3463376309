/** Instants and durations on the command line. */
import { quote } from '../base/diagnostic.ts'
import { parseInstant } from '../model/lexical.ts'
import { usage } from './arguments.ts'
import type { Command, CommandContext } from './command.ts'

/** `--at`, or the instant at which the command began. */
export function instantOption(asked: Command, { options, now }: Pick<CommandContext, 'options' | 'now'>): number {
  const text = options['at']
  if (text === undefined) return now
  const instant = parseInstant(String(text))
  if (instant === undefined) throw usage(asked, `${quote(String(text))} is not a date or an instant`, 'write `2030-01-31` or `2030-01-31T18:00:00Z`')
  return instant
}
