/** Goes out through a proxy of the institution's, with a real one, and prints what came of each try and what the proxy was asked, as JSON. */
import { everything } from '../../../src/engines/envoy/testing.ts'
import { identityHeader } from '../../../src/engines/envoy/names.ts'
import { authority, dial, gateways, resolve, said, secure, serve, wire } from './gateway-place.ts'
import { serveProxy } from './http-proxy.ts'

const base = process.argv[2] ?? ''
const [api, web] = ['10.128.0.16', '10.128.0.18']
const [site, mirror, forged] = ['198.51.100.10', '198.51.100.20', '192.0.2.1']
const results: Record<string, unknown> = {}

wire()
const web1 = authority('web.example')
const { chain, key } = web1.issue({ dns: 'pypi.org' })
await serve(site, 443, 'pypi', { cert: chain, key })
await serve(mirror, 80, 'mirror')
await serve(mirror, 8080, 'mirror-8080')
// The gateway's resolver knows the proxy and nothing else: the names are the proxy's to resolve.
await resolve('10.128.0.5', { 'proxy.example.org': '203.0.113.9' })
const known: Readonly<Record<string, string>> = { 'pypi.org': site, 'mirror.example.org': mirror, 'evil.example.org': site }
const proxy = await serveProxy('203.0.113.9', 3128, (name) => known[name])
await gateways(base, { ...everything(), egressProxy: { host: 'proxy.example.org', port: 3128 } }, {}, new Map(), authority('bulkhead.internal'))

const tried = async (what: string, attempt: () => Promise<unknown>): Promise<void> => {
  const before = proxy.asked.length
  results[what] = [await attempt(), ...proxy.asked.slice(before)]
}
const named = (source: string, servername: string, port = 443) => said(secure(dial(source, forged, port), { servername, ca: web1.root, rejectUnauthorized: false }), 'hello')
const get = (path: string, port = 80, headers: Readonly<Record<string, string>> = {}, method = 'GET') => {
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${headers['host'] ?? 'mirror.example.org'}`, ...Object.entries(headers).filter(([name]) => name !== 'host').map(([name, value]) => `${name}: ${value}`), '', '']
  return said(dial(web, forged, port), lines.join('\r\n'))
}
const short = (text: string): string => `${/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? text.slice(0, 30)}${/^mirror[-0-9]*/m.exec(text)?.[0].replace(/^/, ' ') ?? ''}`

await tried('TLS', () => named(api, 'pypi.org'))
await tried('TLS to another name', () => named(api, 'evil.example.org'))
await tried('a request', async () => short(await get('/simple/x?a=b')))
await tried('a request on another port', async () => short(await get('/simple/x', 8080)))
await tried('a request with the port in its host', async () => short(await get('/simple/x', 8080, { host: 'mirror.example.org:8080' })))
await tried('a request whose host names another port', async () => short(await get('/simple/x', 80, { host: 'mirror.example.org:8080' })))
await tried('another method', async () => short(await get('/simple/x', 80, { 'content-length': '0' }, 'POST')))
await tried('another path', async () => short(await get('/admin')))
await tried('another host', async () => short(await get('/simple/x', 80, { host: 'evil.example.org' })))
await tried('a whole URL of its own', async () => short(await get('http://evil.example.org/simple/x')))
await tried('CONNECT of its own', async () => short(await get('evil.example.org:443', 80, {}, 'CONNECT')))
const seen = await get('/simple/x', 80, { 'proxy-authorization': 'Basic eA==', [identityHeader]: 'root', 'x-forwarded-for': '10.0.0.1' })
results['what of the client the site sees'] = seen.split('\r\n').filter((line) => /^(proxy-|x-|forwarded)/i.test(line)).sort()
process.stdout.write(JSON.stringify(results))
process.exit(0)
