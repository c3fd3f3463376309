/** Attacks on the outbound gateway by names; prints for each what the attacker got and which server outside was reached, as JSON. */
import { agreed } from './http-readers.ts'
import { encryptedHello, extension, helloMessage, records, serverName } from './client-hello.ts'
import { authority, dial, gateways, resolve, serve, wire } from './gateway-place.ts'
import { keepBytes } from './byte-keeper.ts'
import { everything } from '../../../src/engines/envoy/testing.ts'
import { answerIn, frame, frameTypes, fields, flags, hello } from './http2-frames.ts'
import type { ByteKeeper } from './byte-keeper.ts'

const [api, web] = ['10.128.0.16', '10.128.0.18']
const [allowed, elsewhere, mirror] = ['198.51.100.10', '192.0.2.1', '198.51.100.20']
const results: Record<string, unknown> = {}

wire()
// They keep what they are sent; nothing here needs the rest of a handshake.
const keepers: Readonly<Record<string, ByteKeeper>> = {
  allowed: await keepBytes(allowed, 443, 'allowed'), elsewhere: await keepBytes(elsewhere, 443, 'elsewhere'), platform: await keepBytes('10.128.0.4', 443, 'platform'), metadata: await keepBytes('203.0.113.9', 443, 'metadata'),
  mirror: await keepBytes(mirror, 80, 'mirror'), other: await keepBytes(elsewhere, 80, 'other'),
}
await serve(mirror, 8080, 'mirror')
await resolve('10.128.0.5', { 'pypi.org': allowed, 'files.pythonhosted.org': allowed, 'mirror.example.org': mirror, 'evil.example.org': elsewhere, 'x.pythonhosted.org': allowed })
const { log } = await gateways(process.argv[2] ?? '', everything(), {}, new Map(), authority('bulkhead.internal'))

/** What came back until the end or the first answer; silence counts as an answer that never comes. */
function said(source: string, port: number, ...parts: readonly Buffer[]): Promise<string> {
  return new Promise((done) => {
    const socket = dial(source, elsewhere, port)
    const finish = (text: string): void => {
      clearTimeout(timer)
      socket.destroy()
      done(text)
    }
    const timer = setTimeout(() => finish('silence'), 12_000)
    let text = ''
    socket.on('data', (part) => {
      text += part.toString('latin1')
      const http2 = answerIn(Buffer.from(text, 'latin1')).streams['1']
      if (/^HTTP\/1/.test(text) ? text.includes('\r\n\r\n') : port === 443) finish(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 'answered')
      else if (!/^HTTP\/1/.test(text) && http2 !== undefined) finish(http2)
    })
    socket.on('error', () => finish('closed')).on('close', () => finish('closed'))
    socket.setNoDelay(true)
    socket.on('connect', () => void (async () => {
      for (const part of parts) {
        await new Promise((written) => socket.write(part, written))
        if (parts.length > 1) await new Promise((next) => setTimeout(next, 2))
      }
    })())
  })
}
async function attempt(name: string, source: string, port: number, ...parts: readonly Buffer[]): Promise<void> {
  for (const keeper of Object.values(keepers)) keeper.forget()
  const got = await said(source, port, ...parts)
  const reached = Object.entries(keepers).filter(([, keeper]) => keeper.connections().some((bytes) => bytes !== '')).map(([each]) => each)
  results[name] = [got, ...reached]
}

// --- TLS ---
const tls = (name: string, ...extensions: readonly Buffer[]): Promise<void> => attempt(name, api, 443, records(helloMessage(...extensions)))
const ok = serverName('pypi.org')
await tls('an allowed name', ok)
await tls('an allowed name in another case', serverName('PyPI.Org'))
await tls('a name below a pattern', serverName('x.pythonhosted.org'))
await attempt('an allowed name in records of ten bytes', api, 443, records(helloMessage(ok), 10))
await attempt('an allowed name byte for byte', api, 443, ...[...records(helloMessage(ok))].map((byte) => Buffer.from([byte])))
await tls('another name', serverName('evil.example.org'))
await tls('no name')
await tls('an empty name', serverName(''))
await tls('an empty list of names', extension(0, Buffer.from([0, 0])))
await tls('an extension of names without a list', extension(0, Buffer.alloc(0)))
await tls('a name with a dot at its end', serverName('pypi.org.'))
await tls('a name with a NUL behind', serverName('pypi.org\0.evil.example.org'))
await tls('a name with a NUL before', serverName('evil.example.org\0.pythonhosted.org'))
await tls('a name with a line break', serverName('evil.example.org\r\n.pythonhosted.org'))
await tls('a name with a slash', serverName('evil.example.org/.pythonhosted.org'))
await tls('a name with a colon', serverName('evil.example.org:443/.pythonhosted.org'))
await tls('a name with a star', serverName('*.pythonhosted.org'))
await tls('a name of dots', serverName('..pythonhosted.org'))
await tls('a name that only ends so', serverName('evilpythonhosted.org'))
await tls('a name that only begins so', serverName('pypi.org.evil.example.org'))
await tls('a name beyond all lengths', serverName(`${'x'.repeat(70_00)}.pythonhosted.org`))
await tls('an address', serverName('198.51.100.10'))
await tls('an address of IPv6', serverName('::ffff:198.51.100.10'))
await tls('an address inwards', serverName('10.128.0.17'))
await tls('localhost', serverName('localhost'))
await tls('two names, the allowed one first', serverName('pypi.org', 'evil.example.org'))
await tls('two names, the allowed one last', serverName('evil.example.org', 'pypi.org'))
await tls('two extensions of names', serverName('pypi.org'), serverName('evil.example.org'))
await tls('a name of another type', serverName([1, 'pypi.org']))
await tls('an encrypted hello behind another name', serverName('evil.example.org'), encryptedHello)
await tls('an encrypted hello behind no name', encryptedHello)
await tls('an encrypted hello behind an allowed name', ok, encryptedHello)
await attempt('plain bytes before the hello', api, 443, Buffer.concat([Buffer.from('x'), records(helloMessage(ok))]))
await attempt('a hello of SSL 2', api, 443, Buffer.from('802b0100020012000000100100800300800500800700c0000004000000080000000a', 'hex'))
await attempt('a record that is no handshake', api, 443, Buffer.concat([Buffer.from([23, 3, 1, 0, 5]), Buffer.from('hello')]))
await attempt('plain HTTP where TLS is allowed', api, 443, Buffer.from('GET / HTTP/1.1\r\nHost: pypi.org\r\n\r\n'))
await attempt('plain HTTP for an allowed name on its port', web, 443, Buffer.from('GET /simple/x HTTP/1.1\r\nHost: mirror.example.org\r\n\r\n'))
await attempt('TLS where plain HTTP is allowed', web, 80, records(helloMessage(serverName('mirror.example.org'))))

// --- plain HTTP ---
const lines = (...all: readonly string[]): Buffer => Buffer.from(all.join('\r\n'), 'latin1')
const http = (name: string, host: string, target = '/simple/x', ...more: readonly string[]): Promise<void> => attempt(name, web, 80, lines(`GET ${target} HTTP/1.1`, `Host: ${host}`, ...more, '', ''))
await http('an allowed host', 'mirror.example.org')
for (const [name, host] of Object.entries({
  'another host': 'evil.example.org', 'a host with a user': 'mirror.example.org@evil.example.org', 'a host with a user, ours last': 'evil.example.org@mirror.example.org', 'a host with another port': 'mirror.example.org:443', 'hosts in a list': 'mirror.example.org, evil.example.org', 'a host with a path': 'evil.example.org/mirror.example.org', 'a host with a fragment': 'evil.example.org#mirror.example.org',
  'a host with a NUL': 'mirror.example.org\0evil.example.org', 'a host with a tab': 'mirror.example.org\tevil.example.org', 'an address for a host': '198.51.100.20', 'an address of IPv6 for a host': '[::ffff:198.51.100.20]', 'an address as a number': '3325256724', 'a host inwards': '10.128.0.4', 'localhost for a host': 'localhost', 'an empty host': '',
})) await http(name, host)
await http('two hosts', 'mirror.example.org', '/simple/x', 'Host: evil.example.org')
await http('a forwarded host', 'mirror.example.org', '/simple/x', 'X-Forwarded-Host: evil.example.org', 'Forwarded: host=evil.example.org', 'X-Envoy-Original-Dst-Host: 192.0.2.1:80')
await http('an absolute URI of another host', 'mirror.example.org', 'http://evil.example.org/simple/x')
await http('a path that climbs', 'mirror.example.org', '/simple/%2e%2e/admin')
await http('an upgrade to h2c', 'mirror.example.org', '/simple/x', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__')
await http('a WebSocket', 'mirror.example.org', '/simple/x', 'Connection: Upgrade', 'Upgrade: websocket')
await attempt('CONNECT', web, 80, lines('CONNECT evil.example.org:443 HTTP/1.1', 'Host: evil.example.org:443', '', ''))
const hidden = 'GET /admin HTTP/1.1\r\nHost: evil.example.org\r\n\r\n'
await attempt('CL.TE', web, 80, lines('GET /simple/x HTTP/1.1', 'Host: mirror.example.org', `Content-Length: ${5 + hidden.length}`, 'Transfer-Encoding: chunked', '', '0', '', hidden))
await attempt('a request in the body of another', web, 80, lines('GET /simple/x HTTP/1.1', 'Host: mirror.example.org', `Content-Length: ${hidden.length}`, '', hidden))
results['what the mirror read of that'] = agreed(keepers['mirror']?.connections() ?? [])
const h2 = (authorityOf: string, more: readonly (readonly [string, string])[] = []): Buffer => Buffer.concat([hello, frame(frameTypes.headers, flags.endHeaders | flags.endStream, 1, fields([[':method', 'GET'], [':scheme', 'http'], [':path', '/simple/x'], [':authority', authorityOf], ...more]))])
await attempt('HTTP/2 to another authority', web, 80, h2('evil.example.org'))
await attempt('HTTP/2 to an allowed authority with another host', web, 80, h2('evil.example.org', [['host', 'mirror.example.org']]))
results['connections to what is inside'] = log('outbound').filter(({ upstream }) => /^(127\.|10\.|\[::1\])/.test(String(upstream))).length
process.stdout.write(JSON.stringify(results))
process.exit(0)
