/**
 * Asks through gateways: one order a line on stdin, one result a line on stdout. It stays for all rounds, so that no side of a
 * comparison pays for its start. An answer is whole when it ends with `~`.
 */
import { createInterface } from 'node:readline'
import { connect as connectTls } from 'node:tls'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

export interface Order {
  /** `requests`: on connections that stay; `connects`: a connection for each. */
  readonly mode: 'requests' | 'connects'
  readonly from: string
  readonly to: string
  readonly port: number
  /** Of the TLS that this client speaks itself. */
  readonly tls: string | undefined
  /** What is sent, base64. */
  readonly send: string
  readonly parallel: number
  readonly ms: number
}

export interface Took {
  readonly count: number
  /** How long it really took. */
  readonly ms: number
  readonly p50: number
  readonly p99: number
}

function open({ from, to, port, tls }: Order): Socket {
  const common = { host: to, port, localAddress: from, noDelay: true }
  return tls === undefined ? connect(common) : connectTls({ ...common, servername: tls, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], minVersion: 'TLSv1.3' })
}

/** Sends once and waits for the whole answer. */
function exchange(socket: Socket, data: Buffer): Promise<void> {
  return new Promise((done, failed) => {
    let first = true
    const heard = (part: Buffer): void => {
      if (first && data[0] === 0x47 && part[9] !== 0x32) end(new Error(part.toString('latin1').slice(0, 200)))
      else if (part.at(-1) === 0x7e) end()
      first = false
    }
    const closed = (): void => end(new Error('closed'))
    const end = (error?: Error): void => {
      socket.off('data', heard).off('close', closed)
      if (error === undefined) done()
      else failed(error)
    }
    socket.on('data', heard).on('close', closed)
    socket.write(data)
  })
}

async function run(order: Order): Promise<Took> {
  const data = Buffer.from(order.send, 'base64')
  const took: number[] = []
  const began = performance.now()
  const end = began + order.ms
  const one = async (): Promise<void> => {
    let socket: Socket | undefined
    while (performance.now() < end) {
      const from = performance.now()
      socket ??= open(order).on('error', () => undefined)
      await exchange(socket, data)
      took.push(performance.now() - from)
      if (order.mode === 'requests') continue
      // Without a goodbye, so that no port waits.
      if (order.tls === undefined) socket.resetAndDestroy()
      else socket.destroy()
      socket = undefined
    }
    socket?.destroy()
  }
  await Promise.all(Array.from({ length: order.parallel }, one))
  const ms = performance.now() - began
  const sorted = took.sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
  return { count: took.length, ms, p50: at(0.5), p99: at(0.99) }
}

for await (const line of createInterface({ input: process.stdin })) {
  const result = await run(JSON.parse(line) as Order).catch((error: unknown) => ({ error: String(error) }))
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
