/**
 * A command that runs among strangers never gets the caller's terminal: whoever holds a terminal can read what is typed
 * there later, and on many kernels type for the caller (ioctl TIOCSTI). It gets one of its own, or pipes.
 */
import { existsSync } from 'node:fs'
import { start } from '../base/process.ts'
import type { ChildProcess } from '../base/process.ts'

/** Part of util-linux: makes a terminal, passes on what is typed and written, and the window's size. */
const script = '/usr/bin/script'

type Environment = Readonly<Record<string, string | undefined>>

/** Starts a command in a session of its own; with `quiet` nothing of it reaches stdout. It has nothing of the caller's environment but PATH and TERM. */
export function apart(argv: readonly string[], env: Environment, quiet: boolean): ChildProcess {
  const kept = { PATH: env['PATH'], TERM: env['TERM'] }
  const terminals = [process.stdin, process.stdout, process.stderr].map((stream) => stream.isTTY === true)
  if (!quiet && terminals.every(Boolean) && existsSync(script)) {
    return start([script, '--quiet', '--return', '--command', argv.map(quoted).join(' '), '/dev/null'], { stdio: 'inherit', env: { ...kept, SHELL: '/bin/sh' } })
  }
  const [input, output, errors] = terminals
  const child = start(argv, {
    detached: true,
    env: kept,
    stdio: quiet ? ['ignore', errors ? 'pipe' : 2, errors ? 'pipe' : 2] : [input ? 'pipe' : 0, output ? 'pipe' : 1, errors ? 'pipe' : 2],
  })
  if (child.stdin !== null) {
    child.stdin.on('error', () => undefined)
    process.stdin.pipe(child.stdin)
  }
  child.stdout?.pipe(quiet ? process.stderr : process.stdout, { end: false })
  child.stderr?.pipe(process.stderr, { end: false })
  return child
}

/** One word of a shell. */
function quoted(word: string): string {
  return `'${word.replaceAll('\'', '\'\\\'\'')}'`
}
