/**
 * The inbound gateway with what is worth an attack behind it: names of different trust on one port, and workloads that keep every
 * byte that reaches them. Runs inside a namespace of its own.
 */
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { createServer as createHttp2 } from 'node:http2'
import { connect } from 'node:net'
import * as tls from 'node:tls'
import { authority, gateways, resolve, wire } from './gateway-place.ts'
import { keepBytes } from './byte-keeper.ts'
import { agreed, habits, requestsIn } from './http-readers.ts'
import { address, external, federation, ingress, place, platformOf, proxyOf, route, service, workload } from '../../../src/model/testing.ts'
import type { Authority, Issued } from './gateway-authority.ts'
import type { Gateways } from './gateway-place.ts'
import type { ByteKeeper } from './byte-keeper.ts'
import type { IngressProxy, Platform } from '../../../src/model/platform.ts'
import type { Socket } from 'node:net'

export const gatewayAddress = '10.128.0.4'
export const [attacker, bystander] = ['203.0.113.9', '198.51.100.20']
const [web, vault, rpc] = ['10.128.0.16', '10.128.0.17', '10.128.0.20']

const tokens = { kind: 'jwt', issuer: 'https://issuer.example.org', audiences: ['portal'], jwks: { kind: 'file', file: '/etc/bulkhead/keys.json' }, claims: [] } as const
const spiffe = (path: string, domain = 'bulkhead.internal'): string => `spiffe://${domain}/enclave/${path}`
export const ours = spiffe('a/workload/client')
export const theirs = spiffe('lab/workload/store', 'north.example')

/** Each leads to `web`, but `vault`, which nobody here may open. */
const doors: Readonly<Record<string, Partial<IngressProxy>>> = {
  open: { hosts: ['open.example.org'], authentication: { kind: 'none' }, routes: [route('/public*')] },
  socket: { hosts: ['socket.example.org'], authentication: { kind: 'none' }, websocket: true, routes: [route('/public*')] },
  api: { hosts: ['api.example.org'], authentication: tokens, websocket: true, routes: [route('/api/*'), route('/api/admin*', { claims: [{ path: ['role'], values: ['admin'] }] })] },
  apps: { hosts: ['*.apps.example.org'], authentication: tokens, routes: [route('/api/*')] },
  vault: { hosts: ['vault.example.org'], authentication: { kind: 'mtls', caFile: undefined, subjects: [spiffe('a/workload/keeper')] } },
  machines: { hosts: ['machines.example.org'], authentication: { kind: 'mtls', caFile: undefined, subjects: [ours, theirs] }, routes: [route('/*')] },
  partner: { hosts: ['partner.example.org'], authentication: { kind: 'mtls', caFile: '/etc/bulkhead/ca.pem', subjects: ['client.partner.example'] } },
  visitors: { hosts: ['visitors.example.org'], authentication: { kind: 'mtls', caFile: '/etc/bulkhead/ca.pem', subjects: [] } },
  rpc: { hosts: ['rpc.example.org'], authentication: tokens },
  stream: { protocol: 'tcp', hosts: ['stream.example.org'], authentication: { kind: 'mtls', caFile: undefined, subjects: [ours] } },
  mixed: { protocol: 'tcp', hosts: ['mixed.example.org'], authentication: { kind: 'mtls', caFile: undefined, subjects: [ours, theirs] } },
}

export function attackedPlatform(): Platform {
  return platformOf({
    workloads: [workload('a/web', { ports: [8080] }), workload('a/vault', { ports: [8080] }), workload('a/client'), workload('a/keeper'), workload('a/rpc', { ports: [8080] })],
    externals: [external('anyone', ['0.0.0.0/0', '::/0'])],
    gateway: { addresses: [address('198.51.100.1')], httpsPort: 9443, httpPort: 9080, meshPort: 15_443, bundlePort: 8443, bundleCertificate: undefined, at: place() },
    peers: new Map([['north', { kind: 'Peer', name: 'north', trustDomain: 'north.example', bundleEndpoint: { url: 'https://north.example.org/bundle', profile: 'https_web' }, gateway: { host: 'gateway.north.example.org', port: 15_443 }, at: place() }]]),
    servicePolicies: [service('a/sealed', 'a/client', 'a/web', 'tcp 8080', { encryption: 'required' })],
    ingressPolicies: Object.entries(doors).map(([name, proxy]) => ingress(`a/${name}`, 'external:anyone', name === 'vault' || name === 'rpc' ? `a/${name}` : 'a/web', 'tcp 8080', undefined, { proxy: proxyOf(proxy) })),
    federationPolicies: [federation('a/far', { exports: [['peer:north/lab/store', 'a/web', 'tcp 8080']] })],
  })
}

export interface Attacked {
  readonly gateways: Gateways
  readonly web: ByteKeeper
  readonly vault: ByteKeeper
  /** Every field of every request and trailer that a workload behind gRPC read. */
  readonly rpc: string[]
  readonly own: Authority
  readonly north: Authority
  /** Whom the operator's file trusts. */
  readonly partner: Authority
  readonly foreign: Authority
  /** Everything that reached a workload while `attack` ran, as requests on which all readers agree. */
  readonly reached: <T>(attack: () => Promise<T>) => Promise<{ readonly got: T; readonly web: unknown; readonly vault: unknown }>
  /** Every request that any reader reads in anything that has ever reached a workload, each once, where it is not below `/public/` or `/api/`. */
  readonly unwanted: () => readonly string[]
}

/** The issuer's keys, one of each kind that tokens are signed with. */
export const issuer = { ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }), rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }) }

export async function attacked(base: string): Promise<Attacked> {
  wire()
  const [atWeb, atVault] = [await keepBytes(web, 8080, 'web'), await keepBytes(vault, 8080, 'vault')]
  await resolve('10.128.0.5', {})
  const [own, north, partner, foreign] = ['bulkhead.internal', 'north.example', 'partner.example', 'foreign.example'].map(authority) as [Authority, Authority, Authority, Authority]
  const keys = [{ ...issuer.ec.publicKey.export({ format: 'jwk' }), kid: 'ec', alg: 'ES256' }, { ...issuer.rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256' }]
  const made = await gateways(base, attackedPlatform(), { 'north.example': { kind: 'ca', roots: north.root }, '/etc/bulkhead/ca.pem': { kind: 'ca', roots: partner.root } }, new Map([['/etc/bulkhead/keys.json', JSON.stringify({ keys })]]), own)
  return {
    gateways: made, rpc: await keepFields(), web: atWeb, vault: atVault, own, north, partner, foreign,
    reached: async (attack) => {
      atWeb.forget()
      atVault.forget()
      const got = await attack()
      return { got, web: agreed(atWeb.connections()), vault: agreed(atVault.connections()) }
    },
    unwanted: () => [...new Set(habits.flatMap((habit) => [...atWeb.ever(), ...atVault.ever()].flatMap((bytes) => requestsIn(bytes, habit))))].filter((request) => !/^[A-Z]+ \/(public|api\/)/.test(request)),
  }
}

function keepFields(): Promise<string[]> {
  const seen: string[] = []
  const keep = (all: Readonly<Record<string, unknown>>): void => void seen.push(...Object.entries(all).map(([name, value]) => `${name}: ${String(value)}`))
  const server = createHttp2()
  server.on('stream', (stream, all) => {
    keep(all)
    stream.on('trailers', keep).on('error', () => undefined).on('data', () => undefined).on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.end()
    })
  })
  return new Promise((ready) => server.listen(8080, rpc, () => ready(seen)))
}

export interface Caller { readonly source?: string; readonly sni?: string; readonly certificate?: Issued; readonly port?: number; readonly more?: tls.ConnectionOptions }

export function call({ source = attacker, sni, certificate, port = 9443, more = {} }: Caller): tls.TLSSocket {
  const options = { ...(sni === undefined ? {} : { servername: sni }), ...(certificate === undefined ? {} : { cert: certificate.chain, key: certificate.key }), rejectUnauthorized: false, ...more }
  return tls.connect({ socket: connect({ host: gatewayAddress, port, localAddress: source }), ...options })
}

/** Sends these bytes and hears until the other side ends or is silent for long; `closed` without any answer. */
export function raw(socket: Socket | tls.TLSSocket, bytes: string, onAnswer: (text: string) => string | undefined = () => undefined): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const done = (): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(text === '' ? 'closed' : text)
    }
    let timer = setTimeout(done, 3_000)
    const say = (): void => {
      const more = onAnswer(text)
      if (more !== undefined && !socket.destroyed) socket.write(more, 'latin1')
      clearTimeout(timer)
      timer = setTimeout(done, 3_000)
    }
    socket.on('data', (part) => {
      text += part.toString('latin1')
      say()
    })
    socket.on('error', done).on('close', done)
    socket.on(socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect', () => {
      socket.write(bytes, 'latin1')
    })
  })
}

/**
 * The statuses of the answers to these bytes. An honest request follows on the same connection, which asks for its end: what was left
 * there by an attack would spoil its answer, which is told. A tunnel ends the conversation.
 */
export async function converse(sni: string, bytes: string, last = 'GET / HTTP/1.1\r\nHost: none.invalid\r\nConnection: close\r\n\r\n', caller: Caller = {}): Promise<string> {
  let sent = false
  const socket = call({ sni, ...caller })
  const text = await raw(socket, bytes, (so) => {
    // The end is announced, or everything else is a tunnel.
    if (/^HTTP\/1\.1 101|\r\nconnection: close\r\n/i.test(so)) socket.destroy()
    if (sent || !/HTTP\/1\.1 [2-5]\d\d/.test(so)) return undefined
    sent = true
    return last
  })
  const all = statuses(text).split(' ')
  return sent && all.length > 1 && /\r\nconnection: close\r\n/i.test(text) ? all.slice(0, -1).join(' ') : all.join(' ')
}

/** The status of every answer in what came back, in order. */
export function statuses(text: string): string {
  return text === 'closed' ? text : [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status).join(' ')
}

const encoded = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

export const goodClaims = (): Record<string, unknown> => ({ iss: tokens.issuer, aud: 'portal', sub: 'alice', exp: Math.floor(Date.now() / 1000) + 3600 })

const es256 = (text: string): Buffer => sign('sha256', Buffer.from(text), { key: issuer.ec.privateKey, dsaEncoding: 'ieee-p1363' })

/** A token of these claims, signed by the issuer unless said otherwise. */
export function token(claims: unknown = goodClaims(), header: Record<string, unknown> = { alg: 'ES256', kid: 'ec' }, signer: (text: string) => Buffer = es256): string {
  const said = `${encoded(header)}.${encoded(claims)}`
  return `${said}.${signer(said).toString('base64url')}`
}

export const rsaPublicPem = (): string => createPublicKey(issuer.rsa.privateKey).export({ type: 'spki', format: 'pem' }).toString()
