/**
 * Runs inside one shadow namespace: listens on every port that others try, says so, and on a line from its stdin tries
 * every probe of its own. A process of its own because a namespace belongs to a process.
 */
import { createSocket } from 'node:dgram'
import { createServer, connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import type { GatewayTask, Outcome, ProbeResult, ProberTask, outsideLabel as labelOfOutside } from './probe.ts'

type Item = ProberTask['probes'][number]

/** Said again: this runs once for each identity, and loads nothing that it can do without. */
const outsideLabel: typeof labelOfOutside = 'outside'

const atOnce = 256
/** On a busy machine what has arrived may not have been read yet: who was let in is given that many times the time to be heard. */
const patience = 20
const turnsToRead = 20

async function main(): Promise<void> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const task = JSON.parse((await lines.next()).value as string) as ProberTask
  await Promise.all([...task.listen.tcp.map((p) => listenTcp(p, task.label)), ...task.listen.udp.flatMap((p) => (task.listen.udpAt ?? ['::']).map((at) => listenUdp(p, at, task.label)))])
  process.stdout.write('ready\n')
  await lines.next()
  const tcp = task.probes.filter((p) => p.protocol === 'tcp')
  const udp = Map.groupBy(task.probes.filter((p) => p.protocol === 'udp'), (p) => `${p.family} ${p.localAddress ?? ''}`)
  const answers = await Promise.all([inParallel(tcp, (p) => tryTcp(p, task.timeoutMs)), ...[...udp.values()].map((list) => tryUdp(list, task.timeoutMs)), ...(task.gateways === undefined ? [] : [tryGateways(task.gateways, task.timeoutMs)])])
  const results = answers.flat()
  process.stdout.write(`${JSON.stringify(results)}\n`)
  // Others may still be trying us.
  await lines.next()
  process.exit(0)
}

/** Most platforms have none, and then nothing of it is loaded. */
async function tryGateways(what: GatewayTask, timeoutMs: number): Promise<readonly ProbeResult[]> {
  const { probeGateways } = await import('./gateway-prober.ts')
  return probeGateways(what, timeoutMs)
}

function listenTcp(port: number, label: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end(label)
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', (error: NodeJS.ErrnoException) => (mayBeTaken(label, error) ? resolve() : reject(error)))
  server.listen({ port, host: '::', backlog: 1024 }, resolve)
  return promise
}

/** A server that plays the outside may have the port already; then it answers in our place, without our label. */
function mayBeTaken(label: string, error: NodeJS.ErrnoException): boolean {
  return label === outsideLabel && (error.code === 'EADDRINUSE' || error.code === 'EADDRNOTAVAIL')
}

function listenUdp(port: number, at: string, label: string): Promise<void> {
  const socket = createSocket({ type: at.includes(':') ? 'udp6' : 'udp4' })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('error', (error: NodeJS.ErrnoException) => (mayBeTaken(label, error) ? resolve() : reject(error)))
  socket.on('message', (_, from) => socket.send(label, from.port, from.address, () => undefined))
  socket.bind(port, at, resolve)
  return promise
}

function tryTcp(probe: Item, timeoutMs: number): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>()
  const socket = connect({ host: probe.address, port: probe.port, ...(probe.localAddress === undefined ? {} : { localAddress: probe.localAddress }) })
  let heard = ''
  let connected = false
  let over = false
  const done = (outcome: Outcome, detail: string): void => {
    over = true
    clearTimeout(timer)
    socket.destroy()
    resolve({ id: probe.id, outcome, detail })
  }
  // In the namespace that plays the outside others may serve: whoever answers there, the way out is open.
  const connectedTo: Outcome = probe.expectLabel === outsideLabel ? 'open' : 'other'
  const expired = (): void => {
    if (over) return
    if (!connected) return done('silent', '')
    // Outside, to be connected is enough: a server there may wait for us to speak.
    if (connectedTo === 'open') return done('open', 'connected, said nothing')
    timer = setTimeout(() => done(connectedTo, 'connected, said nothing'), timeoutMs * patience)
  }
  // Timers come before what was received: this one lets that go first.
  let timer = setTimeout(() => setImmediate(expired), timeoutMs)
  socket.on('connect', () => void (connected = true))
  socket.on('data', (chunk: Buffer) => void (heard += chunk.toString('latin1').slice(0, 100)))
  socket.on('end', () => done(heard === probe.expectLabel ? 'open' : connectedTo, heard))
  socket.on('error', (error) => done(connected ? connectedTo : 'refused', (error as NodeJS.ErrnoException).code ?? error.message))
  return promise
}

/**
 * All datagrams of one local address and family leave from one socket, and again half-way, since a busy machine may lose some.
 * A refusal of a datagram shows as silence.
 */
async function tryUdp(probes: readonly Item[], timeoutMs: number): Promise<readonly ProbeResult[]> {
  const first = probes[0]
  if (first === undefined) return []
  const socket = createSocket(first.family === 4 ? 'udp4' : 'udp6')
  const heard = new Map<string, string>()
  // The router's refusals come back as errors of the socket; which datagram they mean, it does not say.
  socket.on('error', () => undefined)
  socket.on('message', (message, from) => void heard.set(`${from.address} ${from.port}`, message.toString('latin1').slice(0, 100)))
  const bound = Promise.withResolvers<void>()
  socket.bind(0, first.localAddress, () => bound.resolve())
  await bound.promise
  const key = (p: Item): string => `${p.address} ${p.port}`
  for (const round of [0, 1]) {
    for (const p of probes) if (round === 0 || !heard.has(key(p))) socket.send('probe', p.port, p.address, () => undefined)
    await sleep(timeoutMs / 2)
    for (let i = 0; i < turnsToRead; i++) await turn()
  }
  socket.close()
  return probes.map((p): ProbeResult => {
    const answer = heard.get(key(p))
    return { id: p.id, outcome: answer === undefined ? 'silent' : answer === p.expectLabel || p.expectLabel === outsideLabel ? 'open' : 'other', detail: answer ?? '' }
  })
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
