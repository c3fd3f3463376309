/** Tries the inbound gateway from every side and prints what came of each try, as JSON. */
import { connect as connectHttp2, constants } from 'node:http2'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { connect } from 'node:net'
import * as tls from 'node:tls'
import { apply } from '../../../src/engines/envoy/apply.ts'
import { forge } from '../../../src/host/doors.ts'
import { everything } from '../../../src/engines/envoy/testing.ts'
import { authority, gateways, resolve, said, serve, wire } from './gateway-place.ts'
import { identityHeader, meshName } from '../../../src/engines/envoy/names.ts'
import type { Socket } from 'node:net'

const base = process.argv[2] ?? ''
const [api, db] = ['10.128.0.16', '10.128.0.17']
const [gateway, near, far] = ['10.128.0.4', '203.0.113.9', '198.51.100.20']
const results: Record<string, unknown> = {}

wire()
await serve(api, 8080, 'api')
await serve(db, 5432, 'db')
await resolve('10.128.0.5', {})
const own = authority('bulkhead.internal')
const north = authority('north.example')
const foreign = authority('foreign.example')
const keys = await generateKeyPair('ES256')
const others = await generateKeyPair('ES256')
const publicKey = { ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'ES256' }
const supplied = {
  'north.example': { kind: 'ca', roots: north.root }, '/etc/bulkhead/ca.pem': { kind: 'ca', roots: foreign.root },
  '/etc/bulkhead/c.pem': { kind: 'certificate', ...foreign.issue({ dns: 'foreign.example.org' }) }, '/etc/bulkhead/secret': { kind: 'secret', text: 'hidden' },
} as const
const platform = everything()
const { folder, rendered, supply, log } = await gateways(base, platform, supplied, new Map([['/etc/bulkhead/keys.json', JSON.stringify({ keys: [publicKey] })]]), own)

interface Caller { readonly source?: string; readonly sni?: string; readonly certificate?: { readonly chain: string; readonly key: string }; readonly port?: number; readonly more?: tls.ConnectionOptions }
function call({ source = near, sni, certificate, port = 9443, more = {} }: Caller): tls.TLSSocket {
  const options = { ...(sni === undefined ? {} : { servername: sni }), ...(certificate === undefined ? {} : { cert: certificate.chain, key: certificate.key }), rejectUnauthorized: false, ...more }
  return tls.connect({ socket: connect({ host: gateway, port, localAddress: source }), ...options })
}
const request = async (host: string, path: string, headers: Readonly<Record<string, string>> = {}, caller: Caller = {}, method = 'GET') => {
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${headers['host'] ?? host}`, ...Object.entries(headers).filter(([name]) => name !== 'host').map(([name, value]) => `${name}: ${value}`), '', headers['x-body'] ?? '']
  return said(call({ sni: host, ...caller }), lines.join('\r\n'))
}
const status = (text: string) => (/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? text.slice(0, 40)) + (/^api$/m.test(text) ? ' api' : '')
const ask = async (...args: Parameters<typeof request>) => status(await request(...args))

// --- no authentication ---
results['an open path'] = await ask('open.example.org', '/public/x')
results['another method'] = await ask('open.example.org', '/public/x', { 'content-length': '0' }, {}, 'POST')
results['another path'] = await ask('open.example.org', '/private')
results['a path that climbs out'] = await ask('open.example.org', '/public/../private')
results['an escaped slash'] = await ask('open.example.org', '/public/..%2fprivate')
results['merged slashes'] = await ask('open.example.org', '//public//x')
results['another host than the name of TLS'] = await ask('open.example.org', '/public/x', { host: 'portal.example.org' })
results['an unknown name'] = await ask('nobody.example.org', '/public/x')
results['no name'] = status(await said(call({}), 'GET /public/x HTTP/1.1\r\nhost: open.example.org\r\n\r\n'))
results['a body above the limit'] = await ask('open.example.org', '/health', { 'content-length': '5000', 'x-body': 'x'.repeat(5000) }, {}, 'POST')
results['headers above the limit'] = await ask('open.example.org', '/public/x', { 'x-long': 'x'.repeat(9000) })
results['an underscore in a header'] = await ask('open.example.org', '/public/x', { x_bulkhead_identity: 'root' })
results['two lengths'] = await ask('open.example.org', '/public/x', { 'content-length': '3', 'transfer-encoding': 'chunked', 'x-body': '0\r\n\r\n' }, {}, 'GET')
results['two different lengths'] = status(await said(call({ sni: 'open.example.org' }), 'GET /public/x HTTP/1.1\r\nhost: open.example.org\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc'))
results['a folded header'] = status(await said(call({ sni: 'open.example.org' }), 'GET /public/x HTTP/1.1\r\nhost: open.example.org\r\nx: a\r\n b\r\n\r\n'))
results['CONNECT'] = await ask('open.example.org', 'open.example.org:9443', {}, {}, 'CONNECT')
results['an absolute URI'] = await ask('open.example.org', 'http://127.0.0.1/public/x')
results['TLS 1.1'] = await said(call({ sni: 'open.example.org', more: { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } }), 'x')
const bare = await request('open.example.org', '/public/x', { [identityHeader]: 'root', 'X-Forwarded-Client-Cert': 'URI=root', 'x-forwarded-for': '10.0.0.1' })
results['headers that only the gateway sets'] = [identityHeader, 'x-forwarded-client-cert', '10.0.0.1'].filter((text) => bare.toLowerCase().includes(text))
const many = await Promise.all(Array.from({ length: 24 }, () => ask('open.example.org', '/health', {}, { source: '203.0.113.9' })))
results['of 24 at once'] = { refused: many.includes('429'), some: many.some((each) => each.startsWith('200')) }
results['somebody else meanwhile'] = await ask('open.example.org', '/health', {}, { source: far })

// --- tokens ---
const token = (claims: Record<string, unknown>, change: { readonly key?: Awaited<ReturnType<typeof generateKeyPair>>['privateKey']; readonly alg?: string; readonly until?: string; readonly audience?: string; readonly issuer?: string } = {}) => {
  const sign = new SignJWT(claims).setProtectedHeader({ alg: change.alg ?? 'ES256', kid: 'k1' }).setSubject('alice').setIssuer(change.issuer ?? 'https://issuer.example.org').setAudience(change.audience ?? 'portal')
  return (change.until === 'never' ? sign : sign.setExpirationTime(change.until ?? '1h')).sign(change.key ?? keys.privateKey)
}
const roles = { realm: { roles: ['reader'] } }
const bearer = async (text: Promise<string> | string, path = '/api/x', caller: Caller = {}) => ask('portal.example.org', path, { authorization: `Bearer ${await text}` }, caller)
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const body = { iss: 'https://issuer.example.org', aud: 'portal', sub: 'alice', exp: 4_000_000_000, ...roles }
results['a good token'] = await bearer(token(roles))
results['no token'] = await ask('portal.example.org', '/api/x')
results['a token without the role'] = await bearer(token({ realm: { roles: ['guest'] } }))
results['a role as text'] = await bearer(token({ realm: { roles: 'writer' } }))
results['a role that only begins so'] = await bearer(token({ realm: { roles: 'readers' } }))
results['an expired token'] = await bearer(token(roles, { until: '-5m' }))
results['a token for ever'] = await bearer(token(roles, { until: 'never' }))
results['for another audience'] = await bearer(token(roles, { audience: 'other' }))
results['of another issuer'] = await bearer(token(roles, { issuer: 'https://evil.example.org' }))
results['signed by another key'] = await bearer(token(roles, { key: others.privateKey }))
results['alg none'] = await bearer(`${encoded({ alg: 'none', kid: 'k1' })}.${encoded(body)}.`)
const confused = await new SignJWT(body).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(new TextEncoder().encode(JSON.stringify(publicKey)))
results['the public key as a secret'] = await bearer(confused)
results['a token in the query'] = await ask('portal.example.org', `/api/x?access_token=${await token(roles)}`)
results['the admin route without its claim'] = await bearer(token(roles), '/api/admin')
results['the admin route with its claim'] = await bearer(token({ ...roles, groups: ['users', 'admins'] }), '/api/admin')
results['a good token from elsewhere'] = await bearer(token(roles), '/api/x', { source: far })
results['a name below a pattern'] = await ask('one.apps.example.org', '/api/x', { authorization: `Bearer ${await token(roles)}` })
results['a host below the same pattern, with another name of TLS'] = await ask('one.apps.example.org', '/api/x', { host: 'two.apps.example.org', authorization: `Bearer ${await token(roles)}` })
const seen = await request('portal.example.org', '/api/x', { authorization: `Bearer ${await token(roles)}`, [identityHeader]: 'root' })
results['what the workload sees of a token'] = { identity: new RegExp(`^${identityHeader}: (.*)$`, 'm').exec(seen)?.[1], token: /authorization/i.test(seen) }
const upgraded = await request('portal.example.org', '/api/x', { authorization: `Bearer ${await token(roles)}`, connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-key': 'x', 'sec-websocket-version': '13' })
results['a WebSocket'] = status(upgraded)
results['a WebSocket where none is allowed'] = await ask('machines.example.org', '/', { connection: 'upgrade', upgrade: 'websocket' }, { certificate: own.issue({ uri: 'spiffe://bulkhead.internal/enclave/a/workload/web' }) })

// --- people ---
const people = await request('people.example.org', '/')
results['somebody who has not signed in'] = { status: status(people), to: /location: (https:\/\/issuer\.example\.org\/authorize)\?/i.exec(people)?.[1], back: /redirect_uri=https%3A%2F%2Fpeople\.example\.org%3A9443%2Foauth2%2Fcallback/i.test(people) }
results['a forged session'] = status(await request('people.example.org', '/', { cookie: 'BearerToken=x; IdToken=y; OauthHMAC=z; OauthExpires=4000000000' }))
results['a token in place of a sign-in'] = status(await request('people.example.org', '/', { authorization: `Bearer ${await token(roles, { audience: 'bulkhead' })}` }))

// --- certificates ---
const machine = async (certificate: Caller['certificate'] | undefined, path = '/', host = 'machines.example.org') => ask(host, path, {}, certificate === undefined ? {} : { certificate })
const id = (path: string, domain = 'bulkhead.internal') => `spiffe://${domain}/enclave/${path}`
results['a machine that may'] = await machine(own.issue({ uri: id('a/workload/web') }))
results['a machine of a peer that may'] = await machine(north.issue({ uri: id('lab/workload/store', 'north.example') }))
results['a machine that may not'] = await machine(own.issue({ uri: id('a/workload/api') }))
results['no certificate'] = await machine(undefined)
results['a foreign authority'] = await machine(foreign.issue({ uri: id('a/workload/web') }))
results['the peer for one of ours'] = await machine(north.issue({ uri: id('a/workload/web') }))
results['ours for one of the peer'] = await machine(own.issue({ uri: id('lab/workload/store', 'north.example') }))
results['a route for one identity, by it'] = await machine(own.issue({ uri: id('a/workload/web') }), '/only')
results['a route for one identity, by another'] = await machine(north.issue({ uri: id('lab/workload/store', 'north.example') }), '/only')
results['by a name under an authority of files'] = await machine(foreign.issue({ dns: 'client.example.org' }), '/', 'foreign.example.org')
results['another name under it'] = await machine(foreign.issue({ dns: 'other.example.org' }), '/', 'foreign.example.org')
const shown = await request('machines.example.org', '/', { [identityHeader]: 'root' }, { certificate: own.issue({ uri: id('a/workload/web') }) })
results['what the workload sees of a machine'] = new RegExp(`^${identityHeader}: (.*)$`, 'm').exec(shown)?.[1]

// --- HTTP/2, connections, plain ports ---
const session = connectHttp2(`https://${gateway}:9443`, { createConnection: () => call({ sni: 'open.example.org', more: { ALPNProtocols: ['h2'] } }) })
session.on('error', () => undefined)
const stream = session.request({ [constants.HTTP2_HEADER_METHOD]: 'GET', [constants.HTTP2_HEADER_PATH]: '/public/x', [constants.HTTP2_HEADER_AUTHORITY]: 'open.example.org' })
results['HTTP/2'] = await new Promise((done) => stream.on('response', (headers) => done(headers[':status'])).on('error', (error) => done(String(error))))
session.destroy()
results['connections by name, ended here, by who may'] = await said(call({ sni: 'ended.example.org', certificate: own.issue({ uri: id('a/workload/web') }) }), 'hello')
results['connections by name, ended here, by who may not'] = await said(call({ sni: 'ended.example.org', certificate: foreign.issue({ uri: id('a/workload/web') }) }), 'hello')
results['connections by name, ended here, by nobody'] = await said(call({ sni: 'ended.example.org' }), 'hello')
results['connections by port'] = await said(connect({ host: gateway, port: 6432, localAddress: near }), 'hello')
const plainHttp = (host: string) => said(connect({ host: gateway, port: 9080, localAddress: near }), `GET /x HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
results['plain HTTP'] = /location: (\S+)/.exec(await plainHttp('open.example.org'))?.[1]
results['plain HTTP for an unknown name'] = status(await plainHttp('nobody.example.org'))

// --- between gateways ---
const mesh = (certificate: Caller['certificate'] | undefined, caller: string, port = 5432) =>
  said(call({ port: 15_443, sni: meshName(caller, port, 'db', 'a', 'bulkhead.internal'), ...(certificate === undefined ? {} : { certificate }), more: { minVersion: 'TLSv1.3' } }), 'hello')
const callerId = id('a/workload/api')
const peerId = id('lab/workload/store', 'north.example')
results['mesh: who may'] = await mesh(own.issue({ uri: callerId }), callerId)
results['mesh: another of ours'] = await mesh(own.issue({ uri: id('a/workload/web') }), callerId)
results['mesh: no certificate'] = await mesh(undefined, callerId)
results['mesh: another authority'] = await mesh(foreign.issue({ uri: callerId }), callerId)
results['mesh: a peer for one of ours'] = await mesh(north.issue({ uri: callerId }), callerId)
results['mesh: a peer'] = await mesh(north.issue({ uri: peerId }), peerId)
results['mesh: a peer\'s other enclave'] = await mesh(north.issue({ uri: id('vault/workload/store', 'north.example') }), peerId)
results['mesh: another port'] = await mesh(own.issue({ uri: callerId }), callerId, 5433)
const hour = 3600_000
results['mesh: for an hour'] = await mesh(own.issueFor(callerId, -hour, hour), callerId)
results['mesh: expired'] = await mesh(own.issueFor(callerId, -2 * hour, -hour), callerId)
results['mesh: not yet valid'] = await mesh(own.issueFor(callerId, hour, 2 * hour), callerId)
results['mesh: self-signed'] = await mesh(forge('self-signed', callerId, Date.now()), callerId)
results['mesh: a peer, expired'] = await mesh(north.issueFor(peerId, -2 * hour, -hour), peerId)
results['mesh: a peer, not yet valid'] = await mesh(north.issueFor(peerId, hour, 2 * hour), peerId)
results['mesh: a peer, self-signed'] = await mesh(forge('self-signed', peerId, Date.now()), peerId)
results['mesh: another authority for a peer'] = await mesh(foreign.issue({ uri: peerId }), peerId)
results['mesh: a trust domain of nobody'] = await mesh(foreign.issue({ uri: id('lab/workload/store', 'foreign.example') }), peerId)
results['mesh: ours in the name of a peer'] = await mesh(own.issue({ uri: peerId }), peerId)

// --- slow clients ---
const slow: Socket = connect({ host: gateway, port: 9443, localAddress: near })
const began = performance.now()
results['silence'] = await new Promise<string>((done) => {
  const timer = setTimeout(() => done('kept'), 9_000)
  slow.on('error', () => undefined).on('close', () => {
    clearTimeout(timer)
    done(performance.now() - began < 8_000 ? 'ended' : 'late')
  })
})

// --- a change of one policy cuts its own connections ---
const next = rendered({ ...platform, ingressPolicies: platform.ingressPolicies.filter(({ name }) => name !== 'token') })
await supply(next)
await apply(next.inbound, { folder: folder('inbound') })
results['after the policy has gone'] = await bearer(token(roles))
results['another policy after the change'] = await ask('machines.example.org', '/', {}, { certificate: own.issue({ uri: id('a/workload/web') }) })
const lines = log('inbound')
results['callers that failed to prove who they are, and yet were led on'] = lines.filter(({ kind, failure, upstream }) => kind === 'connection' && failure !== null && upstream !== null).length
results['the record of a refusal'] = lines.find(({ path, status: code }) => path === '/api/admin' && code === 403)
results['records between gateways'] = Object.fromEntries(lines.filter(({ chain, kind }) => kind === 'connection' && String(chain).startsWith('mesh:')).map(({ chain, identity, failure, upstream }) =>
  [`${String(rendered(platform).inbound.rules.get(String(chain)))} ${failure === null ? `led ${String(identity)}` : /certificate|CERTIFICATE/.test(String(failure)) ? 'refused for the certificate' : String(failure)}`, upstream !== null]))
results['the record of a request'] = lines.find(({ path, status: code }) => path === '/only' && code === 200)
results['rules'] = Object.fromEntries(rendered(platform).inbound.rules)
process.stdout.write(JSON.stringify(results))
process.exit(0)
