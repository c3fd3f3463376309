/**
 * Runs inside one shadow namespace: listens on every port that others try, says so, and on a line from its stdin tries
 * every probe of its own. A process of its own because a namespace belongs to a process.
 */
import { createSocket } from 'node:dgram'
import { createServer, connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Outcome, ProbeResult, ProberTask } from './probe.ts'

type Item = ProberTask['probes'][number]

const atOnce = 256

async function main(): Promise<void> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const task = JSON.parse((await lines.next()).value as string) as ProberTask
  await Promise.all([...task.listen.tcp.map((p) => listenTcp(p, task.label)), ...task.listen.udp.map((p) => listenUdp(p, task.label))])
  process.stdout.write('ready\n')
  await lines.next()
  const results = await inParallel(task.probes, (probe) => (probe.protocol === 'tcp' ? tryTcp(probe, task.timeoutMs) : tryUdp(probe, task.timeoutMs)))
  process.stdout.write(`${JSON.stringify(results)}\n`)
  // Others may still be trying us.
  await lines.next()
  process.exit(0)
}

function listenTcp(port: number, label: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end(label)
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ port, host: '::', backlog: 1024 }, resolve)
  return promise
}

function listenUdp(port: number, label: string): Promise<void> {
  const socket = createSocket({ type: 'udp6' })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('error', reject)
  socket.on('message', (_, from) => socket.send(label, from.port, from.address, () => undefined))
  socket.bind(port, '::', resolve)
  return promise
}

function tryTcp(probe: Item, timeoutMs: number): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>()
  const socket = connect({ host: probe.address, port: probe.port, ...(probe.localAddress === undefined ? {} : { localAddress: probe.localAddress }) })
  let heard = ''
  let connected = false
  const done = (outcome: Outcome, detail: string): void => {
    clearTimeout(timer)
    socket.destroy()
    resolve({ id: probe.id, outcome, detail })
  }
  const timer = setTimeout(() => done(connected ? 'other' : 'silent', connected ? 'connected, said nothing' : ''), timeoutMs)
  socket.on('connect', () => void (connected = true))
  socket.on('data', (chunk: Buffer) => void (heard += chunk.toString('latin1').slice(0, 100)))
  socket.on('end', () => done(heard === probe.expectLabel ? 'open' : 'other', heard))
  socket.on('error', (error) => done(connected ? 'other' : 'refused', (error as NodeJS.ErrnoException).code ?? error.message))
  return promise
}

function tryUdp(probe: Item, timeoutMs: number): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>()
  const socket = createSocket(probe.family === 4 ? 'udp4' : 'udp6')
  const done = (outcome: Outcome, detail: string): void => {
    clearTimeout(timer)
    clearTimeout(again)
    try {
      socket.close()
    } catch {
      // Already closed by its own error.
    }
    resolve({ id: probe.id, outcome, detail })
  }
  const timer = setTimeout(() => done('silent', ''), timeoutMs)
  const send = (): void => socket.send('probe', (error) => void (error && done('refused', (error as NodeJS.ErrnoException).code ?? error.message)))
  // Datagrams may be lost on a busy machine: one more try before silence counts.
  const again = setTimeout(send, timeoutMs / 2)
  socket.on('error', (error) => done('refused', (error as NodeJS.ErrnoException).code ?? error.message))
  socket.on('message', (message) => {
    const heard = message.toString('latin1').slice(0, 100)
    done(heard === probe.expectLabel ? 'open' : 'other', heard)
  })
  const bound = (): void => socket.connect(probe.port, probe.address, (error?: Error) => (error === undefined || error === null ? send() : done('refused', error.message)))
  if (probe.localAddress === undefined) bound()
  else socket.bind(0, probe.localAddress, bound)
  return promise
}

async function inParallel(items: readonly Item[], work: (item: Item) => Promise<ProbeResult>): Promise<readonly ProbeResult[]> {
  const results: ProbeResult[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) results.push(await work(item))
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
  return results
}

await main()
