/** Speaks gRPC through the inbound gateway, from a client to a server of HTTP/2, and prints what came of each call, as JSON. */
import { connect as connectHttp2, createServer } from 'node:http2'
import { connect } from 'node:net'
import * as tls from 'node:tls'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { everything } from '../../../src/engines/envoy/testing.ts'
import { external, ingress, platformOf, proxyOf, route, workload } from '../../../src/model/testing.ts'
import { identityHeader } from '../../../src/engines/envoy/names.ts'
import { authority, gateways, serve, wire } from './gateway-place.ts'
import type { ClientHttp2Session, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'

const base = process.argv[2] ?? ''
const [api, db] = ['10.128.0.16', '10.128.0.17']
const results: Record<string, unknown> = {}
wire()
const own = authority('bulkhead.internal')
const keys = await generateKeyPair('ES256')
const publicKey = { ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'ES256' }

/** One message, as gRPC frames it: not compressed, its length, its bytes. */
const frame = (text: string): Buffer => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(Buffer.byteLength(text), 1)
  return Buffer.concat([head, Buffer.from(text)])
}
function messages(bytes: Buffer): readonly string[] {
  const found: string[] = []
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) found.push(bytes.subarray(at + 5, at + 5 + bytes.readUInt32BE(at + 1)).toString('utf8'))
  return found
}

/** Answers each message as it comes, with who is said to ask; ends with a status in trailers. */
function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const path = String(headers[':path'])
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers(path.endsWith('/Fail') ? { 'grpc-status': '5', 'grpc-message': 'no such row' } : { 'grpc-status': '0', 'x-rows': '2' }))
  stream.on('error', () => undefined)
  stream.on('data', (part: Buffer) => {
    for (const text of messages(part)) stream.write(frame(`${path} ${text} for ${String(headers[identityHeader] ?? 'nobody')}`))
  })
  stream.on('end', () => stream.end())
}
const server = createServer()
const sessions = new Set<ServerHttp2Session>()
server.on('session', (each) => sessions.add(each))
server.on('stream', answer)
await new Promise<void>((listening) => server.listen(9000, api, listening))
// It knows HTTP/1.1 alone.
await serve(db, 8080, 'db')

const token = { kind: 'jwt', issuer: 'https://issuer.example.org', audiences: ['portal'], jwks: { kind: 'file', file: '/etc/bulkhead/keys.json' }, claims: [] } as const
const policy = (name: string, to: string, proxy: Parameters<typeof proxyOf>[0]) => ingress(`a/${name}`, 'external:anyone', to, to === 'a/api' ? 'tcp 9000' : 'tcp 8080', undefined, { proxy: proxyOf({ hosts: [`${name}.example.org`], ...proxy }) })
const platform = platformOf({
  workloads: [workload('a/api', { ports: [9000] }), workload('a/db', { ports: [8080] })],
  externals: [external('anyone', ['0.0.0.0/0', '::/0'])],
  gateway: everything().gateway,
  ingressPolicies: [
    policy('grpc', 'a/api', { authentication: { kind: 'none' }, routes: [route('/lab.Rows/Read', { methods: ['POST'] }), route('/lab.Rows/Fail')] }),
    policy('guarded', 'a/api', { authentication: token, routes: [route('/lab.Rows/*'), route('/lab.Admin/*', { claims: [{ path: ['role'], values: ['admin'] }] })] }),
    policy('web', 'a/db', { authentication: { kind: 'none' } }),
  ],
})
await gateways(base, platform, {}, new Map([['/etc/bulkhead/keys.json', JSON.stringify({ keys: [publicKey] })]]), own)

function session(host: string, port = 9443): ClientHttp2Session {
  const made = connectHttp2(`https://${host}:${port}`, { createConnection: () => tls.connect({ socket: connect({ host: '10.128.0.4', port, localAddress: '203.0.113.9' }), servername: host, ALPNProtocols: ['h2'], rejectUnauthorized: false }) })
  made.on('error', () => undefined)
  return made
}

interface Called { readonly status: unknown; readonly type: unknown; readonly messages: readonly string[]; readonly trailers: Readonly<Record<string, unknown>>; readonly turns: number }

/** Sends each message when the one before has been answered: the call goes both ways at once. */
function call(on: ClientHttp2Session, path: string, texts: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Called> {
  const stream = on.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...more }, { endStream: false })
  return new Promise((resolve) => {
    const [parts, rest] = [[] as string[], [...texts]]
    let [status, type, turns]: [unknown, unknown, number] = [undefined, undefined, 0]
    let trailers: Readonly<Record<string, unknown>> = {}
    const next = (): void => {
      const text = rest.shift()
      if (text === undefined) stream.end()
      else stream.write(frame(text))
    }
    const words = (headers: IncomingHttpHeaders): Readonly<Record<string, unknown>> => Object.fromEntries(Object.entries(headers).filter(([name]) => /^(grpc-|x-rows)/.test(name)))
    stream.on('response', (headers) => {
      ;[status, type] = [headers[':status'], headers['content-type']]
      trailers = words(headers)
    })
    stream.on('trailers', (headers) => (trailers = words(headers)))
    stream.on('data', (part: Buffer) => {
      turns++
      parts.push(...messages(part))
      next()
    })
    stream.on('error', () => undefined)
    stream.on('close', () => resolve({ status, type, messages: parts, trailers, turns }))
    next()
  })
}

const signed = await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).setSubject('ada').setIssuer('https://issuer.example.org').setAudience('portal').setExpirationTime('1h').sign(keys.privateKey)
const bearer = { authorization: `Bearer ${signed}` }
const [open, guarded] = [session('grpc.example.org'), session('guarded.example.org')]
const { status, type, messages: said, trailers } = await call(open, '/lab.Rows/Read', ['one'])
results['a call'] = { status, type, said, trailers }
const talk = await call(open, '/lab.Rows/Read', ['one', 'two', 'three'])
results['a call that goes both ways'] = { said: talk.messages, turns: talk.turns, trailers: talk.trailers }
results['a call that fails at the workload'] = (await call(open, '/lab.Rows/Fail', ['one'])).trailers
const refusal = ({ status: http, type: kind, trailers: end, messages: got }: Called): unknown => ({ http, kind, grpc: end['grpc-status'], message: end['grpc-message'], messages: got.length })
results['a method that no route names'] = refusal(await call(open, '/lab.Rows/Write', ['one']))
results['a service that no route names'] = refusal(await call(open, '/lab.Other/Read', ['one']))
results['a call without a token'] = refusal(await call(guarded, '/lab.Rows/Read', ['one']))
results['a call with a token'] = (await call(guarded, '/lab.Rows/Read', ['one'], { ...bearer, [identityHeader]: 'root' })).messages
results['a call with a token to what it does not open'] = refusal(await call(guarded, '/lab.Admin/Reset', ['one'], bearer))
results['calls on one connection at once'] = (await Promise.all(Array.from({ length: 20 }, (_, i) => call(open, '/lab.Rows/Read', [String(i)])))).filter(({ messages: [first] }, i) => first === `/lab.Rows/Read ${i} for nobody`).length
results['the identity is not the client\'s to say'] = (await call(open, '/lab.Rows/Read', ['one'], { [identityHeader]: 'root' })).messages
const web = session('web.example.org')
const plain = web.request({ ':method': 'GET', ':path': '/' })
results['another request over HTTP/2, to a workload that knows HTTP/1.1 alone'] = await new Promise((resolve) => plain.on('response', (headers) => resolve(headers[':status'])).on('error', () => resolve('error')))
for (const each of sessions) each.destroy()
await new Promise<void>((closed) => server.close(() => closed()))
results['a call while the workload is down'] = refusal(await call(open, '/lab.Rows/Read', ['one']))
process.stdout.write(JSON.stringify(results))
process.exit(0)
