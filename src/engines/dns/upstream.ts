/**
 * Asks the servers upstream: from a new port with a new number each time, one server after the other, and those that were silent again,
 * because datagrams are lost; all within one deadline.
 */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { parseAddress } from '../../net/address.ts'
import { encodeQuestion, readUpstream } from './upstream-answer.ts'
import { frame, unframe } from './framing.ts'
import type { UpstreamAnswer } from './answer.ts'
import type { ReadUpstream, UpstreamQuestion } from './upstream-answer.ts'

export interface Server {
  readonly address: string
  readonly port: number
}

export type Asked = { readonly kind: 'answer'; readonly answer: UpstreamAnswer } | { readonly kind: 'failed'; readonly why: string }

/** `name` is canonical. Never rejects. */
export type Ask = (name: string, type: 'A' | 'AAAA') => Promise<Asked>

export interface Upstream {
  readonly ask: Ask
  readonly setServers: (servers: readonly Server[]) => void
}

export interface UpstreamOptions {
  /** Milliseconds for one server, each time that it is asked; 1,500 when unsaid. Clients commonly give up after 5 s. */
  readonly serverMs?: number
  /** How often a server that stays silent is asked; three times when unsaid. */
  readonly rounds?: number
  /** Milliseconds in all; 4,500 when unsaid. */
  readonly totalMs?: number
  /** Questions at a time; 512 when unsaid. */
  readonly inFlight?: number
}

/** Wrong answers to one question after which somebody is guessing, and TCP is asked instead. */
const foreignMost = 8

export function createUpstream(options: UpstreamOptions = {}): Upstream {
  const { serverMs = 1500, rounds = 3, totalMs = 4500, inFlight = 512 } = options
  let servers: readonly Server[] = []
  let asking = 0

  async function ask(name: string, type: 'A' | 'AAAA'): Promise<Asked> {
    if (asking >= inFlight) return { kind: 'failed', why: 'too many questions are on their way' }
    asking += 1
    try {
      const deadline = performance.now() + totalMs
      let why = 'there is no server upstream'
      let left = servers
      for (let round = 0; round < rounds && left.length > 0; round++) {
        const silent: Server[] = []
        for (const server of left) {
          const ms = Math.min(serverMs, deadline - performance.now())
          if (ms <= 0) return { kind: 'failed', why }
          const read = await askServer(server, { id: randomInt(0x10000), name, type }, ms)
          if (read.kind === 'answer') return read
          why = `${server.address}: ${read.kind === 'silent' ? 'no answer' : read.why}`
          // Who has said no says no again; whom nothing has reached may say something yet.
          if (read.kind === 'silent') silent.push(server)
        }
        left = silent
      }
      return { kind: 'failed', why }
    } finally {
      asking -= 1
    }
  }

  return {
    ask,
    setServers: (given) => {
      servers = given
    },
  }
}

/** `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`; `undefined` for anything else. */
export function parseServer(text: string): Server | undefined {
  const [, six, four, bare, port = '53'] = /^(?:\[([0-9a-f:]+)\]|([0-9.]+)|([0-9a-f:]*:[0-9a-f:]*:[0-9a-f:.]*))(?::([0-9]{1,5}))?$/i.exec(text) ?? []
  const address = six ?? four ?? bare
  const number = Number(port)
  return address === undefined || parseAddress(address) === undefined || number < 1 || number > 65_535 ? undefined : { address, port: number }
}

type Final = Extract<ReadUpstream, { readonly kind: 'answer' | 'failed' }>
type OverUdp = Final | { readonly kind: 'truncated' } | { readonly kind: 'silent' }

async function askServer(server: Server, question: UpstreamQuestion, ms: number): Promise<Final | { readonly kind: 'silent' }> {
  const sent = encodeQuestion(question)
  const ends = performance.now() + ms
  const read = await overUdp(server, sent, question, ms)
  if (read.kind !== 'truncated') return read
  const left = ends - performance.now()
  return left <= 0 ? { kind: 'failed', why: 'late' } : overTcp(server, sent, question, left)
}

/** The socket is connected, so that the kernel passes on nothing but what comes from the server's address and port. */
function overUdp(server: Server, sent: Buffer, question: UpstreamQuestion, ms: number): Promise<OverUdp> {
  const { promise, resolve } = Promise.withResolvers<OverUdp>()
  const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4')
  let done = false
  let foreign = 0
  const end = (result: OverUdp): void => {
    if (done) return
    done = true
    clearTimeout(timer)
    socket.close()
    resolve(result)
  }
  const fail = (error: Error): void => end({ kind: 'failed', why: error.message })
  const timer = setTimeout(() => end({ kind: 'silent' }), ms)
  socket.on('message', (message) => {
    const read = readUpstream(message, sent, question)
    if (read.kind !== 'foreign') return end(read)
    foreign += 1
    if (foreign >= foreignMost) end({ kind: 'truncated' })
  })
  let tries = 5
  // The kernel would choose among 28,000 ports; here are more, and nothing else of this machine shows in the choice.
  const bind = (): void => void socket.bind({ port: tries === 0 ? 0 : randomInt(10_000, 65_536), exclusive: true })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE' || tries === 0) return fail(error)
    tries -= 1
    if (!done) bind()
  })
  socket.on('listening', () => {
    if (done) return
    socket.connect(server.port, server.address, () => {
      if (!done) socket.send(sent, (error) => error !== null && fail(error))
    })
  })
  bind()
  return promise
}

function overTcp(server: Server, sent: Buffer, question: UpstreamQuestion, ms: number): Promise<Final> {
  const { promise, resolve } = Promise.withResolvers<Final>()
  const socket = connect({ host: server.address, port: server.port })
  const once = onlyOnce((result: Final) => {
    clearTimeout(timer)
    socket.destroy()
    resolve(result)
  })
  const timer = setTimeout(() => once({ kind: 'failed', why: 'no answer over tcp' }), ms)
  const take = unframe(65_535, (message) => {
    const read = readUpstream(message, sent, question)
    once(read.kind === 'answer' || read.kind === 'failed' ? read : { kind: 'failed', why: `${read.kind} over tcp` })
  })
  socket.on('data', (chunk) => take(chunk))
  socket.on('error', (error) => once({ kind: 'failed', why: error.message }))
  socket.on('close', () => once({ kind: 'failed', why: 'closed without an answer' }))
  socket.write(frame(sent))
  return promise
}

function onlyOnce<T>(then: (value: T) => void): (value: T) => void {
  let done = false
  return (value) => {
    if (done) return
    done = true
    then(value)
  }
}
