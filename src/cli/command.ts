/** What a command is: one file in this folder exports `command`, and one line of `commands.ts` names it. */
import type { Output } from './output.ts'

/** 0: all is well; 1: a problem was found, or it could not be done; 2: usage; 3: `diff` alone, when something widened. */
export type ExitCode = 0 | 1 | 2 | 3

export interface OptionSpec {
  readonly type: 'boolean' | 'string'
  readonly short?: string
  readonly multiple?: boolean
  /** For --help: the value's name (`FILE`), for `string` options. */
  readonly value?: string
  /** For --help, lower case without a full stop. */
  readonly help: string
}

export type OptionValue = string | boolean | readonly string[]

export interface CommandContext {
  /** Positional arguments, in order. What follows `--` is in `rest`. */
  readonly args: readonly string[]
  /** Everything after `--`. */
  readonly rest: readonly string[]
  readonly options: Readonly<Record<string, OptionValue | undefined>>
  readonly out: Output
  /** `--json` was given; every command has it. */
  readonly json: boolean
  /** Milliseconds since the epoch, read once. */
  readonly now: number
  /** Aborted by Ctrl-C, SIGTERM, or when nobody reads the output any more. */
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

export interface Command {
  readonly name: string
  /** One line, lower case, without a full stop. */
  readonly summary: string
  /** Without `bulkhead`: `check DIR [--format text|json|sarif|github]`. */
  readonly usage: string
  /** One or more complete command lines with what they show, for --help. */
  readonly example: string
  readonly options: Readonly<Record<string, OptionSpec>>
  /** Fewest and most positional arguments; checked before `run`. */
  readonly positionals: readonly [least: number, most: number]
  readonly run: (context: CommandContext) => Promise<ExitCode>
}
