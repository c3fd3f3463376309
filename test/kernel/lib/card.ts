/** Network cards of workloads of a real instance: whole frames are sent at one, and looked for at all others. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestInstance } from './instance.ts'

export interface Card {
  readonly send: (...frames: readonly Buffer[]) => void
  /** Sends one frame many times; packets and seconds. */
  readonly burst: (count: number, frame: Buffer) => Promise<{ readonly sent: number; readonly seconds: number }>
  /** Sends it with every number of a range in a field of 2 bytes that holds 0, its checksum mended. */
  readonly sweep: (first: number, last: number, field: number, sum: number, frame: Buffer) => Promise<{ readonly sent: number; readonly seconds: number }>
  /** Everything that has arrived since the last call, link layer included. */
  readonly take: () => readonly Buffer[]
  readonly drain: () => Promise<void>
  readonly close: () => Promise<void>
}

const program = readFileSync(new URL('frames.pl', import.meta.url), 'utf8')

/** In a privileged workload, or `--outside`. With `text`, it hears only what holds this. */
export async function openCard(instance: TestInstance, workload: string, text?: string): Promise<Card> {
  const child = instance.converse(workload, 'perl', '-e', program, 'eth0', ...(text === undefined ? [] : [text]))
  const arrived: Buffer[] = []
  const waiting = new Map<string, () => void>()
  const bursts: ((result: { sent: number; seconds: number }) => void)[] = []
  const ready = Promise.withResolvers<void>()
  let pending = ''
  let said = ''
  let count = 0
  child.once('close', (code) => ready.reject(new Error(`the card of ${workload} ended with status ${String(code)}: ${said}`)))
  child.stderr?.on('data', (chunk: Buffer) => void (said += chunk.toString('utf8')))
  child.stdin?.on('error', () => undefined)
  child.stdout?.setEncoding('latin1').on('data', (chunk: string) => {
    const lines = (pending + chunk).split('\n')
    pending = lines.pop() ?? ''
    for (const line of lines) {
      const [verb, ...rest] = line.split(' ')
      if (verb === 'R') arrived.push(Buffer.from(rest[0] ?? '', 'hex'))
      else if (verb === 'F') waiting.get(rest[0] ?? '')?.()
      else if (verb === 'B') bursts.shift()?.({ sent: Number(rest[0]), seconds: Number(rest[1]) })
      else if (verb === 'READY') ready.resolve()
      else said += `${line}\n`
    }
  })
  await ready.promise
  const write = (line: string): void => void child.stdin?.write(`${line}\n`)
  const measured = (line: string): Promise<{ sent: number; seconds: number }> =>
    new Promise((resolve) => {
      bursts.push(resolve)
      write(line)
    })
  return {
    send: (...frames) => frames.forEach((frame) => write(`S ${frame.toString('hex')}`)),
    burst: (times, frame) => measured(`B ${times} ${frame.toString('hex')}`),
    sweep: (first, last, field, sum, frame) => measured(`P ${first} ${last} ${field} ${sum} ${frame.toString('hex')}`),
    take: () => arrived.splice(0),
    drain: () =>
      new Promise((resolve) => {
        const word = String(count++)
        waiting.set(word, resolve)
        write(`F ${word}`)
      }),
    close: () =>
      new Promise((resolve) => {
        // Whoever lost its place has ended by itself.
        if (child.exitCode !== null || child.signalCode !== null) return resolve()
        child.once('close', () => resolve())
        child.stdin?.end()
      }),
  }
}

const etherTypes = { 4: 0x0800, 6: 0x86dd } as const

/** A frame around an IP packet, or around anything when `type` is said. */
export function frame(to: string, from: string, payload: Buffer, type: number = etherTypes[(payload[0] ?? 0) >> 4 === 6 ? 6 : 4]): Buffer {
  const head = Buffer.alloc(14)
  Buffer.from(to.replaceAll(':', ''), 'hex').copy(head, 0)
  Buffer.from(from.replaceAll(':', ''), 'hex').copy(head, 6)
  head.writeUInt16BE(type, 12)
  return Buffer.concat([head, payload])
}

/** Waits until what was sent has come out wherever it comes out. */
export async function settleCards(cards: Iterable<Card>): Promise<void> {
  const all = [...cards]
  await Promise.all(all.map((card) => card.drain()))
  await sleep(40)
  await Promise.all(all.map((card) => card.drain()))
}
