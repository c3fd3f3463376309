/** A TCP connection made of hand-written packets, so that no kernel retries or resets on its own. */
import { describe, packet } from './packet.ts'
import type { End, IpFamily } from './flows.ts'
import type { Router } from './router.ts'

export interface Connection {
  /** Sends some data each way and says which of it arrived. */
  readonly talk: () => Promise<{ readonly there: boolean; readonly back: boolean }>
  /** A data packet of it as its sender writes it. */
  readonly packet: (way: 'there' | 'back') => Buffer
}

let ports = 40_000

/** Opens it with a full handshake; `to` may be a published address. A handshake that does not come through is an error. */
export async function connect(router: Router, family: IpFamily, from: End, to: End, port: number): Promise<Connection> {
  const client = { host: from[family], port: ports++ }
  const server = { host: to[family], port }
  const syn = tcp(client, server, 'S', 1000, 0)
  const seen = (await router.exchangeRaw([from.name, syn])).get(to.name)?.[0]
  if (seen === undefined) throw new Error(`no handshake from ${client.host} to ${server.host}:${port}`)
  // What the server sees, after translation.
  const [, peer = '', , self = ''] = describe(seen).split(' ')
  const [far, near] = [split(peer), split(self)]
  await router.exchangeRaw([to.name, tcp(near, far, 'SA', 5000, 1001)])
  await router.exchangeRaw([from.name, tcp(client, server, 'A', 1001, 5001)])
  let [up, down] = [1001, 5001]
  const arrived = async (at: End, sender: End, data: Buffer): Promise<boolean> =>
    ((await router.exchangeRaw([sender.name, data])).get(at.name) ?? []).some((p) => describe(p).endsWith(' PA'))
  return {
    packet: (way) => (way === 'there' ? tcp(client, server, 'PA', up, down, 'hello') : tcp(near, far, 'PA', down, up, 'world')),
    talk: async () => {
      const there = await arrived(to, from, tcp(client, server, 'PA', up, down, 'hello'))
      if (there) up += 5
      const back = await arrived(from, to, tcp(near, far, 'PA', down, up, 'world'))
      if (back) down += 5
      return { there, back }
    },
  }
}

interface Socket {
  readonly host: string
  readonly port: number
}

function tcp(from: Socket, to: Socket, flags: string, seq: number, ack: number, data = ''): Buffer {
  return packet({ from: from.host, to: to.host, payload: { kind: 'tcp', sport: from.port, dport: to.port, flags, seq, ack, data } })
}

function split(text: string): Socket {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) }
}
