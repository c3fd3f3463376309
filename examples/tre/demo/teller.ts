/** Tells the demonstration: when each thing happened, which command was given, and whether it came out as it should. */
import { createOutput } from '../../../src/cli/output.ts'

export interface Teller {
  /** Begins a step; everything told carries the seconds since the start. */
  readonly step: (title: string) => void
  readonly say: (text: string) => void
  readonly command: (text: string) => void
  /** What a command said, as it said it. */
  readonly output: (text: string) => void
  /** Something that had to be so. What is not is remembered. */
  readonly check: (ok: boolean, text: string) => void
  readonly failures: () => readonly string[]
}

export function createTeller(startedAt: number): Teller {
  const out = createOutput(process.stdout, process.stderr, process.env)
  const failures: string[] = []
  const line = (text: string): void => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)
    out.line(`${out.paint('dim', `[${seconds} s]`)} ${text}`)
  }
  const indented = (text: string): readonly string[] => text.trimEnd().split('\n').map((part) => `    ${part}`)
  return {
    step: (title) => {
      out.line()
      line(out.paint('bold', title))
    },
    say: line,
    command: (text) => line(out.paint('cyan', `  $ ${text}`)),
    output: (text) => {
      if (text.trim() !== '') indented(text).forEach(line)
    },
    check: (ok, text) => {
      if (!ok) failures.push(text)
      line(ok ? `  ${out.paint('green', 'ok')}  ${text}` : `  ${out.paint('red', 'NOT AS IT SHOULD BE')}  ${text}`)
    },
    failures: () => failures,
  }
}
