/** Attacks by tokens, certificates and handshakes on the inbound gateway; prints what came of each, as JSON. */
import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type * as tls from 'node:tls'
import { attacked, call, converse, gatewayAddress, goodClaims, issuer, ours, raw, rsaPublicPem, statuses, theirs, token } from './gateway-attack-place.ts'
import { identityHeader } from '../../../src/engines/envoy/names.ts'
import type { Issued } from './gateway-authority.ts'

const base = process.argv[2] ?? ''
const place = await attacked(base)
const results: Record<string, unknown> = {}
const lines = (...all: readonly string[]): string => all.join('\r\n')

/** The status, and as whom the workload was told to see the caller, or `nothing` when nothing reached it. */
async function told(sni: string, bytes: string, certificate?: Issued): Promise<string> {
  const { got, web } = await place.reached(() => converse(sni, bytes, undefined, certificate === undefined ? {} : { certificate }))
  const bytesOf = place.web.connections().join('')
  const names = [...bytesOf.matchAll(new RegExp(`^${identityHeader}: (.*)\r$`, 'gim'))].map(([, name = '']) => name)
  return [got, ...(JSON.stringify(web) === '[]' ? ['nothing'] : names)].join(' ')
}

// --- tokens ---
const withToken = (text: string, path = '/api/x', ...more: readonly string[]): string => lines(`GET ${path} HTTP/1.1`, 'Host: api.example.org', `Authorization: Bearer ${text}`, ...more, '', '')
const now = Math.floor(Date.now() / 1000)
const rs256 = (text: string): Buffer => sign('sha256', Buffer.from(text), issuer.rsa.privateKey)
const hmac = (key: string | Buffer, hash = 'sha256') => (text: string): Buffer => createHmac(hash, key).update(text).digest()
const nothing = (): Buffer => Buffer.alloc(0)
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const byStranger = (text: string): Buffer => sign('sha256', Buffer.from(text), { key: stranger.privateKey, dsaEncoding: 'ieee-p1363' })
const strangerJwk = stranger.publicKey.export({ format: 'jwk' })
const ecPem = createPublicKey(issuer.ec.privateKey).export({ type: 'spki', format: 'pem' }).toString()
const pkcs1 = createPublicKey(issuer.rsa.privateKey).export({ type: 'pkcs1', format: 'pem' }).toString()
const derived = createPublicKey(issuer.rsa.privateKey).export({ type: 'spki', format: 'der' })
const tokens: Record<string, string> = {
  'a good one of an elliptic key': token(), 'a good one of an RSA key': token(undefined, { alg: 'RS256', kid: 'rsa' }, rs256), 'a good one without a key\'s name': token(undefined, { alg: 'ES256' }),
  ...Object.fromEntries(['none', 'None', 'NONE', 'nOnE', ''].map((alg) => [`alg ${alg === '' ? 'empty' : alg}`, token(undefined, { alg, kid: 'ec' }, nothing)])), 'no alg': token(undefined, { kid: 'ec' }, nothing), 'alg none with a signature': token(undefined, { alg: 'none', kid: 'ec' }),
  'no signature': token().replace(/[^.]*$/, ''), 'no second dot': token().replace(/\.[^.]*$/, ''), 'a signature of nulls': token(undefined, undefined, () => Buffer.alloc(64)), 'the signature of another': token(goodClaims()).split('.').slice(0, 2).join('.') + '.' + (token({ ...goodClaims(), sub: 'bob' }).split('.')[2] ?? ''),
  'HS256 by the RSA key as PEM': token(undefined, { alg: 'HS256', kid: 'rsa' }, hmac(rsaPublicPem())), 'HS256 by the RSA key as PEM, without its end': token(undefined, { alg: 'HS256', kid: 'rsa' }, hmac(rsaPublicPem().trim())), 'HS256 by the RSA key as PKCS1': token(undefined, { alg: 'HS256', kid: 'rsa' }, hmac(pkcs1)),
  'HS256 by the RSA key as DER': token(undefined, { alg: 'HS256', kid: 'rsa' }, hmac(derived)), 'HS512 by the RSA key': token(undefined, { alg: 'HS512', kid: 'rsa' }, hmac(rsaPublicPem(), 'sha512')), 'HS256 by the modulus': token(undefined, { alg: 'HS256', kid: 'rsa' }, hmac(Buffer.from(String(issuer.rsa.publicKey.export({ format: 'jwk' })['n']), 'base64url'))),
  'HS256 by the elliptic key': token(undefined, { alg: 'HS256', kid: 'ec' }, hmac(ecPem)), 'HS256 by nothing': token(undefined, { alg: 'HS256', kid: 'ec' }, hmac('')), 'RS256 with the elliptic key\'s name': token(undefined, { alg: 'RS256', kid: 'ec' }, rs256), 'ES256 with the RSA key\'s name': token(undefined, { alg: 'ES256', kid: 'rsa' }), 'PS256 of the RSA key': token(undefined, { alg: 'PS256', kid: 'rsa' }, rs256),
  'a key of its own': token(undefined, { alg: 'ES256', jwk: strangerJwk }, byStranger), 'a key of its own, with a known name': token(undefined, { alg: 'ES256', kid: 'ec', jwk: { ...strangerJwk, kid: 'ec' } }, byStranger), 'an extension that has to be understood': token(undefined, { alg: 'ES256', kid: 'ec', crit: ['exp'], exp: 1 }), 'an extension without a name': token(undefined, { alg: 'ES256', kid: 'ec', crit: [] }), 'an extension that is none': token(undefined, { alg: 'ES256', kid: 'ec', crit: null }), 'keys by jku': token(undefined, { alg: 'ES256', kid: 'ec', jku: 'https://10.128.0.17:8080/keys' }, byStranger), 'keys by x5u': token(undefined, { alg: 'ES256', kid: 'ec', x5u: 'https://10.128.0.17:8080/chain' }, byStranger), 'a chain of its own': token(undefined, { alg: 'ES256', x5c: [strangerJwk['x']] }, byStranger),
  'a key\'s name that is a path': token(undefined, { alg: 'HS256', kid: '../../../../dev/null' }, hmac('')), 'a key\'s name that is a query': token(undefined, { alg: 'ES256', kid: "x' UNION SELECT 'secret" }, byStranger), 'a key\'s name that is no text': token(undefined, { alg: 'ES256', kid: ['ec'] }), 'an unknown key\'s name': token(undefined, { alg: 'ES256', kid: 'other' }), 'a key\'s name with a NUL': token(undefined, { alg: 'ES256', kid: 'ec\0' }, byStranger),
  'expired': token({ ...goodClaims(), exp: now - 3600 }), 'expired a while ago, within the tolerance of clocks': token({ ...goodClaims(), exp: now - 5 }), 'not yet valid': token({ ...goodClaims(), nbf: now + 3600 }), 'for ever': token({ ...goodClaims(), exp: undefined }), 'an end as text': token({ ...goodClaims(), exp: String(now + 3600) }), 'an end beyond numbers': token({ ...goodClaims(), exp: 1e300 }), 'an end below nothing': token({ ...goodClaims(), exp: -1 }), 'an end that is null': token({ ...goodClaims(), exp: null }),
  'another issuer': token({ ...goodClaims(), iss: 'https://evil.example.org' }), 'an issuer that only begins so': token({ ...goodClaims(), iss: 'https://issuer.example.org.evil.example' }), 'an issuer in another case': token({ ...goodClaims(), iss: 'HTTPS://ISSUER.EXAMPLE.ORG' }), 'two issuers': token({ ...goodClaims(), iss: ['https://issuer.example.org', 'https://evil.example.org'] }), 'no issuer': token({ ...goodClaims(), iss: undefined }),
  'another audience': token({ ...goodClaims(), aud: 'other' }), 'other audiences': token({ ...goodClaims(), aud: ['other', 'portals'] }), 'no audience': token({ ...goodClaims(), aud: undefined }), 'an empty audience': token({ ...goodClaims(), aud: '' }), 'an audience as an object': token({ ...goodClaims(), aud: { portal: true } }),
  'claims that are no object': token([goodClaims()]), 'claims that are no JSON': token('{'), 'nothing at all': '', 'dots': '...', 'very long': 'x'.repeat(20_000),
  'a subject with line breaks': token({ ...goodClaims(), sub: 'alice\r\nx-evil: yes' }), 'a subject with a NUL': token({ ...goodClaims(), sub: 'alice\0' }), 'a subject that speaks for another issuer': token({ ...goodClaims(), sub: 'x,https://issuer.example.org#root' }), 'a subject with letters': token({ ...goodClaims(), sub: 'J\u00fcrgen' }), 'a subject that is no text': token({ ...goodClaims(), sub: { a: 1 } }), 'no subject': token({ ...goodClaims(), sub: undefined }),
}
for (const [name, text] of Object.entries(tokens)) tokens[name] = await told('api.example.org', withToken(text))
results['tokens'] = tokens
const elsewhere: Record<string, string> = {}
for (const [name, bytes] of Object.entries({
  'in the query': lines(`GET /api/x?access_token=${token()} HTTP/1.1`, 'Host: api.example.org', '', ''), 'in a cookie': lines('GET /api/x HTTP/1.1', 'Host: api.example.org', `Cookie: access_token=${token()}; IdToken=${token()}; BearerToken=${token()}`, '', ''), 'in a body': lines('POST /api/x HTTP/1.1', 'Host: api.example.org', 'Content-Type: application/x-www-form-urlencoded', `Content-Length: ${13 + token().length}`, '', `access_token=${token()}`),
  'in another header': lines('GET /api/x HTTP/1.1', 'Host: api.example.org', `X-Authorization: Bearer ${token()}`, `Proxy-Authorization: Bearer ${token()}`, '', ''), 'as another scheme': lines('GET /api/x HTTP/1.1', 'Host: api.example.org', `Authorization: Basic ${token()}`, '', ''), 'without a scheme': lines('GET /api/x HTTP/1.1', 'Host: api.example.org', `Authorization: ${token()}`, '', ''),
  'a bad one after a good one': withToken(token(), '/api/x', 'Authorization: Bearer bad'), 'a good one after a bad one': withToken('bad', '/api/x', `Authorization: Bearer ${token()}`), 'two people': withToken(token(), '/api/x', `Authorization: Bearer ${token({ ...goodClaims(), sub: 'bob' })}`),
  'a claim in the query': withToken(token(), '/api/admin?role=admin'), 'a claim in another object': withToken(token({ ...goodClaims(), realm: { role: 'admin' } }), '/api/admin'), 'a claim that only begins so': withToken(token({ ...goodClaims(), role: 'administrator' }), '/api/admin'), 'a claim with its name dotted': withToken(token({ ...goodClaims(), 'token.role': 'admin' }), '/api/admin'), 'the claim': withToken(token({ ...goodClaims(), role: 'admin' }), '/api/admin'), 'the admin path in disguise': withToken(token(), '/api/%61dmin'),
})) elsewhere[name] = await told('api.example.org', bytes)
results['tokens elsewhere'] = elsewhere

// --- certificates ---
const certificates: Record<string, string> = {}
const visit = (name: string, sni: string, certificate: Issued): Promise<void> => told(sni, lines('GET /x HTTP/1.1', `Host: ${sni}`, '', ''), certificate).then((outcome) => void (certificates[name] = outcome), (error: unknown) => void (certificates[name] = String(error)))
const { own, north, partner, foreign } = place
const inner = own.issue({ uri: ours, ca: true })
const leaf = own.issue({ uri: ours })
const two = (first: string, second: string): string => `URI:${first},URI:${second}`
/** IA5String of a context tag, so that a name may hold a NUL. */
const named = (tag: '82' | '86', text: string): string => {
  const bytes = Buffer.from(text, 'latin1')
  const length = bytes.length.toString(16).padStart(2, '0')
  return `DER:30${(bytes.length + 2).toString(16).padStart(2, '0')}${tag}${length}${bytes.toString('hex')}`
}
const machines: Readonly<Record<string, Issued>> = {
  'who may': leaf, 'a peer that may': north.issue({ uri: theirs }), 'another of ours': own.issue({ uri: `${ours}2` }), 'a foreign authority': foreign.issue({ uri: ours }), 'a peer for ours': north.issue({ uri: ours }),
  'a peer for itself and ours': north.issue({ names: two(theirs, ours) }), 'a peer for something of its own and ours': north.issue({ names: two('spiffe://north.example/other', ours) }), 'a peer for ours and itself': north.issue({ names: two(ours, theirs) }), 'a peer for itself and a third': north.issue({ names: two(theirs, 'spiffe://third.example/x') }),
  'a peer for itself and a name': north.issue({ names: `URI:${theirs},DNS:client.partner.example` }), 'an authority': inner, 'signed by an authority below ours': own.issue({ uri: ours, signer: inner }), 'signed by a workload': own.issue({ uri: ours, signer: leaf }), 'expired': own.issue({ uri: ours, until: '20210101000000Z' }), 'not yet valid': own.issue({ uri: ours, from: '20490101000000Z' }), 'may sign': own.issue({ uri: ours, usage: 'digitalSignature,keyCertSign' }),
  'a wildcard': own.issue({ uri: 'spiffe://bulkhead.internal/*' }), 'a name that ends in a NUL': own.issue({ names: named('86', `${ours}\0.evil`) }), 'a name in another case': own.issue({ uri: ours.toUpperCase() }), 'a name with a slash more': own.issue({ uri: `${ours}/` }), 'a name with an escape': own.issue({ uri: ours.replace('client', '%63lient') }), 'a name as a common name': own.issue({ names: '', subject: ours.replaceAll('/', '\\/') }), 'a name as a DNS name': own.issue({ names: named('82', ours) }), 'another trust domain': own.issue({ uri: 'spiffe://third.example/enclave/a/workload/client' }),
}
for (const [name, certificate] of Object.entries(machines)) await visit(name, 'machines.example.org', certificate)
results['certificates'] = certificates
const files: Record<string, string> = {}
for (const [name, certificate] of Object.entries({
  'who may': partner.issue({ dns: 'client.partner.example' }), 'another name': partner.issue({ dns: 'other.partner.example' }), 'a wildcard': partner.issue({ dns: '*.partner.example' }), 'a name that ends in a NUL': partner.issue({ names: named('82', 'client.partner.example\0.evil') }), 'a common name': partner.issue({ names: '', subject: 'client.partner.example' }), 'signed by a client': partner.issue({ dns: 'client.partner.example', signer: partner.issue({ dns: 'other.partner.example' }) }), 'expired': partner.issue({ dns: 'client.partner.example', until: '20210101000000Z' }),
  'who may, with one of our identities': partner.issue({ names: `DNS:client.partner.example,URI:${ours}` }), 'a foreign authority': foreign.issue({ dns: 'client.partner.example' }), 'our own authority': own.issue({ dns: 'client.partner.example' }),
})) files[name] = await told('partner.example.org', lines('GET /x HTTP/1.1', 'Host: partner.example.org', '', ''), certificate)
results['certificates of an authority of files'] = files
const visitors: Record<string, string> = {}
for (const [name, certificate] of Object.entries({ 'any name': partner.issue({ dns: 'any.partner.example' }), 'one of our identities': partner.issue({ uri: ours }), 'one of our identities and a name': partner.issue({ names: `DNS:x.example,URI:${ours}` }), 'an identity as a DNS name': partner.issue({ names: named('82', ours) }) })) visitors[name] = await told('visitors.example.org', lines('GET /x HTTP/1.1', 'Host: visitors.example.org', '', ''), certificate)
results['certificates where every name will do'] = visitors
for (const host of ['stream', 'mixed']) {
  const streams: Record<string, unknown> = {}
  for (const [name, certificate] of Object.entries(machines).filter(([each]) => /^(who may|a peer|another of ours|an authority|signed|expired|not yet)/.test(each))) {
    place.web.forget()
    const socket = call({ sni: `${host}.example.org`, certificate })
    const got = await raw(socket, 'hello', () => void socket.destroy())
    streams[name] = [got, place.web.connections().length]
  }
  results[`connections to ${host}`] = streams
}

// --- handshakes ---
const handshake = (sni: string, more: tls.ConnectionOptions): Promise<string> => new Promise((done) => {
  const socket = call({ sni, more })
  socket.on('secureConnect', () => {
    done(`${socket.getProtocol() ?? ''} ${socket.getCipher().name}`)
    socket.destroy()
  }).on('error', () => done('closed')).on('close', () => done('closed'))
})
const weak = (ciphers: string, version: tls.SecureVersion = 'TLSv1.2'): tls.ConnectionOptions => ({ minVersion: version, maxVersion: version, ciphers: `${ciphers}:@SECLEVEL=0` })
results['handshakes'] = {
  'TLS 1.0': await handshake('open.example.org', weak('ALL', 'TLSv1')), 'TLS 1.1': await handshake('open.example.org', weak('ALL', 'TLSv1.1')), 'TLS 1.2': await handshake('open.example.org', weak('ECDHE-ECDSA-AES128-GCM-SHA256')), 'TLS 1.3': await handshake('open.example.org', { minVersion: 'TLSv1.3' }),
  ...Object.fromEntries(await Promise.all(['ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA384', 'AES128-SHA', 'AES128-GCM-SHA256', 'aNULL', 'eNULL', 'ECDHE-ECDSA-NULL-SHA', 'DHE-RSA-AES128-GCM-SHA256'].map(async (cipher) => [cipher, await handshake('open.example.org', weak(cipher)).catch(() => 'closed')] as const))),
  'the mesh by TLS 1.2': await handshake('s0.p8080.web.a.bulkhead.internal', { ...weak('ALL'), cert: leaf.chain, key: leaf.key }),
}
const resumed = (first: Issued | undefined, second: Issued | undefined, version: tls.SecureVersion): Promise<unknown> => new Promise((done) => {
  const options = { minVersion: version, maxVersion: version }
  const own1 = first === undefined ? {} : { certificate: first }
  const socket = call({ sni: first === undefined ? 'open.example.org' : 'machines.example.org', ...own1, more: options })
  const tickets: Buffer[] = []
  socket.on('session', (session: Buffer) => tickets.push(session)).on('error', () => undefined)
  socket.on('data', () => {
    socket.destroy()
    const again = call({ sni: 'machines.example.org', ...(second === undefined ? {} : { certificate: second }), more: { ...options, ...(tickets[0] === undefined ? {} : { session: tickets[0] }) } })
    let text = ''
    again.on('secureConnect', () => again.write(lines('GET /x HTTP/1.1', 'Host: machines.example.org', 'Connection: close', '', '')))
    again.on('data', (part: Buffer) => (text += part.toString('latin1'))).on('error', () => undefined).on('close', () => done({ resumed: again.isSessionReused() === true, got: statuses(text === '' ? 'closed' : text) }))
  })
  socket.on('secureConnect', () => socket.write(lines('GET /public/x HTTP/1.1', `Host: ${first === undefined ? 'open' : 'machines'}.example.org`, '', '')))
})
for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  results[`a session of one caller taken up by nobody, ${version}`] = await resumed(leaf, undefined, version)
  results[`a session of one caller taken up by another, ${version}`] = await resumed(leaf, own.issue({ uri: `${ours}2` }), version)
  results[`a session of an open name taken up for one that asks, ${version}`] = await resumed(undefined, undefined, version)
}
/** What openssl's own client says, that can do what this runtime cannot. */
const client = (...words: readonly string[]) => new Promise<string>((done) => {
  const child = execFile('openssl', ['s_client', '-connect', `${gatewayAddress}:9443`, '-servername', 'open.example.org', ...words], { timeout: 5_000 }, (_, out, err) => done(out + err))
  setTimeout(() => child.stdin?.write('R\n'), 300)
})
const renegotiated = await client('-tls1_2', '-legacy_renegotiation')
results['renegotiation'] = { asked: /RENEGOTIATING/.test(renegotiated), done: (renegotiated.match(/-----BEGIN CERTIFICATE/g)?.length ?? 0) > 1 || /Renegotiation succeeded/.test(renegotiated), compressed: /Compression: (?!NONE)/.test(renegotiated) }
writeFileSync(join(base, 'early'), lines('GET /public/early HTTP/1.1', 'Host: open.example.org', '', ''))
place.web.forget()
const early = await client('-tls1_3', '-sess_out', join(base, 'session')).then(() => client('-tls1_3', '-sess_in', join(base, 'session'), '-early_data', join(base, 'early')))
results['early data'] = { accepted: /Early data was accepted/.test(early), reached: place.web.connections().join('') }
results['reached while nobody was proven'] = place.gateways.log('inbound').filter(({ kind, failure, upstream }) => kind === 'connection' && failure !== null && upstream !== null).length
process.stdout.write(JSON.stringify(results))
process.exit(0)
