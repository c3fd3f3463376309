/** A command line against what a command declares. What does not fit is a usage fault that says what would. */
import { parseArgs } from 'node:util'
import { Fault } from '../base/fault.ts'
import { quote } from '../base/diagnostic.ts'
import { didYouMean } from '../base/suggest.ts'
import type { Command, OptionSpec, OptionValue } from './command.ts'

export const commonOptions: Readonly<Record<string, OptionSpec>> = {
  help: { type: 'boolean', short: 'h', help: 'show this help' },
  json: { type: 'boolean', help: 'answer in JSON' },
}

export interface Arguments {
  readonly args: readonly string[]
  readonly rest: readonly string[]
  readonly options: Readonly<Record<string, OptionValue>>
}

export function parseArguments(command: Command, argv: readonly string[]): Arguments {
  const cut = argv.indexOf('--')
  const mine = cut < 0 ? argv : argv.slice(0, cut)
  const rest = cut < 0 ? [] : argv.slice(cut + 1)
  const specs = { ...command.options, ...commonOptions }
  const known = Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [name, { type: spec.type, ...(spec.short === undefined ? {} : { short: spec.short }) }]),
  )
  const { tokens } = parseArgs({ args: [...mine], options: known, strict: false, allowPositionals: true, tokens: true })
  const args: string[] = []
  const options: Record<string, OptionValue> = {}
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(token.value)
    else if (token.kind === 'option') {
      const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined
      if (spec === undefined) throw unknownOption(command, token.rawName, Object.keys(specs))
      const value = optionValue(command, spec, token.rawName, token.value)
      const before = options[token.name]
      if (spec.multiple === true) options[token.name] = [...(Array.isArray(before) ? before : []), String(value)]
      else if (before !== undefined && before !== value) throw usage(command, `${quote(token.rawName)} is given twice`)
      else options[token.name] = value
    }
  }
  if (options['help'] !== true) checkCount(command, args)
  return { args, rest, options }
}

/** A fault that ends with exit status 2 and shows how the command is used. */
export function usage(command: Pick<Command, 'usage'>, message: string, help?: string): Fault {
  const shown = `usage: bulkhead ${command.usage}`
  return new Fault('usage', message, { help: help === undefined ? shown : `${help}\n${shown}` })
}

/** The value of a `string` option that may be one of a few words. */
export function choice<T extends string>(command: Command, options: Readonly<Record<string, OptionValue | undefined>>, name: string, allowed: readonly T[], otherwise: T): T {
  const value = options[name]
  if (value === undefined) return otherwise
  const found = allowed.find((word) => word === value)
  if (found !== undefined) return found
  throw usage(command, `--${name} ${quote(String(value))} is not known`, `allowed: ${allowed.join(', ')}`)
}

/** The format of an answer: `--json` is one, and where there is `--output` it means the same as `--format`. */
export function formatOf<T extends string>(
  command: Command, { options, json }: { readonly options: Readonly<Record<string, OptionValue | undefined>>; readonly json: boolean }, allowed: readonly T[], otherwise: T & 'text',
): T | 'json' {
  const [name = 'format', another] = ['format', 'output'].filter((one) => options[one] !== undefined)
  if (another !== undefined) throw usage(command, '`--format` and `--output` mean the same', 'give one of them')
  if (options[name] === undefined) return json ? 'json' : otherwise
  const format = choice(command, options, name, allowed, otherwise)
  if (json && format !== 'json') throw usage(command, `\`--json\` and \`--${name} ${format}\` exclude each other`)
  return format
}

function optionValue(command: Command, spec: OptionSpec, rawName: string, value: string | undefined): string | true {
  if (spec.type === 'boolean') {
    if (value !== undefined) throw usage(command, `${quote(rawName)} takes no value`)
    return true
  }
  if (value === undefined || (value.startsWith('-') && value !== '-')) throw usage(command, `${quote(rawName)} needs a value`)
  return value
}

function unknownOption(command: Command, rawName: string, names: readonly string[]): Fault {
  const meant = rawName.startsWith('--') ? didYouMean(rawName, names.map((name) => `--${name}`)) : undefined
  return usage(command, `${quote(rawName)} is not an option of \`bulkhead ${command.name}\``, meant)
}

function checkCount(command: Command, args: readonly string[]): void {
  const [least, most] = command.positionals
  if (args.length < least) throw usage(command, `\`bulkhead ${command.name}\` needs ${least === 1 ? 'an argument' : `${least} arguments`}`)
  const extra = args[most]
  if (extra !== undefined) throw usage(command, `${quote(extra)} is one argument too many`)
  // What a shell makes of a variable that is not set would otherwise be the folder that one happens to be in.
  if (args.includes('')) throw usage(command, 'an argument is empty', 'write `.` for this folder')
}
