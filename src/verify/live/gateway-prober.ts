/** What a prober tries at gateways and resolver: names asked for, handshakes with servers outside, requests from outside. */
import { createSocket } from 'node:dgram'
import { request as httpsRequest } from 'node:https'
import { connect as dial } from 'node:net'
import { connect } from 'node:tls'
import { decode } from 'dns-packet'
import { tryDoor } from './door-prober.ts'
import { tryPeer, tryReach } from './peer-prober.ts'
import { encodeQuestion } from '../../engines/dns/upstream-answer.ts'
import type { GatewayTask, ProbeResult, RequestProbe } from './probe.ts'

/** A gateway looks a name up and connects in its turn: it is given that many times the time. */
const patience = 4
const atOnce = 32
/** More than the resolver waits for the servers that it asks: that these are silent is its answer, too. */
const lookUpMs = 6_000
const askAgainMs = 2_000

export async function probeGateways({ nameServer, names, servers, requests, doors = [], reaches = [], peers = [] }: GatewayTask, timeoutMs: number): Promise<readonly ProbeResult[]> {
  const longMs = timeoutMs * patience
  const parts = await Promise.all([
    inTurn(names, async ({ id, name }) => [toResult(id, await lookUp(nameServer, name))]),
    inTurn(servers, async (server) => tryServer(server, await lookUp(nameServer, server.name), timeoutMs, longMs)),
    inTurn(doors, async (probe) => [await tryDoor(probe, longMs)]),
    inTurn(reaches, async (probe) => [await tryReach(probe, longMs)]),
    inTurn(peers, async (probe) => [await tryPeer(probe, async (name) => (await lookUp(nameServer, name)).addresses[0], longMs)]),
    inTurn(requests, async (probe) => [await (probe.request === undefined ? tryHandshake(probe, longMs) : tryRequest(probe, probe.request, timeoutMs, longMs))]),
  ])
  return parts.flat()
}

interface Found {
  readonly code: string
  readonly addresses: readonly string[]
}

function toResult(id: number, { code, addresses }: Found): ProbeResult {
  if (code === 'NOERROR') return { id, outcome: 'open', detail: [...addresses].sort().join(' ') }
  return { id, outcome: code === 'REFUSED' ? 'refused' : code === '' ? 'silent' : 'other', detail: code }
}

/** IPv4 alone, and again once: what a busy machine lost. */
async function lookUp(server: string | undefined, name: string): Promise<Found> {
  if (server === undefined) return { code: '', addresses: [] }
  const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4')
  const { promise, resolve } = Promise.withResolvers<Found>()
  const id = 1 + Math.floor(Math.random() * 65_000)
  const ask = (): void => socket.send(encodeQuestion({ id, name, type: 'A' }), 53, server, () => undefined)
  socket.on('error', () => undefined)
  socket.on('message', (message) => {
    const reply = decode(message) as ReturnType<typeof decode> & { readonly rcode?: string }
    if (reply.id === id) resolve({ code: reply.rcode ?? '', addresses: (reply.answers ?? []).flatMap((a) => (a.type === 'A' ? [a.data] : [])) })
  })
  ask()
  const again = setTimeout(ask, askAgainMs)
  const late = setTimeout(() => resolve({ code: '', addresses: [] }), lookUpMs)
  const found = await promise
  clearTimeout(again)
  clearTimeout(late)
  socket.close()
  return found
}

async function tryServer({ id, name, port, misses }: GatewayTask['servers'][number], { code, addresses: [address] }: Found, timeoutMs: number, longMs: number): Promise<readonly ProbeResult[]> {
  if (address === undefined) {
    const why = `\`${name}\` has no address: ${code === '' ? 'nobody answers' : code}`
    return [id, ...misses.map((miss) => miss.id)].map((each): ProbeResult => ({ id: each, outcome: 'other', detail: why }))
  }
  const others = await Promise.all([
    greet(address, port, name, longMs).then((answered): ProbeResult => (answered ? { id, outcome: 'open', detail: '' } : { id, outcome: 'other', detail: `nobody answers for \`${name}\` at port ${port}` })),
    ...misses.map(async (miss): Promise<ProbeResult> => ({ id: miss.id, outcome: (await greet(address, miss.port, miss.sni, timeoutMs)) ? 'open' : 'refused', detail: '' })),
  ])
  return others
}

/** Begins TLS, and ends when the server has said anything. Gateways that only lead on say nothing of their own. */
async function greet(address: string, port: number, sni: string, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const tcp = dial({ host: address, port })
  const done = (): void => resolve(undefined)
  const timer = setTimeout(done, timeoutMs)
  // Whose certificate it is shall be judged by who uses it.
  const socket = connect({ socket: tcp, servername: sni, rejectUnauthorized: false })
  for (const each of [tcp, socket]) each.on('error', done).on('close', done)
  socket.on('secureConnect', done)
  await promise
  clearTimeout(timer)
  const said = tcp.bytesRead > 0
  socket.destroy()
  tcp.destroy()
  return said
}

async function tryHandshake({ id, address, port, localAddress, sni }: RequestProbe, timeoutMs: number): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>()
  const tcp = dial({ host: address, port, localAddress })
  const socket = connect({ socket: tcp, servername: sni, rejectUnauthorized: false })
  const timer = setTimeout(() => resolve({ id, outcome: 'silent', detail: '' }), timeoutMs)
  socket.on('secureConnect', () => resolve({ id, outcome: 'open', detail: '' }))
  for (const each of [tcp, socket]) each.on('error', (error: NodeJS.ErrnoException) => resolve({ id, outcome: 'refused', detail: error.code ?? error.message }))
  const result = await promise
  clearTimeout(timer)
  socket.destroy()
  tcp.destroy()
  return result
}

/** `open` with the status that came, or how the connection ended. */
async function tryRequest({ id, address, port, localAddress, sni }: RequestProbe, { host, method, path }: NonNullable<RequestProbe['request']>, timeoutMs: number, longMs: number): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>()
  const asked = httpsRequest({ host: address, port, localAddress, servername: sni, rejectUnauthorized: false, agent: false, method, path, headers: { host } })
  const silent = (): void => resolve({ id, outcome: 'silent', detail: '' })
  let timer = setTimeout(silent, timeoutMs)
  // Who was let in is waited for.
  asked.on('socket', (socket) => socket.once('connect', () => {
    clearTimeout(timer)
    timer = setTimeout(silent, longMs)
  }))
  asked.on('response', ({ statusCode }) => resolve({ id, outcome: 'open', detail: String(statusCode) }))
  asked.on('error', (error: NodeJS.ErrnoException) => resolve({ id, outcome: 'refused', detail: error.code ?? error.message }))
  asked.end()
  const result = await promise
  clearTimeout(timer)
  asked.destroy()
  return result
}

async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<readonly ProbeResult[]>): Promise<readonly ProbeResult[]> {
  const results: ProbeResult[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) results.push(...await work(item))
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
  return results
}
