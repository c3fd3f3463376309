/** The texts of --help. */
import { commonOptions } from './arguments.ts'
import { commandNames, commands } from './commands.ts'
import type { Command, OptionSpec } from './command.ts'

export async function overview(): Promise<string> {
  const all = await Promise.all(commandNames.map((name) => commands[name]()))
  const width = Math.max(...all.map((c) => c.name.length))
  return [
    'bulkhead contains networks: what no policy allows is denied.',
    '',
    'usage: bulkhead COMMAND [ARGUMENTS]',
    '',
    ...all.map((c) => `  ${c.name.padEnd(width)}  ${c.summary}`),
    '',
    '`bulkhead COMMAND --help` shows how a command is used, with an example.',
    'exit status: 0 all is well; 1 a problem was found, or it could not be done; 2 the command line is wrong',
    '',
  ].join('\n')
}

export function commandHelp(command: Command): string {
  const options = Object.entries({ ...command.options, ...commonOptions })
  const rows = options.map(([name, spec]) => [optionHead(name, spec), spec.help] as const)
  const width = Math.max(...rows.map(([head]) => head.length))
  return [
    `usage: bulkhead ${command.usage}`,
    '',
    `${command.summary}`,
    '',
    'options:',
    ...rows.map(([head, help]) => `  ${head.padEnd(width)}  ${help}`),
    '',
    'example:',
    ...command.example.split('\n').map((line) => `  ${line}`),
    '',
  ].join('\n')
}

function optionHead(name: string, spec: OptionSpec): string {
  const long = `--${name}${spec.type === 'string' ? ` ${spec.value ?? 'VALUE'}` : ''}`
  return spec.short === undefined ? long : `-${spec.short}, ${long}`
}
