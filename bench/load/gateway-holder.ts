/**
 * Connections that always say something: told which on the first line of stdin, it says `ready` when all have been answered, and then
 * a line for each that ends, with the monotonic millisecond of the last byte that came through it.
 */
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { once } from 'node:events'

export interface Held {
  readonly from: string
  readonly to: string
  readonly port: number
  /** What is sent first, base64. */
  readonly send: string
}

export interface Ended {
  /** In the list. */
  readonly index: number
  readonly last: number
}

const everyMs = 20
const now = (): number => Number(process.hrtime.bigint()) / 1e6
const [line] = (await once(createInterface({ input: process.stdin }), 'line')) as [string]

await Promise.all((JSON.parse(line) as readonly Held[]).map(async ({ from, to, port, send }, index) => {
  let last = now()
  const socket = connect({ host: to, port, localAddress: from, noDelay: true })
  socket.on('error', () => undefined).on('close', () => {
    process.stdout.write(`${JSON.stringify({ index, last } satisfies Ended)}\n`)
  })
  socket.on('data', () => {
    last = now()
    setTimeout(() => {
      if (socket.writable) socket.write('more')
    }, everyMs)
  })
  socket.write(Buffer.from(send, 'base64'))
  await once(socket, 'data')
}))
process.stdout.write('ready\n')
