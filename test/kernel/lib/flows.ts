/** First packets of flows, and what becomes of them and of their answers. */
import { describe, packet } from './packet.ts'
import type { Protocol } from '../../../src/net/protocol.ts'
import type { Transport } from './packet.ts'
import type { Router } from './router.ts'

export interface End {
  /** Where it is: an attachment's interface, or `outside`. */
  readonly name: string
  readonly ipv4: string
  readonly ipv6: string
}

export const ends = {
  a: { name: 'bhw0', ipv4: '10.128.0.10', ipv6: 'fdbb:1::10' },
  b: { name: 'bhw1', ipv4: '10.128.0.11', ipv6: 'fdbb:1::11' },
  c: { name: 'bhw2', ipv4: '10.128.0.12', ipv6: 'fdbb:1::12' },
} as const satisfies Readonly<Record<string, End>>

export type IpFamily = 'ipv4' | 'ipv6'

export interface Outcome {
  /** The first packet arrived at the destination, and nowhere else. */
  readonly there: boolean
  /** The answer to it arrived at the initiator, from the address that was asked. */
  readonly back?: boolean
  /** How the router refused: flags of a reset, or type and code of an error. */
  readonly answer?: string
}

export function crafted(family: IpFamily, from: End, to: End, payload: Transport): Buffer {
  return packet({ from: from[family], to: to[family], payload })
}

export function lastsTo(name: string): (lines: readonly string[]) => readonly string[] {
  return (lines) => lines.filter((line) => line.startsWith(`${name}: `))
}

let ports = 20_000

/** Sends the first packet of a new flow, and when it arrives answers it. `port` is left out for icmp. */
export async function open(router: Router, family: IpFamily, protocol: Protocol, from: End, to: End, port = 0): Promise<Outcome> {
  const sport = ports++
  const arrived = await router.exchangeRaw([from.name, crafted(family, from, to, first(protocol, family, sport, port))])
  const back = arrived.get(from.name) ?? []
  const elsewhere = [...arrived].filter(([name]) => name !== from.name && name !== to.name).flatMap(([, list]) => list)
  if (elsewhere.length > 0) throw new Error(`arrived at a third end: ${elsewhere.map(describe).join(', ')}`)
  const [there] = from.name === to.name ? [] : arrived.get(to.name) ?? []
  if (there === undefined) {
    const [answer] = back
    return answer === undefined ? { there: false } : { there: false, answer: describe(answer).split(' ').at(-1) ?? '' }
  }
  const reply = answerTo(there, protocol, family, sport)
  const returned = (await router.exchangeRaw([to.name, reply])).get(from.name) ?? []
  const expected = `${to[family]}`
  return { there: true, back: returned.some((data) => describe(data).includes(port === 0 ? ` ${expected} >` : family === 'ipv4' ? ` ${expected}:${port} >` : ` [${expected}]:${port} >`)) }
}

function first(protocol: Protocol, family: IpFamily, sport: number, dport: number): Transport {
  switch (protocol) {
    case 'tcp': return { kind: 'tcp', sport, dport, flags: 'S', seq: 1000 }
    case 'udp': return { kind: 'udp', sport, dport }
    case 'sctp': return { kind: 'sctp', sport, dport, chunk: 1 }
    case 'icmp': return { kind: 'icmp', type: family === 'ipv4' ? 8 : 128, rest: sport << 16 }
  }
}

/** What a server would send back to the ends that it sees. */
function answerTo(data: Buffer, protocol: Protocol, family: IpFamily, sport: number): Buffer {
  const [, from = '', , to = ''] = describe(data).split(' ')
  if (protocol === 'icmp') {
    const rest = data.readUInt32BE(family === 'ipv4' ? 24 : 44)
    return packet({ from: to, to: from, payload: { kind: 'icmp', type: family === 'ipv4' ? 0 : 129, rest } })
  }
  const [client, server] = [from, to].map(split)
  if (client === undefined || server === undefined) throw new Error(`cannot answer ${describe(data)}, sent from port ${sport}`)
  const swapped = { sport: server.port, dport: client.port }
  const payload: Transport = protocol === 'tcp'
    ? { kind: 'tcp', ...swapped, flags: 'SA', seq: 5000, ack: 1001 }
    : protocol === 'udp' ? { kind: 'udp', ...swapped } : { kind: 'sctp', ...swapped, chunk: 2, tag: 1 }
  return packet({ from: server.host, to: client.host, payload })
}

function split(text: string): { readonly host: string; readonly port: number } {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) }
}
