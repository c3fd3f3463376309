/** For tests: platforms from documents with an address for every workload, clients, and a server upstream that remembers what it was asked. */
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { decode, encode } from 'dns-packet'
import { hasErrors } from '../../base/diagnostic.ts'
import { compile } from '../../intent/compile.ts'
import { loadPlatform } from '../../model/load.ts'
import { addressFromBits, parseAddress } from '../../net/address.ts'
import { frame, unframe } from './framing.ts'
import { render } from './render.ts'
import type { Answer, DecodedPacket, Packet } from 'dns-packet'
import type { Address } from '../../net/address.ts'
import type { Intent } from '../../intent/intent.ts'
import type { Platform } from '../../model/platform.ts'
import type { DnsInventory, DnsPlace } from './inventory.ts'
import type { DnsArtefacts } from './render.ts'

export const testNow = Date.UTC(2030, 0, 1)

export function addressOf(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new TypeError(`not an address: ${text}`)
  return parsed
}

export function loaded(text: string): { readonly platform: Platform; readonly intent: Intent } {
  const { platform, diagnostics } = loadPlatform([{ path: 'test.yaml', absolute: '/test.yaml', text }], { now: testNow })
  if (platform === undefined) throw new TypeError(JSON.stringify(diagnostics))
  const compiled = compile(platform)
  if (hasErrors(compiled.diagnostics)) throw new TypeError(JSON.stringify(compiled.diagnostics))
  return { platform, intent: compiled.intent }
}

/** One place for each replica, in the order of the documents: `v4(0)` and `v6(0)` for the first. */
export function placesOf(platform: Platform, v4: (n: number) => Address, v6: (n: number) => Address): readonly DnsPlace[] {
  const replicas = [...platform.workloads.values()].flatMap((each) => Array.from({ length: each.replicas }, () => each))
  return replicas.map((each, n) => ({ workload: each.id, phase: each.phase, ipv4: v4(n), ipv6: v6(n), probe: false }))
}

/** 10.128.0.16 and fdbb:1::10 upwards, as on a host. */
export const hostV4 = (n: number): Address => addressFromBits(4, addressOf('10.128.0.16').bits + BigInt(n))
export const hostV6 = (n: number): Address => addressFromBits(6, addressOf('fdbb:1::10').bits + BigInt(n))
/** 127.0.1.1 upwards, from which a test on loopback can really ask. */
export const loopbackV4 = (n: number): Address => addressFromBits(4, addressOf('127.0.1.1').bits + BigInt(n))

export function rendered(text: string, rest: Partial<DnsInventory> = {}, v4 = hostV4): DnsArtefacts {
  const { platform, intent } = loaded(text)
  return render(platform, intent, { places: placesOf(platform, v4, hostV6), peers: [], gateways: [], ...rest }, { now: testNow })
}

// --- clients ------------------------------------------------------------------------------------------------

export interface ClientOptions {
  readonly from: string
  readonly to: { readonly address: string; readonly port: number }
  readonly transport?: 'udp' | 'tcp'
}

/** Sends bytes and gives what comes back, or `undefined` after `waitMs` or when the connection ends. */
export function exchange(message: Uint8Array, { from, to, transport = 'udp' }: ClientOptions, waitMs = 1500): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>()
  if (transport === 'tcp') {
    const socket = connect({ host: to.address, port: to.port, localAddress: from })
    const end = (got: Buffer | undefined): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(got)
    }
    const timer = setTimeout(() => end(undefined), waitMs)
    const take = unframe(65_535, end)
    socket.on('data', (chunk) => take(chunk))
    socket.on('error', () => end(undefined))
    socket.on('close', () => end(undefined))
    socket.write(frame(message))
    return promise
  }
  const socket = createSocket(from.includes(':') ? 'udp6' : 'udp4')
  let done = false
  const end = (got: Buffer | undefined): void => {
    if (done) return
    done = true
    clearTimeout(timer)
    socket.close()
    resolve(got)
  }
  const timer = setTimeout(() => end(undefined), waitMs)
  socket.on('message', end)
  socket.bind({ address: from }, () => socket.send(message, to.port, to.address))
  return promise
}

let lastId = 0

export function queryBytes(name: string, type: string, packet: Partial<Packet> = {}): Buffer {
  lastId = (lastId + 1) & 0xffff
  return encode({ type: 'query', id: lastId, flags: 0x0100, questions: [{ name, type: type as 'A', class: 'IN' }], ...packet })
}

/** With EDNS of that size. */
export function edns(size: number, rest: Readonly<Record<string, unknown>> = {}): Partial<Packet> {
  return { additionals: [{ type: 'OPT', name: '.', udpPayloadSize: size, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [], ...rest } as unknown as Answer] }
}

export interface Told {
  readonly rcode: string
  readonly addresses: readonly string[]
  readonly packet: DecodedPacket & { readonly rcode?: string }
}

export function readReply(message: Uint8Array | undefined): Told | undefined {
  if (message === undefined) return undefined
  const packet = decode(Buffer.from(message)) as Told['packet']
  return { rcode: packet.rcode ?? '', addresses: (packet.answers ?? []).map((answer) => String('data' in answer ? answer.data : '')), packet }
}

export async function lookUp(name: string, type: string, options: ClientOptions & { readonly packet?: Partial<Packet>; readonly waitMs?: number }): Promise<Told | undefined> {
  return readReply(await exchange(queryBytes(name, type, options.packet), options, options.waitMs))
}

// --- upstream -----------------------------------------------------------------------------------------------

export interface StandIn {
  readonly address: string
  readonly port: number
  /** Every question that came, as `TRANSPORT TYPE name` in the spelling in which it came. */
  readonly asked: readonly string[]
  /** The bytes of every message that came. */
  readonly messages: readonly Buffer[]
  readonly forget: () => void
  readonly close: () => Promise<void>
}

/** What the stand-in says to a question: parts of a packet, bytes, or nothing. */
export type Says = (question: { readonly name: string; readonly type: string; readonly transport: 'udp' | 'tcp'; readonly message: Buffer }) => Partial<Packet> | Buffer | undefined

export async function standIn(says: Says, address = '127.0.0.1'): Promise<StandIn> {
  const asked: string[] = []
  const messages: Buffer[] = []
  const reply = (message: Buffer, transport: 'udp' | 'tcp'): Buffer | undefined => {
    messages.push(message)
    const query = decode(message)
    const [question] = query.questions ?? []
    if (question === undefined) return undefined
    asked.push(`${transport} ${question.type} ${question.name}`)
    const said = says({ name: question.name, type: question.type, transport, message })
    if (said === undefined || Buffer.isBuffer(said)) return said
    return encode({ type: 'response', id: query.id, questions: query.questions, ...said, flags: 0x0180 | (said.flags ?? 0) })
  }
  const tcp = createServer((socket) => {
    const take = unframe(65_535, (message) => {
      const said = reply(Buffer.from(message), 'tcp')
      if (said === undefined) socket.destroy()
      else socket.write(frame(said))
    })
    socket.on('data', (chunk) => take(chunk))
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => void tcp.listen({ host: address, port: 0 }, resolve))
  const port = (tcp.address() as { readonly port: number }).port
  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  udp.on('message', (message, from) => {
    const said = reply(message, 'udp')
    if (said !== undefined) udp.send(said, from.port, from.address)
  })
  await new Promise<void>((resolve) => void udp.bind({ address, port }, resolve))
  return {
    address, port, asked, messages,
    forget: () => {
      asked.length = 0
      messages.length = 0
    },
    close: async () => {
      await new Promise<void>((resolve) => void udp.close(() => resolve()))
      await new Promise<void>((resolve) => void tcp.close(() => resolve()))
    },
  }
}

/** Says the same addresses to everybody: `{'pypi.org': ['151.101.0.223', ...]}`; a text that is no address is an alias. */
export function zoneFile(names: Readonly<Record<string, readonly string[]>>, ttl = 60): Says {
  return ({ name, type }) => {
    const answers: Answer[] = []
    let at = name.toLowerCase()
    let known = names[at]
    for (let i = 0; i < 20 && known !== undefined; i++) {
      const [first = ''] = known
      if (parseAddress(first) !== undefined) break
      answers.push({ name: at, type: 'CNAME', ttl, data: first })
      at = first
      known = names[at]
    }
    for (const data of known ?? []) {
      const address = parseAddress(data)
      if (address !== undefined && (address.family === 4 ? 'A' : 'AAAA') === type) answers.push({ name: at, type: type as 'A', ttl, data })
    }
    return { answers, flags: known === undefined ? 3 : 0 }
  }
}
