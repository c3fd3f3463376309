/** Where commands write. Colour appears on a terminal only and never with NO_COLOR; a closed pipe is no error. */
import { styleText } from 'node:util'
import { canonicalJson } from '../base/canonical-json.ts'

export interface Output {
  /** A line of the answer, on stdout. */
  readonly line: (text?: string) => void
  /** Text on stdout as it is. */
  readonly write: (text: string) => void
  /** A line about the work, on stderr: progress, warnings, hints. */
  readonly note: (text: string) => void
  /** Text on a line of a terminal's stderr that the next one takes the place of; empty takes it away. Absent where stderr is no terminal. */
  readonly status?: (text: string) => void
  /** The one JSON document of `--json`, on stdout, keys in a stable order. */
  readonly json: (value: unknown) => void
  /** True when stdout is a terminal that wants colour. */
  readonly colour: boolean
  readonly paint: (style: Style, text: string) => string
}

export type Style = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim'

/** What output needs of a stream; `process.stdout` is one. */
export interface Sink {
  readonly write: (text: string) => unknown
  readonly isTTY?: boolean
}

export function createOutput(stdout: Sink, stderr: Sink, env: Readonly<Record<string, string | undefined>>): Output {
  const colour = stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  return Object.freeze({
    line: (text = '') => void stdout.write(`${text}\n`),
    write: (text: string) => void stdout.write(text),
    note: (text: string) => void stderr.write(`${text}\n`),
    ...(stderr.isTTY === true && env['TERM'] !== 'dumb' ? { status: (text: string) => void stderr.write(`\r${text}\u001b[K`) } : {}),
    json: (value: unknown) => void stdout.write(`${harmlessJson(canonicalJson(value, 2))}\n`),
    colour,
    paint: (style: Style, text: string) => (colour ? styleText(style, text, { validateStream: false }) : text),
  })
}

/** JSON text that drives no terminal: it has escapes of its own for such characters, so that the value stays the same. */
export function harmlessJson(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (c) => (c === '\n' ? c : Array.from({ length: c.length }, (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')))
}
