/** The command `bulkhead`: finds the command that is meant, runs it, and turns what happened into an exit status. */
import './compile-cache.ts'
import { systemClock } from '../base/clock.ts'
import { escapeText, quote } from '../base/diagnostic.ts'
import { Fault, isFault, messageOf } from '../base/fault.ts'
import { didYouMean } from '../base/suggest.ts'
import { parseArguments } from './arguments.ts'
import { commandNames, commands, isCommandName } from './commands.ts'
import { commandHelp, overview } from './help.ts'
import { createOutput } from './output.ts'
import { version } from './version.ts'
import type { ExitCode } from './command.ts'
import type { Output } from './output.ts'

const out = createOutput(process.stdout, process.stderr, process.env)
const stop = new AbortController()

async function main(argv: readonly string[]): Promise<ExitCode> {
  const [verb, ...rest] = argv
  if (verb === '--version' || verb === 'version') {
    out.line(version())
    return 0
  }
  const asked = verb === 'help' ? rest[0] : undefined
  if (verb === undefined || verb === '--help' || verb === '-h' || (verb === 'help' && asked === undefined)) {
    out.write(await overview())
    return verb === undefined ? 2 : 0
  }
  const command = await commands[commandName(asked ?? verb)]()
  if (asked !== undefined) {
    out.write(commandHelp(command))
    return 0
  }
  const { args, rest: afterDashes, options } = parseArguments(command, rest)
  if (options['help'] === true) {
    out.write(commandHelp(command))
    return 0
  }
  return command.run({
    args,
    rest: afterDashes,
    options,
    out,
    json: options['json'] === true,
    now: systemClock(),
    signal: stop.signal,
    env: process.env,
    cwd: process.cwd(),
  })
}

function commandName(text: string): keyof typeof commands {
  if (isCommandName(text)) return text
  const help = didYouMean(text, commandNames) ?? `commands: ${commandNames.join(', ')}`
  throw new Fault('usage', `${quote(text)} is not a command`, { help })
}

/** Tells the user about a failure; with --json as JSON on stdout. */
function report(thrown: unknown, output: Output, json: boolean): ExitCode {
  const fault = isFault(thrown) ? thrown : new Fault('internal', `this should not have happened: ${messageOf(thrown)}`, { cause: thrown })
  if (json) output.json({ error: { code: fault.code, message: fault.message, ...(fault.help === undefined ? {} : { help: fault.help }) } })
  else {
    output.note(`bulkhead: ${lines(fault.message)} [${fault.code}]`)
    if (fault.help !== undefined) output.note(`  ${lines(fault.help)}`)
  }
  if (process.env['BULKHEAD_DEBUG'] === '1' && thrown instanceof Error) output.note(thrown.stack ?? '')
  return fault.code === 'usage' ? 2 : 1
}

/** Several lines stay several lines, indented; nothing in them can drive a terminal. */
function lines(text: string): string {
  return text.split('\n').map(escapeText).join('\n  ')
}

function quietOnClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') stop.abort()
    else process.exit(1)
  })
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()))
}

quietOnClosedPipe(process.stdout)
quietOnClosedPipe(process.stderr)
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second time somebody does not want to wait for an orderly end.
    if (stop.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143)
    stop.abort()
  })
}

const argv = process.argv.slice(2)
const options = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
const code = await main(argv).catch((thrown: unknown) => report(thrown, out, options.includes('--json')))
await Promise.all([flushed(process.stdout), flushed(process.stderr)])
process.exit(code)
