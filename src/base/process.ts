/** The one place from which processes are started. Never through a shell: an argument is an argument. */
import { spawn } from 'node:child_process'
import { closeSync, constants as files, openSync, writeSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { Fault } from './fault.ts'
import type { ChildProcess, SpawnOptions } from 'node:child_process'

export type { ChildProcess } from 'node:child_process'

export interface RunOptions {
  readonly input?: string | Uint8Array
  /** Milliseconds; 30,000 when unsaid. */
  readonly timeoutMs?: number
  /** The complete environment; the caller's when unsaid. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  readonly signal?: AbortSignal
  /** Bytes of stdout and of stderr that are accepted; 64 MiB when unsaid. */
  readonly maxBytes?: number
}

export interface Finished {
  /** The exit status; 128 + the signal's number when a signal ended it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export const defaultTimeout = 30_000
export const defaultMaxBytes = 64 * 1024 * 1024

/**
 * Runs a program to its end. A status other than 0 is a result, not an error; a program that is missing, late, too
 * talkative or interrupted is a Fault, and is dead by then.
 */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const [program, ...args] = argv
  if (program === undefined) throw new TypeError('no program to run')
  const { promise, resolve, reject } = Promise.withResolvers<Finished>()
  if (options.signal?.aborted === true) return Promise.reject(interrupted(program))
  const whole = options.input === undefined ? undefined : wholeInput(Buffer.from(options.input))
  const child = spawn(program, args, spawnOptions({ ...options, stdio: [whole ?? 'pipe', 'pipe', 'pipe'] }))
  if (whole !== undefined) closeSync(whole)
  const max = options.maxBytes ?? defaultMaxBytes
  let fault: Fault | undefined
  const end = (why: Fault): void => {
    fault ??= why
    child.kill('SIGKILL')
    // A grandchild may hold the pipes open; the answer no longer depends on them.
    child.stdout?.destroy()
    child.stderr?.destroy()
  }
  const timeoutMs = options.timeoutMs ?? defaultTimeout
  const timer = setTimeout(() => end(late(program, timeoutMs)), timeoutMs)
  const onAbort = (): void => end(interrupted(program))
  options.signal?.addEventListener('abort', onAbort, { once: true })
  const stdout = collect(child.stdout, max, () => end(talkative(program, max)))
  const stderr = collect(child.stderr, max, () => end(talkative(program, max)))
  const settle = (): void => {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', onAbort)
  }
  child.on('error', (error) => {
    settle()
    reject(startFault(program, error))
  })
  child.on('close', (code, signal) => {
    settle()
    if (fault !== undefined) reject(fault)
    else resolve({ code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]), stdout: stdout(), stderr: stderr() })
  })
  // A program that ends without reading its input is judged by its status.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(options.input ?? '')
  return promise
}

/** What a pipe takes in one write, whatever its size (pipe(7), PIPE_BUF). */
const pipeBytes = 4096
/** open(2): a file without a name, gone with the last who has it open. Node has no constant for it. */
const nameless = files.O_DIRECTORY | 0o20_000_000

/**
 * A program whose feeder dies half-way takes what it got for everything: half a ruleset, half of a line. Longer input is
 * therefore complete, in a nameless file, before the program begins. `undefined` when a pipe will do.
 */
function wholeInput(input: Buffer): number | undefined {
  if (input.length <= pipeBytes) return undefined
  let why: unknown
  for (const folder of ['/dev/shm', '/run', tmpdir()]) {
    let fd: number | undefined
    try {
      fd = openSync(folder, files.O_RDWR | nameless, 0o600)
      for (let done = 0; done < input.length; ) done += writeSync(fd, input, done, input.length - done, done)
      return fd
    } catch (error) {
      if (fd !== undefined) closeSync(fd)
      why = error
    }
  }
  throw new Fault('command-failed', 'there is no room for the input of a program', { help: 'make room in /dev/shm, /run or the folder for temporary files', cause: why })
}

/** Runs a program that has to succeed, and gives its stdout. */
export async function runOrFault(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options)
  if (code === 0) return stdout
  throw new Fault('command-failed', `\`${argv.join(' ')}\` ended with status ${code}: ${stderr.trim() || 'it printed nothing'}`)
}

export interface StartOptions {
  readonly stdio?: SpawnOptions['stdio']
  /** In a session of its own, so that it outlives the caller. */
  readonly detached?: boolean
  /** The complete environment; the caller's when unsaid. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
}

/** Starts a program and does not wait. A program that is missing shows as the child's `error` event. */
export function start(argv: readonly string[], options: StartOptions = {}): ChildProcess {
  const [program, ...args] = argv
  if (program === undefined) throw new TypeError('no program to start')
  return spawn(program, args, spawnOptions(options))
}

/** What the child's `error` event means to a user. */
export function startFault(program: string, error: Error): Fault {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return new Fault('tool-missing', `\`${program}\` is not installed or not in PATH`, { help: 'run bin/setup', cause: error })
  if (code === 'EACCES') return new Fault('permission-denied', `\`${program}\` may not be run`, { cause: error })
  return new Fault('command-failed', `\`${program}\` could not be started: ${error.message}`, { cause: error })
}

function spawnOptions(options: StartOptions): SpawnOptions {
  return {
    shell: false,
    windowsHide: true,
    stdio: options.stdio ?? 'ignore',
    detached: options.detached ?? false,
    ...(options.env === undefined ? {} : { env: { ...options.env } }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  }
}

function collect(stream: NodeJS.ReadableStream | null, max: number, tooMuch: () => void): () => string {
  const chunks: Buffer[] = []
  let size = 0
  stream?.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > max) tooMuch()
    else chunks.push(chunk)
  })
  return () => Buffer.concat(chunks).toString('utf8')
}

function interrupted(program: string): Fault {
  return new Fault('interrupted', `\`${program}\` was interrupted`)
}

/** What a program is told that did not end in time. */
export function late(program: string, timeoutMs: number): Fault {
  return new Fault('command-timeout', `\`${program}\` did not finish within ${timeoutMs / 1000} s`)
}

/** The same for one that says too much. */
export function talkative(program: string, max: number): Fault {
  return new Fault('output-too-large', `\`${program}\` printed more than ${max} bytes`)
}
