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

/** `--since`, if it is there. */
export function sinceOption(asked: Command, { options }: Pick<CommandContext, 'options'>): number | undefined {
  const text = options['since']
  if (text === undefined) return undefined
  const instant = parseInstant(String(text))
  if (instant === undefined) throw usage(asked, `--since ${quote(String(text))} is not a date or an instant`, 'write `2030-01-31` or `2030-01-31T18:00:00Z`')
  return instant
}

const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const

/** A length of time in milliseconds, such as `12h`, `30d` or `8w`. */
export function durationOption(asked: Command, { options }: Pick<CommandContext, 'options'>, name: string, otherwise: string): number {
  const text = String(options[name] ?? otherwise)
  const [, number = '', unit = ''] = /^(\d{1,6})([smhdw])$/.exec(text) ?? []
  if (number === '') throw usage(asked, `--${name} ${quote(text)} is not a duration`, 'write a number and a unit: 30s, 10m, 12h, 30d or 8w')
  return Number(number) * units[unit as keyof typeof units]
}
