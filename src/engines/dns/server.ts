/** The resolver's sockets: UDP and TCP on every address that it has. What a query means is not decided here. */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { frame, unframe } from './framing.ts'
import { largestQuery } from './question.ts'
import type { Socket as UdpSocket } from 'node:dgram'
import type { Server as TcpServer, Socket } from 'node:net'
import type { Resolver } from './resolver.ts'

export interface Listening {
  readonly address: string
  readonly port: number
}

export interface DnsServer {
  readonly listening: readonly Listening[]
  readonly close: () => Promise<void>
}

/** Connections in all and for each address; queries that one connection has under way; milliseconds of silence, and for one message to come. */
const tcpLimits: Readonly<Record<'connections' | 'perAddress' | 'underWay' | 'idleMs' | 'messageMs', number>> = { connections: 512, perAddress: 16, underWay: 16, idleMs: 10_000, messageMs: 5000 }

/** Rejects when an address cannot be had. Port 0 takes any that is free for both transports. */
export async function startServer(listen: readonly Listening[], handle: Resolver['handle'], limits: Partial<typeof tcpLimits> = {}): Promise<DnsServer> {
  const within = { ...tcpLimits, ...limits }
  const closers: (() => Promise<void>)[] = []
  const listening: Listening[] = []
  const close = async (): Promise<void> => void await Promise.all(closers.map((each) => each()))
  try {
    for (const { address, port } of listen) {
      const tcp = await listenTcp(address, port, handle, within)
      closers.push(tcp.close)
      closers.push(await listenUdp(address, tcp.port, handle))
      listening.push({ address, port: tcp.port })
    }
  } catch (error) {
    await close()
    throw error
  }
  return { listening, close }
}

async function listenUdp(address: string, port: number, handle: Resolver['handle']): Promise<() => Promise<void>> {
  const six = address.includes(':')
  const socket: UdpSocket = createSocket(six ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' })
  socket.on('message', (message, from) => {
    void handle(message, { address: from.address, transport: 'udp' }).then((reply) => {
      // A client that has gone away is its own business.
      if (reply !== undefined) socket.send(reply, from.port, from.address, () => undefined)
    })
  })
  const bound = Promise.withResolvers<void>()
  socket.once('error', bound.reject)
  socket.bind({ address, port, exclusive: true }, bound.resolve)
  await bound.promise
  socket.removeAllListeners('error')
  socket.on('error', () => undefined)
  return () => new Promise((resolve) => void socket.close(() => resolve()))
}

async function listenTcp(
  address: string, port: number, handle: Resolver['handle'], limits: typeof tcpLimits,
): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const open = new Set<Socket>()
  const perAddress = new Map<string, number>()
  const server: TcpServer = createServer((socket) => {
    const from = socket.remoteAddress
    const many = perAddress.get(from ?? '') ?? 0
    if (from === undefined || open.size >= limits.connections || many >= limits.perAddress) {
      socket.destroy()
      return
    }
    open.add(socket)
    perAddress.set(from, many + 1)
    socket.on('close', () => {
      open.delete(socket)
      const left = (perAddress.get(from) ?? 1) - 1
      if (left > 0) perAddress.set(from, left)
      else perAddress.delete(from)
    })
    serveConnection(socket, from, handle, limits)
  })
  const bound = Promise.withResolvers<void>()
  server.once('error', bound.reject)
  server.listen({ host: address, port, ipv6Only: true, exclusive: true }, bound.resolve)
  await bound.promise
  const there = server.address()
  return {
    port: typeof there === 'object' && there !== null ? there.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}

function serveConnection(socket: Socket, address: string, handle: Resolver['handle'], limits: typeof tcpLimits): void {
  let underWay = 0
  let late: NodeJS.Timeout | undefined
  socket.on('error', () => undefined)
  socket.setTimeout(limits.idleMs, () => socket.destroy())
  const take = unframe(largestQuery, (message) => {
    clearTimeout(late)
    late = undefined
    underWay += 1
    if (underWay >= limits.underWay) socket.pause()
    // A message belongs to its own reader: the buffer behind it is used again.
    void handle(Uint8Array.from(message), { address, transport: 'tcp' }).then((reply) => {
      underWay -= 1
      if (reply === undefined || socket.destroyed) return socket.destroy()
      socket.write(frame(reply))
      // A client that does not read its answers gets no more of them.
      if (socket.writableLength > 65_536) socket.destroy()
      else socket.resume()
    })
  })
  socket.on('data', (chunk) => {
    // From its first byte on: a message that trickles in for ever would hold its connection for ever.
    late ??= setTimeout(() => socket.destroy(), limits.messageMs)
    if (!take(chunk)) socket.destroy()
  })
  socket.on('close', () => clearTimeout(late))
}
