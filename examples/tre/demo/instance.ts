/** The running instance as anybody sees it: through the command line. Every command given is shown. */
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { run } from '../../../src/base/process.ts'
import type { Finished } from '../../../src/base/process.ts'
import type { Teller } from './teller.ts'

export const repository = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '')
const program = `${repository}/bin/bulkhead`

export interface Instance {
  /** Where the instance keeps its state: a folder of its own, so that nothing stays on the machine. */
  readonly state: string
  /** The folder of documents, a copy that may be changed. */
  readonly directory: string
  readonly teller: Teller
  readonly signal: AbortSignal
}

export interface Answer {
  /** As `get.mjs` was asked. */
  readonly url: string
  readonly answered: boolean
  readonly text: string
}

/** Only a command that hangs is ended: a busy machine takes minutes for what an idle one does in seconds. */
const longestMs = 900_000

/** Runs a command of Bulkhead. `quiet` neither shows the command nor what it says. */
export async function bulkhead(instance: Instance, args: readonly string[], options: { readonly quiet?: boolean } = {}): Promise<Finished> {
  if (options.quiet !== true) instance.teller.command(['bulkhead', ...args].map(word).join(' ').replaceAll(process.execPath, 'node').replaceAll(`${repository}/`, ''))
  return run([program, ...args], { env: { ...process.env, BULKHEAD_STATE: instance.state }, signal: instance.signal, timeoutMs: longestMs })
}

/** What a command says with `--json`. */
export async function asked(instance: Instance, args: readonly string[]): Promise<unknown> {
  const { stdout, stderr } = await bulkhead(instance, [...args, '--json'], { quiet: true })
  try {
    return JSON.parse(stdout)
  } catch {
    throw new Error(`\`bulkhead ${args.join(' ')} --json\` gave no JSON: ${stderr.trim() || stdout.trim()}`)
  }
}

export interface AskOptions {
  readonly quiet?: boolean
  /** Another address to speak from, inside. */
  readonly as?: string
  /** Seconds in which an answer may still come. */
  readonly wait?: number
}

/** Asks from inside a workload, or from outside as a given address, and gives one answer for each URL. */
export async function ask(
  instance: Instance,
  from: { readonly workload: string } | { readonly outside: string },
  urls: readonly string[],
  options: AskOptions = {},
): Promise<readonly Answer[]> {
  const bind = 'outside' in from ? ['--from', from.outside] : options.as === undefined ? [] : ['--from', options.as]
  const wait = options.wait === undefined ? [] : ['--wait', String(options.wait)]
  const where = 'workload' in from ? [from.workload] : ['--outside']
  const get = 'workload' in from ? ['node', '/app/get.mjs'] : [process.execPath, `${repository}/examples/app/get.mjs`]
  const { stdout, stderr } = await bulkhead(instance, ['exec', ...where, '--', ...get, ...urls, ...bind, ...wait], options)
  const lines = urls.length === 1 ? [`${urls[0] ?? ''} ${stdout.trim()}`] : stdout.trim().split('\n')
  return urls.map((url) => {
    const text = lines.find((l) => l.startsWith(`${url} `))?.slice(url.length + 1) ?? `no answer came back: ${stderr.trim()}`
    return { url, text, answered: !/^(refused: |no answer came back)/.test(text) && text !== '' }
  })
}

/** Waits, without a word, until something is so; `false` when it is not within that time. */
export async function becomes(instance: Instance, so: () => Promise<boolean>, milliseconds = 20_000): Promise<boolean> {
  const until = performance.now() + milliseconds
  for (;;) {
    if (await so()) return true
    if (performance.now() > until) return false
    await pause(100, undefined, { signal: instance.signal })
  }
}

/** A word of a command line as a shell wants it. */
function word(text: string): string {
  return /^[\w@%+=:,./*-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
