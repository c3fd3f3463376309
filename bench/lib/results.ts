/**
 * Where results are kept: one section of bench/RESULTS.md for each benchmark. When it is recorded again its figures are
 * replaced; what was written by hand below the line `notes` stays.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'

const path = join(import.meta.dirname, '../RESULTS.md')

export interface Section {
  readonly name: string
  /** The command that gives these figures. */
  readonly command: string
  readonly lines: readonly string[]
}

/** Prints the section; with `--record` on the command line it also takes the place of the one before. */
export function report({ name, command, lines }: Section): void {
  const text = [`## ${name}`, '', `\`${command}\`, ${new Date().toISOString().slice(0, 10)}, ${machine()}`, '', ...lines].join('\n')
  process.stdout.write(`${text}\n`)
  if (!process.argv.includes('--record')) return
  writeFileSync(path, recorded(readFileSync(path, 'utf8'), name, text))
}

/** What follows this line in a section is written by people. */
export const notes = '<!-- notes -->'

/** The whole page with this section in the place of the one before, whose notes it keeps. */
export function recorded(page: string, name: string, text: string): string {
  const sections = split(page)
  const isOurs = (section: string): boolean => section.startsWith(`## ${name}\n`)
  const before = sections.find(isOurs) ?? ''
  const at = before.indexOf(notes)
  const whole = at < 0 ? text : `${text.trim()}\n\n${before.slice(at).trim()}`
  const [head = '', ...rest] = sections.filter((section) => !isOurs(section))
  return `${[head, ...[...rest, whole].sort()].map((section) => section.trim()).join('\n\n')}\n`
}

function split(text: string): readonly string[] {
  return text.split(/\n(?=## )/)
}

/** What the figures depend on. */
function machine(): string {
  return `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}; load ${loadAtStart} at the start, ${load()} at the end`
}

function load(): string {
  return loadavg()[0]?.toFixed(1) ?? '?'
}

const loadAtStart = load()

/** `--name VALUE` or `--name=VALUE` on the command line. */
export function option(name: string): string | undefined {
  const at = process.argv.findIndex((a) => a === `--${name}` || a.startsWith(`--${name}=`))
  if (at < 0) return undefined
  const word = process.argv[at] ?? ''
  return word.includes('=') ? word.slice(word.indexOf('=') + 1) : process.argv[at + 1]
}

/** `--quick` is small enough for every change; without it the sizes that are quoted. */
export const quick = process.argv.includes('--quick')

export function numbers(name: string, otherwise: readonly number[]): readonly number[] {
  return option(name)?.split(',').map(Number) ?? otherwise
}
