/** The two ends of tests' cables: what is sent at one end is compared with what arrives at the others. */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Sandbox } from './sandbox.ts'

export interface Wire {
  readonly send: (data: Buffer) => void
  /** Everything that has arrived since the last call. */
  readonly take: () => readonly Buffer[]
  /** Resolves when all that has reached this end has been read. */
  readonly drain: () => Promise<void>
  readonly close: () => Promise<void>
}

const program = fileURLToPath(new URL('wire.pl', import.meta.url))

/** `peerMac` is the router's end. */
export async function openWire(sandbox: Pick<Sandbox, 'start'>, netns: string, device: string, peerMac: string): Promise<Wire> {
  const child = sandbox.start(['ip', 'netns', 'exec', netns, 'perl', program, device, peerMac])
  const arrived: Buffer[] = []
  const waiting = new Map<string, () => void>()
  const ready = Promise.withResolvers<void>()
  let pending = ''
  let count = 0
  child.once('close', (code) => ready.reject(new Error(`the wire of ${netns} ended with status ${String(code)}`)))
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (pending + chunk).split('\n')
    pending = lines.pop() ?? ''
    for (const text of lines) {
      if (text.startsWith('R ')) arrived.push(Buffer.from(text.slice(2), 'hex'))
      else if (text.startsWith('F ')) waiting.get(text.slice(2))?.()
      else if (text === 'READY') ready.resolve()
      else throw new Error(`${netns}: ${text}`)
    }
  })
  await ready.promise
  return {
    send: (data) => void child.stdin?.write(`S ${data.toString('hex')}\n`),
    take: () => arrived.splice(0),
    drain: () => new Promise((resolve) => {
      const word = String(count++)
      waiting.set(word, resolve)
      child.stdin?.write(`F ${word}\n`)
    }),
    close: () => new Promise((resolve) => {
      child.once('close', () => resolve())
      child.stdin?.end()
    }),
  }
}

/** Waits until what was sent has come out wherever it comes out: sending is handled before the fence, arrivals after a short rest. */
export async function settle(wires: Iterable<Wire>): Promise<void> {
  const all = [...wires]
  await Promise.all(all.map((wire) => wire.drain()))
  await sleep(15)
  await Promise.all(all.map((wire) => wire.drain()))
}
