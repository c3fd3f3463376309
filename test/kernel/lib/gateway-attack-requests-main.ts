/** Attacks by HTTP/1.1 on the inbound gateway; prints for each what the attacker got and what reached a workload, as JSON. */
import { connect } from 'node:net'
import { attacked, attacker, converse, gatewayAddress, raw, statuses, token } from './gateway-attack-place.ts'
import { begun } from './http-readers.ts'
import { identityHeader } from '../../../src/engines/envoy/names.ts'

const place = await attacked(process.argv[2] ?? '')
const results: Record<string, unknown> = {}

/** `[what the attacker got, what reached the web workload]`, and the vault's part if there is any. */
async function attempt(name: string, sni: string, bytes: string): Promise<void> {
  results[name] = await outcome(sni, bytes)
}
async function outcome(sni: string, bytes: string): Promise<readonly unknown[]> {
  const { got, web, vault } = await place.reached(() => converse(sni, bytes, lines('GET /public/last HTTP/1.1', `Host: ${open}`, 'Connection: close', '', '')))
  const asked = Array.isArray(web) ? web.filter((each) => each !== 'GET /public/last') : web
  return [got, asked, ...(JSON.stringify(vault) === '[]' ? [] : [vault])]
}
const lines = (...all: readonly string[]): string => all.join('\r\n')
const open = 'open.example.org'
const get = (path: string, host = open): string => lines(`GET ${path} HTTP/1.1`, `Host: ${host}`, '', '')
const hidden = lines('GET /private/smuggled HTTP/1.1', `Host: ${open}`, '', '')

// --- one request or two ---
const post = (headers: readonly string[], body: string): string => lines('POST /public/x HTTP/1.1', `Host: ${open}`, ...headers, '', body)
await attempt('an open request', open, get('/public/x'))
await attempt('two honest requests', open, get('/public/x') + get('/public/y'))
await attempt('CL.TE', open, post([`Content-Length: ${5 + hidden.length}`, 'Transfer-Encoding: chunked'], `0\r\n\r\n${hidden}`))
await attempt('TE.CL', open, post(['Transfer-Encoding: chunked', 'Content-Length: 4'], `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`))
for (const [name, header] of Object.entries({
  'TE.TE: twice': 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', 'TE.TE: a list': 'Transfer-Encoding: chunked, identity', 'TE.TE: unknown': 'Transfer-Encoding: xchunked',
  'TE.TE: a space before the colon': 'Transfer-Encoding : chunked', 'TE.TE: a tab': 'Transfer-Encoding:\tchunked', 'TE.TE: a space in front': ' Transfer-Encoding: chunked',
  'TE.TE: folded': 'X: x\r\n Transfer-Encoding: chunked', 'TE.TE: a bare LF': 'X: x\nTransfer-Encoding: chunked', 'TE.TE: a bare CR': 'X: x\rTransfer-Encoding: chunked',
  'TE.TE: a vertical tab': 'Transfer-Encoding: \x0bchunked', 'TE.TE: quoted': 'Transfer-Encoding: "chunked"', 'TE.TE: a NUL': 'Transfer-Encoding: chunked\0', 'TE.TE: an underscore': 'Transfer_Encoding: chunked',
  'TE.TE: a letter above ASCII': 'Transfer-Encoding: chunk\u00e9d', 'TE.TE: with a parameter': 'Transfer-Encoding: chunked;x', 'TE.TE: another first': 'Transfer-Encoding: gzip, chunked', 'TE.TE: upper case': 'TRANSFER-ENCODING: CHUNKED',
})) await attempt(name, open, post([header, `Content-Length: ${5 + hidden.length}`], `0\r\n\r\n${hidden}`))
for (const [name, header] of Object.entries({
  'lengths that differ': `Content-Length: ${hidden.length}\r\nContent-Length: 0`, 'lengths in a list': `Content-Length: ${hidden.length}, 0`, 'a length with a sign': `Content-Length: +${hidden.length}`,
  'a length below nothing': 'Content-Length: -1', 'a length in hexadecimal': `Content-Length: 0x${hidden.length.toString(16)}`, 'a length with a space in it': 'Content-Length: 0 1', 'a length beyond 64 bits': 'Content-Length: 18446744073709551616',
  'a length after a bare LF': `X: x\nContent-Length: ${hidden.length}`, 'a length with a space before the colon': `Content-Length : ${hidden.length}`,
})) await attempt(name, open, post([header], hidden))
const chunked = (body: string): string => post(['Transfer-Encoding: chunked'], body)
const broken = (body: string): string => chunked(body).replace('/public/x', begun)
await attempt('an honest chunked body', open, chunked('3\r\nabc\r\n0\r\n\r\n') + get('/public/y'))
await attempt('a chunk extension', open, chunked(`3;${hidden.split('\r\n')[0]}\r\nabc\r\n0\r\n\r\n`))
await attempt('a chunk extension with a bare LF', open, broken(`2;\nxx\r\n${hidden.length.toString(16)}\r\n0\r\n\r\n${hidden}\r\n0\r\n\r\n`))
await attempt('a chunk size with a bare LF', open, broken(`3\nabc\n0\n\n${hidden}`))
await attempt('a chunk size in 17 digits', open, chunked(`${'0'.repeat(16)}3\r\nabc\r\n0\r\n\r\n`))
await attempt('a chunk size that overflows', open, broken(`fffffffffffffffff\r\n${hidden}`))
await attempt('a chunk size with 0x', open, broken(`0x3\r\nabc\r\n0\r\n\r\n`))
await attempt('a chunk that ends late', open, broken(`3\r\nabcXX\r\n0\r\n\r\n${hidden}`))
await attempt('a chunk size below nothing', open, broken(`-1\r\nabc\r\n0\r\n\r\n`))
await attempt('a trailer that says where a body ends', open, chunked(`0\r\nContent-Length: ${hidden.length}\r\n\r\n`) + get('/public/y'))
await attempt('a head that ends in bare LFs', open, `GET /public/x HTTP/1.1\nHost: ${open}\n\n${hidden}`)
await attempt('a bare CR in a value', open, lines('GET /public/x HTTP/1.1', `Host: ${open}`, 'X: a\rGET /private HTTP/1.1', '', ''))
await attempt('a NUL in a value', open, lines('GET /public/x HTTP/1.1', `Host: ${open}`, 'X: a\0b', '', ''))
await attempt('a body in a GET', open, lines('GET /public/x HTTP/1.1', `Host: ${open}`, `Content-Length: ${hidden.length}`, '', hidden))
await attempt('a body that waits to be asked for', open, lines('POST /public/x HTTP/1.1', `Host: ${open}`, 'Expect: 100-continue', `Content-Length: ${hidden.length}`, '', hidden))
await attempt('HTTP/0.9', open, 'GET /public/x\r\n\r\n')
await attempt('HTTP/1.0 without a host', open, 'GET /public/x HTTP/1.0\r\n\r\n')
await attempt('HTTP/1.0', open, lines('GET /public/x HTTP/1.0', `Host: ${open}`, 'Connection: keep-alive', '', '') + hidden)
await attempt('an unknown version', open, lines('GET /public/x HTTP/9.9', `Host: ${open}`, '', ''))
await attempt('a line with two targets', open, lines('GET /public/x /private HTTP/1.1', `Host: ${open}`, '', ''))
await attempt('empty lines first', open, `\r\n\r\n${get('/public/x')}`)

// --- other protocols in the middle ---
const upgrade = (...more: readonly string[]): readonly string[] => ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: x', ...more]
await attempt('h2c where nothing may be upgraded', open, lines('GET /public/x HTTP/1.1', `Host: ${open}`, 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__', '', hidden))
await attempt('h2c beside WebSockets', 'socket.example.org', lines('GET /public/x HTTP/1.1', 'Host: socket.example.org', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__', '', hidden))
await attempt('a WebSocket where none is allowed', open, lines('GET /public/x HTTP/1.1', `Host: ${open}`, ...upgrade(), '', hidden))
await attempt('a WebSocket and h2c in a list', 'socket.example.org', lines('GET /public/x HTTP/1.1', 'Host: socket.example.org', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c, websocket', 'HTTP2-Settings: AAMAAABkAAQAAP__', '', hidden))
await attempt('a WebSocket to a path that is closed', 'socket.example.org', lines('GET /private HTTP/1.1', 'Host: socket.example.org', ...upgrade(), '', ''))
const socketOf = (...headers: readonly string[]): string => lines('GET /api/x HTTP/1.1', 'Host: api.example.org', `Authorization: Bearer ${token()}`, ...headers, 'Sec-WebSocket-Key: x', '', '')
await attempt('a WebSocket', 'api.example.org', socketOf('Connection: keep-alive, Upgrade', 'Upgrade: websocket'))
results['the connection of a WebSocket, as the workload sees it'] = connectionNames(place.web.connections().join(''))
for (const [name, headers] of Object.entries({
  'a WebSocket that takes the identity for its own connection': [`Connection: Upgrade, ${identityHeader}`], 'a WebSocket that takes it in another header': ['Connection: Upgrade', `Connection: ${identityHeader}`], 'a WebSocket that takes it in upper case': [`Connection: ${identityHeader.toUpperCase()} ,Upgrade`],
})) await attempt(name, 'api.example.org', socketOf(...headers, 'Upgrade: websocket'))
await attempt('CONNECT', open, lines(`CONNECT ${open}:9443 HTTP/1.1`, `Host: ${open}`, '', ''))
await attempt('CONNECT inwards', open, lines('CONNECT 10.128.0.17:8080 HTTP/1.1', 'Host: 10.128.0.17:8080', '', ''))

// --- names ---
for (const [name, request] of Object.entries({
  'another host than the name of TLS': get('/', 'vault.example.org'), 'two hosts': lines('GET /public/x HTTP/1.1', `Host: ${open}`, 'Host: vault.example.org', '', ''), 'two hosts, ours last': lines('GET /public/x HTTP/1.1', 'Host: vault.example.org', `Host: ${open}`, '', ''),
  'hosts in a list': get('/public/x', `${open}, vault.example.org`), 'a host with a user': get('/public/x', `${open}@vault.example.org`), 'a host with a user, ours last': get('/public/x', `vault.example.org@${open}`),
  'a host with a path': get('/public/x', `${open}/private`), 'a host with a fragment': get('/public/x', `${open}#x`), 'a host with another port': get('/public/x', `${open}:22`), 'a host with a port that is none': get('/public/x', `${open}:x`), 'a host in upper case': get('/public/x', open.toUpperCase()),
  'a host with a dot at its end': get('/public/x', `${open}.`), 'a host with a NUL': get('/public/x', `${open}\0.vault.example.org`), 'a host with a space': get('/public/x', `${open} vault.example.org`), 'no host': 'GET /public/x HTTP/1.1\r\n\r\n', 'an empty host': get('/public/x', ''),
  'a host in another header': lines('GET /public/x HTTP/1.1', `Host: ${open}`, 'X-Forwarded-Host: vault.example.org', 'Forwarded: host=vault.example.org', 'X-Original-URL: /private', 'X-Rewrite-URL: /private', 'X-HTTP-Method-Override: DELETE', '', ''),
  'an absolute URI of ours': lines(`GET http://${open}/public/x HTTP/1.1`, `Host: ${open}`, '', ''), 'an absolute URI of another': lines('GET http://vault.example.org/ HTTP/1.1', `Host: ${open}`, '', ''),
  'an absolute URI inwards': lines('GET http://10.128.0.17:8080/ HTTP/1.1', `Host: ${open}`, '', ''), 'an absolute URI of https': lines(`GET https://${open}/public/x HTTP/1.1`, `Host: ${open}`, '', ''), 'a target that is a name': lines(`GET ${open} HTTP/1.1`, `Host: ${open}`, '', ''), 'the star': lines('OPTIONS * HTTP/1.1', `Host: ${open}`, '', ''),
})) await attempt(name, open, request)
await attempt('two names on one connection', open, get('/public/x') + get('/', 'vault.example.org') + get('/public/y'))
for (const sni of ['vault.example.org', 'machines.example.org']) await attempt(`a host that is open, with the name of ${sni}`, sni, get('/public/x'))
await attempt('a name below a pattern, the host of another', 'one.apps.example.org', lines('GET /api/x HTTP/1.1', 'Host: two.apps.example.org', `Authorization: Bearer ${token()}`, '', ''))

// --- paths ---
const paths: Record<string, string> = {}
for (const path of [
  '/public/../private', '/public/%2e%2e/private', '/public/%2E%2e/private', '/public/.%2e/private', '/public/..%2fprivate', '/public/..%2Fprivate', '/public/..%5cprivate', '/public/..\\private', '/public\\..\\private', '/public/..;/private', '/public/..;x=y/private',
  '/public/%2e%2e;/private', '/public/./../private', '/public//../private', '/public/%252e%252e/private', '/public/%c0%ae%c0%ae/private', '/public/\u00c0\u00ae/private', '/public/%00/../private', '/public%00', '/public#/../private', '/public/x?/../private', '/public/%u002e%u002e/private', '/public/%2', '/public/%zz',
  '/PUBLIC/x', '/%70ublic/x', '/private/../public/x', '/private;/../public/x', '//public/x', '/\\public/x', '/./public/x', '/../public/x', '/public/..', '/public/.', '/public/%2f%2e%2e%2fprivate', '/public/%09x', '/public/%0d%0aX:%20y', '/publicx',
]) paths[path] = path
for (const path of Object.keys(paths)) {
  paths[path] = (await outcome(open, get(path))).flat().join(' ')
}
results['paths'] = paths

// --- who is calling ---
function connectionNames(head: string): readonly string[] {
  return [...head.matchAll(/^connection: (.*)$/gim)].flatMap(([, value = '']) => value.toLowerCase().split(',').map((each) => each.trim()))
}
const identities: Record<string, unknown> = {}
const asAlice = (headers: readonly string[]): string => lines('GET /api/x HTTP/1.1', 'Host: api.example.org', `Authorization: Bearer ${token()}`, ...headers, '', '')
const forged = {
  'as it is': [`${identityHeader}: root`], 'in another case': ['X-BULKHEAD-IDENTITY: root', 'x-Bulkhead-identity: admin'], 'with underscores': ['X_Bulkhead_Identity: root'], 'with dots': ['X.Bulkhead.Identity: root', 'x-bulkhead.identity: root'],
  'with other marks': [...'!#$%&\'*+^`|~'].map((mark) => `x${mark}bulkhead-identity: root`), 'with a space before the colon': [`${identityHeader} : root`],
  'with a space in front': [`X: y`, ` ${identityHeader}: root`], 'after a bare LF': [`X: y\n${identityHeader}: root`], 'after a bare CR': [`X: y\r${identityHeader}: root`], 'with a NUL': [`${identityHeader}\0: root`], 'as a trailer': ['Transfer-Encoding: chunked', `Trailer: ${identityHeader}`, '', '0', `${identityHeader}: root`],
  'taken away by Connection': [`Connection: close, ${identityHeader}`], 'taken away by Keep-Alive': [`Keep-Alive: ${identityHeader}`, `Proxy-Connection: ${identityHeader}`], 'as a client certificate': ['X-Forwarded-Client-Cert: URI=root', 'X-Forwarded-For: 10.0.0.1', 'X-Envoy-External-Address: 10.0.0.1', 'X-Real-IP: 10.0.0.1'],
  'as Envoy\'s own': ['X-Envoy-Original-Path: /api/admin', 'X-Envoy-Decorator-Operation: root', 'X-Envoy-Upstream-Alt-Stat-Name: root', 'X-Envoy-Internal: true', 'X-Envoy-Retry-On: 5xx', 'X-Envoy-Max-Retries: 9', 'X-Envoy-Upstream-Rq-Timeout-Ms: 1'],
}
for (const [name, headers] of Object.entries(forged)) {
  for (const [who, sni, bytes] of [['alice', 'api.example.org', asAlice(headers)], ['nobody', open, lines('GET /public/x HTTP/1.1', `Host: ${open}`, ...headers, '', '')]] as const) {
    place.web.forget()
    const got = await converse(sni, bytes)
    const heads = place.web.connections().join('')
    // Whatever a careless reader may take for the end of a line.
    const told = heads.split(/[\r\n\v\f\0\x85]+/).flatMap((line) => /^\s*x.bulkhead.identity\s*:(.*)/i.exec(line)?.[1]?.trim() ?? [])
    identities[`${name}, ${who}`] = [got, ...told, ...(connectionNames(heads).includes(identityHeader) ? ['taken away'] : []), ...(/uri=root|10\.0\.0\.1|^x-envoy-(?!external-address)/im.test(heads) ? [heads] : [])]
  }
}
results['identities'] = identities

// --- plain HTTP ---
const plain = (bytes: string): Promise<string> => {
  const socket = connect({ host: gatewayAddress, port: 9080, localAddress: attacker })
  return raw(socket, bytes, (so) => (so.includes('\r\n\r\n') ? void socket.destroy() : undefined))
}
results['a redirect for a forged host'] = statuses(await plain(get('/x', 'evil.example')))
results['a redirect with a line break'] = /location: .*/i.exec(await plain(get('/x%0d%0aSet-Cookie:%20a=b')))?.[0]
results['a redirect to another server'] = /location: .*/i.exec(await plain(get('//evil.example/x')))?.[0]
results['what should not have reached anybody'] = place.unwanted()
process.stdout.write(JSON.stringify(results))
process.exit(0)
