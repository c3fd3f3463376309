/** Where commands write. Colour appears on a terminal only and never with NO_COLOR; a closed pipe ends the command quietly. */

export interface Output {
  /** A line of the answer, on stdout. */
  readonly line: (text?: string) => void
  /** Text on stdout as it is. */
  readonly write: (text: string) => void
  /** A line about the work, on stderr: progress, warnings, hints. */
  readonly note: (text: string) => void
  /** The one JSON document of `--json`, on stdout, keys in a stable order. */
  readonly json: (value: unknown) => void
  /** True when stdout is a terminal that wants colour. */
  readonly colour: boolean
  readonly paint: (style: Style, text: string) => string
}

export type Style = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim'
