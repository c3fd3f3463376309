/**
 * A few small processes that stay and start others: a large process pays for its own size with each program that it starts
 * (fork copies its page tables), and that in the moment in which something has to end quickly.
 */
import { randomBytes } from 'node:crypto'
import { defaultMaxBytes, defaultTimeout, late, run, start, talkative } from './process.ts'
import type { Fault } from './fault.ts'
import type { ChildProcess, Finished, RunOptions } from './process.ts'

type Limits = Pick<RunOptions, 'timeoutMs' | 'maxBytes'>

export interface Workers {
  /**
   * Like `run` for a program without input whose stderr may stand among its stdout, and that does no harm when it is run
   * once more: that happens when a worker is ended by somebody.
   */
  readonly run: (argv: readonly string[], options?: Limits) => Promise<Finished>
  /** Starts all of them, so that the first to need one does not wait. */
  readonly warm: () => void
  readonly close: () => void
}

/**
 * Takes the number of arguments and a word of no meaning, then an argument a line, which the shell does not read as
 * anything else; says the word and the status when the program has ended. Ends with its input.
 */
const script = [
  'while IFS=" " read -r n word; do',
  'set --',
  'while [ "$n" -gt 0 ]; do IFS= read -r a || exit; set -- "$@" "$a"; n=$((n - 1)); done',
  '"$@" </dev/null 2>&1',
  'printf "%s %s\\n" "$word" "$?"',
  'done',
].join('\n')

interface Worker {
  readonly child: ChildProcess
  /** What is waiting for it; one at a time. */
  heard: ((chunk: Buffer | undefined) => void) | undefined
  alive: boolean
}

const wordBytes = 12
const longestEnd = wordBytes * 2 + 8
/** The shell's own word for a program that it did not find or may not run. */
const notRun = [126, 127]

/** They end with whoever made them, and do not keep it from ending. */
export function createWorkers(most: number): Workers {
  const free: Worker[] = []
  let busy = 0

  const begin = (): Worker => {
    const child = start(['sh', '-c', script], { stdio: ['pipe', 'pipe', 'ignore'], cwd: '/', detached: true })
    const worker: Worker = { child, heard: undefined, alive: true }
    const ended = (): void => {
      worker.alive = false
      worker.heard?.(undefined)
    }
    child.on('error', ended)
    child.stdin?.on('error', ended)
    child.stdout?.on('data', (chunk: Buffer) => worker.heard?.(chunk))
    child.stdout?.on('close', ended)
    hold(worker, false)
    return worker
  }

  const take = (): Worker => {
    for (let worker = free.pop(); worker !== undefined; worker = free.pop()) if (worker.alive) return worker
    return begin()
  }

  const runHere = async (argv: readonly string[], options: Limits = {}): Promise<Finished> => {
    // More at once than there are workers, or what a line cannot carry, costs what it always did.
    if (busy >= most || argv.some((a) => a.includes('\n'))) return run(argv, options)
    const worker = take()
    busy++
    hold(worker, true)
    try {
      const finished = await ask(worker, argv, options)
      if (finished !== undefined && !notRun.includes(finished.code)) return finished
    } finally {
      busy--
      hold(worker, false)
      if (worker.alive) free.push(worker)
    }
    return run(argv, options)
  }

  return {
    run: runHere,
    warm: () => {
      while (free.length + busy < most) free.push(begin())
    },
    close: () => {
      for (const { child } of free.splice(0)) child.stdin?.end()
    },
  }
}

/** `undefined` when the worker ended instead of answering. One that did not answer as it should is ended, with what it started. */
async function ask(worker: Worker, argv: readonly string[], options: Limits): Promise<Finished | undefined> {
  const { timeoutMs = defaultTimeout, maxBytes = defaultMaxBytes } = options
  const word = randomBytes(wordBytes).toString('hex')
  const last = new RegExp(`${word} (\\d+)\n$`)
  const chunks: Buffer[] = []
  let size = 0
  const { promise, resolve, reject } = Promise.withResolvers<Finished | undefined>()
  const fail = (why: Fault): void => {
    endGroup(worker)
    reject(why)
  }
  const timer = setTimeout(() => fail(late(argv[0] ?? '', timeoutMs)), timeoutMs)
  worker.heard = (chunk) => {
    if (chunk === undefined) return resolve(undefined)
    chunks.push(chunk)
    size += chunk.length
    if (size > maxBytes + longestEnd) return fail(talkative(argv[0] ?? '', maxBytes))
    const end = last.exec(endOf(chunks))
    if (end !== null) resolve({ code: Number(end[1]), stdout: Buffer.concat(chunks).toString('utf8').slice(0, -end[0].length), stderr: '' })
  }
  worker.child.stdin?.write([`${argv.length} ${word}`, ...argv, ''].join('\n'))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    worker.heard = undefined
  }
}

/** Enough of what was said last to hold the end of an answer. */
function endOf(chunks: readonly Buffer[]): string {
  let text = ''
  for (let i = chunks.length - 1; i >= 0 && text.length < longestEnd; i--) text = (chunks[i]?.subarray(-longestEnd).toString('latin1') ?? '') + text
  return text
}

function endGroup(worker: Worker): void {
  worker.alive = false
  try {
    if (worker.child.pid !== undefined) process.kill(-worker.child.pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
  worker.child.stdout?.destroy()
}

/** Whether this process waits for it. */
function hold({ child }: Worker, wait: boolean): void {
  for (const part of [child, child.stdin, child.stdout] as unknown as ({ ref?: () => void; unref?: () => void } | null)[]) {
    if (wait) part?.ref?.()
    else part?.unref?.()
  }
}
