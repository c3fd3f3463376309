/**
 * Both gateways, workloads, outside servers and a resolver on one network namespace's loopback. Runs inside a namespace of its own.
 * Connections from the source ports of `dial` are led to the outbound gateway as a router would lead them.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { connect, createServer } from 'node:net'
import * as tls from 'node:tls'
import dns from 'dns-packet'
import { addressFromBits } from '../../../src/net/address.ts'
import { envoyArguments } from '../../../src/engines/envoy/bootstrap.ts'
import { findEnvoy } from '../../../src/engines/envoy/binary.ts'
import { intentOf, inventoryOf } from '../../../src/engines/envoy/testing.ts'
import { namesPortOf } from '../../../src/engines/envoy/inventory.ts'
import { prepare, untilReady } from '../../../src/engines/envoy/apply.ts'
import { render } from '../../../src/engines/envoy/render.ts'
import { secretText } from '../../../src/engines/envoy/secrets.ts'
import { workloadSpiffeId } from '../../../src/model/workload-id.ts'
import { authority } from './gateway-authority.ts'
import type { Authority } from './gateway-authority.ts'
import type { EnvoyArtefacts, GatewayFiles } from '../../../src/engines/envoy/render.ts'
import type { GatewayInventory } from '../../../src/engines/envoy/inventory.ts'
import type { Platform } from '../../../src/model/platform.ts'
import type { SecretMaterial, SecretNeed } from '../../../src/engines/envoy/secrets.ts'
import type { Socket } from 'node:net'

export const own = { outbound: 'outbound', inbound: 'inbound' } as const
export type Side = keyof typeof own

/** First and last source port of `dial`; everybody else gets higher ones. */
const led = { from: 20_000, to: 29_999 }

export function wire(): void {
  const script = [
    'ip link set lo up',
    ...['10.128.0.4', '10.128.0.5', ...Array.from({ length: 8 }, (_, i) => `10.128.0.${16 + i}`), '198.51.100.10', '198.51.100.20', '192.0.2.1', '203.0.113.9'].map((a) => `ip addr add ${a}/32 dev lo`),
    'echo "30000 60999" >/proc/sys/net/ipv4/ip_local_port_range',
    'echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start',
  ].join('\n')
  execFileSync('sh', ['-e', '-c', script])
  execFileSync('nft', ['-f', '-'], {
    input: [
      'table ip lead {', 'chain output {', 'type nat hook output priority -100',
      `ip saddr 10.128.0.16/28 ip daddr 10.128.0.0/16 ip daddr != 10.128.0.4 tcp sport ${led.from}-${led.to} redirect to :15002`,
      ...Array.from({ length: 16 }, (_, i) => `ip saddr 10.128.0.${16 + i} ip daddr != 10.128.0.4 tcp sport ${led.from}-${led.to} redirect to :${namesPortOf(addressFromBits(4, BigInt(0x0a80_0010 + i)))}`),
      '}', '}', '',
    ].join('\n'),
  })
}

let lastPort = led.from

/** The source port of the last `dial`. */
export const lastLedPort = (): number => lastPort

/** A connection as that address; led if it is a workload's. */
export function dial(source: string, address: string, port: number): Socket {
  lastPort++
  return connect({ host: address, port, localAddress: source, localPort: lastPort })
}

/** What came until the end, or until nothing more came for a while; `closed` when the connection was refused or reset. */
export function said(socket: Socket | tls.TLSSocket, send = '', quiet = 250): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    let timer = setTimeout(() => done(text), 4_000)
    const done = (value: string): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(value)
    }
    socket.on('data', (part) => {
      text += part.toString('latin1')
      clearTimeout(timer)
      timer = setTimeout(() => done(text), quiet)
    })
    socket.on('error', () => done(text === '' ? 'closed' : text)).on('close', () => done(text === '' ? 'closed' : text))
    socket.on(socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect', () => socket.write(send))
  })
}

export function secure(under: Socket, options: tls.ConnectionOptions): tls.TLSSocket {
  return tls.connect({ socket: under, ...options })
}

/** A server that says its name, and what it was sent. */
export function serve(address: string, port: number, name: string, certificate?: tls.SecureContextOptions): Promise<void> {
  const answer = (socket: Socket): void => {
    socket.on('error', () => undefined).on('data', (part) => {
      const text = part.toString('latin1')
      if (!/^[A-Z]+ \S+ HTTP/.test(text)) return socket.write(`${name}: ${text}`)
      if (/^upgrade: websocket\r$/im.test(text)) return socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
      const body = `${name}\n${text}`
      return socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body, 'latin1')}\r\n\r\n${body}`, 'latin1')
    })
  }
  const server = certificate === undefined ? createServer(answer) : tls.createServer(certificate, answer)
  return new Promise((listening) => server.listen(port, address, listening))
}

/** Answers from a table; what is not in it does not exist. */
export function resolve(address: string, names: Readonly<Record<string, string>>): Promise<void> {
  const server = createSocket('udp4')
  server.on('message', (message, from) => {
    const query = dns.decode(message)
    const [question] = query.questions ?? []
    const found = names[question?.name ?? '']
    const answers = found === undefined || question?.type !== 'A' ? [] : [{ type: 'A', name: question.name, ttl: 1, data: found } as const]
    server.send(dns.encode({ type: 'response', id: query.id ?? 0, flags: found === undefined ? 3 : 0, questions: query.questions ?? [], answers: [...answers] }), from.port, from.address)
  })
  return new Promise((listening) => server.bind(53, address, listening))
}

export interface Gateways {
  readonly folder: (side: Side) => string
  readonly rendered: (platform: Platform) => EnvoyArtefacts
  /** Writes secrets that are not there yet. */
  readonly supply: (artefacts: EnvoyArtefacts) => Promise<void>
  readonly own: Authority
  readonly log: (side: Side) => readonly Record<string, unknown>[]
}

/** Both gateways of a platform, in force. `supplied`: what operators wrote, by the file that they named. */
export async function gateways(base: string, platform: Platform, supplied: Readonly<Record<string, SecretMaterial>>, keySets: GatewayInventory['keySets'], domain: Authority): Promise<Gateways> {
  const envoy = findEnvoy()
  if (envoy === undefined) throw new Error('no envoy')
  const folder = (side: Side): string => join(base, side)
  const rendered = (of: Platform): EnvoyArtefacts => {
    // Each side names its own folder, so that both can share a namespace of files.
    const [out, into] = (['outbound', 'inbound'] as const).map((side) => render(of, intentOf(of), { ...inventoryOf(of, folder(side)), keySets }, { now: Date.now() }))
    if (out === undefined || into === undefined) throw new Error('nothing rendered')
    return { ...out, inbound: into.inbound }
  }
  const materialOf = async (need: SecretNeed): Promise<SecretMaterial> => {
    switch (need.kind) {
      case 'svid': return { kind: 'certificate', ...domain.issue({ uri: workloadSpiffeId(domain.name, need.workload) }) }
      case 'server': return { kind: 'certificate', ...domain.issue({ dns: need.hosts[0] ?? 'any.example.org' }) }
      case 'bundle': return { kind: 'bundle', roots: new Map(need.trustDomains.map((name) => [name, name === domain.name ? domain.root : (supplied[name] as { roots: string } | undefined)?.roots ?? domain.root])) }
      case 'seal': return { kind: 'secret', text: 'ab'.repeat(16) }
      case 'certificate': return supplied[need.certificateFile] ?? { kind: 'secret', text: '' }
      case 'ca': return supplied[need.caFile] ?? { kind: 'secret', text: '' }
      case 'client-secret': return supplied[need.secretFile] ?? { kind: 'secret', text: '' }
    }
  }
  const given = new Set<string>()
  const supply = async (artefacts: EnvoyArtefacts): Promise<void> => {
    for (const side of ['outbound', 'inbound'] as const) {
      mkdirSync(folder(side), { recursive: true })
      for (const need of artefacts[side].needs) {
        const path = join(folder(side), need.file)
        if (given.has(path)) continue
        given.add(path)
        writeFileSync(path, secretText(need, await materialOf(need)))
      }
    }
  }
  const first = rendered(platform)
  await supply(first)
  for (const side of ['outbound', 'inbound'] as const) {
    const files: GatewayFiles = first[side]
    await prepare(files, folder(side))
    const log = openSync(join(folder(side), 'envoy.log'), 'a')
    spawn(envoy, envoyArguments(folder(side)), { stdio: ['ignore', log, log] })
    await untilReady(files, { folder: folder(side) }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${readFileSync(join(folder(side), 'envoy.log'), 'utf8').slice(-3000)}`)
    })
  }
  const log = (side: Side): readonly Record<string, unknown>[] => readFileSync(join(folder(side), 'access.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
  return { folder, rendered, supply, own: domain, log }
}

export { authority }
