/**
 * One `nft` that stays, for small changes: starting a process costs ten times what the change itself does. Each change is
 * one line and therefore one transaction, taken whole or not at all.
 */
import { Fault } from '../../base/fault.ts'
import { start } from '../../base/process.ts'
import type { ChildProcess } from '../../base/process.ts'

export interface NftSession {
  /** The change is in force when this resolves; a Fault of `nft` means that nothing of it is. */
  readonly change: (text: string) => Promise<void>
  /** False from the moment that the process has ended, or was ended because it did not answer. */
  readonly alive: () => boolean
  readonly close: () => void
}

export interface SessionOptions {
  /** What comes before `nft` on the command line: to enter another namespace perhaps. */
  readonly enter?: readonly string[]
  /** Milliseconds for one change; 10,000 when unsaid. */
  readonly timeoutMs?: number
}

/** Longer changes are for a process of their own: this one would keep the memory they need. */
export const longestChange = 32 * 1024

/** A question that the kernel is not asked. Its answer says that what came before is done; anything else that is said is an error. */
const question = 'describe mark'
const answer = /^meta expression, datatype mark .*\n/m
const shell = ['sh', '-c', 'exec nft -i 2>&1']

/** In a conversation `nft` writes all that it is told to a file in its user's home, where it would outlive the platform. */
export function withoutHistory(): Readonly<Record<string, string | undefined>> {
  return { ...process.env, HOME: '/dev/null' }
}

/** Resolves when it answers; `undefined` where `nft` has no interactive mode. */
export async function openSession(options: SessionOptions = {}): Promise<NftSession | undefined> {
  const timeoutMs = options.timeoutMs ?? 10_000
  const child: ChildProcess = start([...(options.enter ?? []), ...shell], { stdio: ['pipe', 'pipe', 'ignore'], cwd: '/', env: withoutHistory() })
  let alive = true
  let heard = ''
  let waiting: { readonly resolve: (said: string) => void; readonly reject: (error: Fault) => void } | undefined
  let turn: Promise<unknown> = Promise.resolve()

  const end = (why: string): void => {
    alive = false
    child.kill('SIGKILL')
    waiting?.reject(new Fault('nft-failed', why, { help: 'whether the change is in force is not known; the next one replaces the whole table' }))
    waiting = undefined
  }
  child.on('error', () => end('`nft` could not be started'))
  child.on('exit', () => end('`nft` ended while it was at work'))
  child.stdin?.on('error', () => end('`nft` ended while it was at work'))
  child.stdout?.on('data', (chunk: Buffer) => {
    heard += chunk.toString('utf8')
    const found = answer.exec(heard)
    if (found === null || waiting === undefined) return
    const said = heard.slice(0, found.index)
    heard = heard.slice(found.index + found[0].length)
    waiting.resolve(said)
    waiting = undefined
  })

  const ask = (line: string): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    if (!alive) return Promise.reject(new Fault('nft-failed', '`nft` has ended'))
    const timer = setTimeout(() => end(`\`nft\` did not answer within ${timeoutMs / 1000} s`), timeoutMs)
    waiting = {
      resolve: (said) => {
        clearTimeout(timer)
        resolve(said)
      },
      reject: (error) => {
        clearTimeout(timer)
        reject(error)
      },
    }
    child.stdin?.write(`${line}\n${question}\n`)
    return promise
  }

  const change = (text: string): Promise<void> => {
    const line = text.split('\n').filter((l) => l !== '').join('; ')
    const done = turn.then(async () => {
      const said = (await ask(line)).trim()
      if (said !== '') throw new Fault('nft-failed', `the kernel refused the change: ${said.split('\n').slice(0, 2).join(' ')}`)
    })
    turn = done.catch(() => undefined)
    return done
  }

  try {
    await ask('')
  } catch {
    return undefined
  }
  child.unref()
  return { change, alive: () => alive, close: () => void child.stdin?.end() }
}
