/** Drives `recorder-main.ts` inside a router namespace and reads what it leaves on disk. */
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readRecords } from '../../../src/observe/read.ts'
import type { RecorderLimits } from '../../../src/observe/recorder.ts'
import type { RecorderStats, StoredRecord } from '../../../src/observe/store.ts'
import type { VerdictRecord } from '../../../src/observe/verdict.ts'
import type { Sandbox } from './sandbox.ts'

export interface RecorderProcess {
  readonly stats: () => Promise<RecorderStats>
  readonly stop: () => Promise<RecorderStats>
  readonly detach: () => Promise<RecorderStats>
  /** As a crash would end it. */
  readonly kill: () => Promise<void>
}

const program = fileURLToPath(new URL('recorder-main.ts', import.meta.url))

export async function openRecorder(sandbox: Sandbox, folder: string, limits: Partial<RecorderLimits> = {}): Promise<RecorderProcess> {
  const child = sandbox.start([process.execPath, '--disable-warning=ExperimentalWarning', program, folder, JSON.stringify(limits)])
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  if (child.stdout === null) throw new TypeError('no stdout')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => {
    const { done, value } = await lines.next()
    if (done === true) throw new Error('the recorder ended')
    return JSON.parse(value) as unknown
  }
  const ask = async (command: string): Promise<RecorderStats> => {
    child.stdin?.write(`${command}\n`)
    const stats = (await next()) as RecorderStats
    if (command !== 'stats') await ended
    return stats
  }
  if ((await next()) !== 'ready') throw new Error('the recorder did not start')
  return {
    stats: () => ask('stats'),
    stop: () => ask('stop'),
    detach: () => ask('detach'),
    kill: async () => {
      // nsenter has become node: the process that was started is the recorder itself.
      child.kill('SIGKILL')
      await ended
    },
  }
}

export async function stored(folder: string): Promise<readonly StoredRecord[]> {
  const out: StoredRecord[] = []
  for await (const line of readRecords(folder, { follow: false, signal: new AbortController().signal })) {
    if (line !== 'caught-up' && line.kind !== 'position') out.push(line)
  }
  return out
}

export async function verdicts(folder: string): Promise<readonly VerdictRecord[]> {
  return (await stored(folder)).filter((record) => record.kind === 'verdict')
}

/** Polls until `found` gives something; as long as any machine may need. */
export async function eventually<T>(found: () => Promise<T | undefined>): Promise<T> {
  const until = performance.now() + 60_000
  for (;;) {
    const value = await found()
    if (value !== undefined) return value
    if (performance.now() > until) throw new Error('nothing within a minute')
    await sleep(10)
  }
}
