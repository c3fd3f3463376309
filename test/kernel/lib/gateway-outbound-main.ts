/** Tries the outbound gateway from every side and prints what came of each try, as JSON. */
import { setTimeout as sleep } from 'node:timers/promises'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { apply, replaceFile } from '../../../src/engines/envoy/apply.ts'
import { chainsInForce } from '../../../src/engines/envoy/admin.ts'
import { everything } from '../../../src/engines/envoy/testing.ts'
import { authority, dial, gateways, lastLedPort, resolve, said, secure, serve, wire } from './gateway-place.ts'
import { messageOf } from '../../../src/base/fault.ts'
import type { Socket } from 'node:net'

const base = process.argv[2] ?? ''
const [api, db, web, model, stranger] = ['10.128.0.16', '10.128.0.17', '10.128.0.18', '10.128.0.19', '10.128.0.20']
const [real, forged] = ['198.51.100.10', '192.0.2.1']
const results: Record<string, unknown> = {}

wire()
const web1 = authority('web.example')
const cert = (dns: string) => {
  const { chain, key } = web1.issue({ dns })
  return { cert: chain, key }
}
await serve(real, 443, 'pypi', cert('pypi.org'))
await serve(real, 8443, 'pypi-8443', cert('pypi.org'))
await serve('198.51.100.20', 80, 'mirror')
await serve('198.51.100.20', 8080, 'mirror-8080')
await serve(db, 5432, 'db')
await resolve('10.128.0.5', { 'pypi.org': real, 'files.pythonhosted.org': real, 'mirror.example.org': '198.51.100.20', 'evil.example.org': real })
const platform = everything()
const own = authority('bulkhead.internal')
const { folder, rendered, supply, log } = await gateways(base, platform, {}, new Map(), own)
const outbound = folder('outbound')
const first = rendered(platform)

const named = (source: string, servername: string | undefined, port = 443, address = forged) =>
  said(secure(dial(source, address, port), { ...(servername === undefined ? {} : { servername }), ca: web1.root, rejectUnauthorized: false }), 'hello')
const plain = (source: string, request: string, port = 80) => said(dial(source, forged, port), request).then((text) => text.split('\r\n')[0] + (text.includes('mirror') ? ` ${/mirror[-0-9]*/.exec(text)?.[0]}` : ''))
const get = (path: string, host = 'mirror.example.org', method = 'GET', more = '') => `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${more}\r\n`

results['an allowed name'] = await named(api, 'pypi.org')
results['a name below an allowed one'] = await named(api, 'files.pythonhosted.org')
results['an upper-case name'] = await named(api, 'PyPI.org')
results['a name below one that allows itself alone'] = await named(api, 'x.pypi.org')
results['the bare name of a pattern'] = await named(api, 'pythonhosted.org')
results['another name at the right address'] = await named(api, 'evil.example.org', 443, real)
results['no name'] = await named(api, undefined, 443, real)
results['an allowed name on another port'] = await named(api, 'pypi.org', 8443)
results['another port for who has all'] = await named(model, 'pypi.org', 8443)
results['an address that nobody has'] = await named(stranger, 'pypi.org')
results['plain words on a port for TLS'] = await plain(api, 'hello\r\n\r\n', 443)

results['an allowed request'] = await plain(web, get('/simple/x'))
results['an allowed request on the second port'] = await plain(web, get('/simple/x'), 8080)
results['a host with the port of the connection'] = await plain(web, get('/simple/x', 'mirror.example.org:8080'), 8080)
results['a host with another port'] = await plain(web, get('/simple/x', 'mirror.example.org:8080'))
results['another method'] = await plain(web, get('/simple/x', undefined, 'DELETE'))
results['another path'] = await plain(web, get('/admin'))
results['a path that climbs out'] = await plain(web, get('/simple/../admin'))
results['a path that climbs out in disguise'] = await plain(web, get('/simple/%2e%2e/admin'))
results['an escaped slash'] = await plain(web, get('/simple/..%2fadmin'))
results['another host'] = await plain(web, get('/simple/x', 'evil.example.org'))
results['an address for a host'] = await plain(web, get('/simple/x', '198.51.100.20'))
results['an absolute URI'] = await plain(web, `GET http://mirror.example.org/simple/x HTTP/1.1\r\nhost: mirror.example.org\r\n\r\n`)
results['an absolute URI of another host'] = await plain(web, `GET http://evil.example.org/simple/x HTTP/1.1\r\nhost: mirror.example.org\r\n\r\n`)
results['CONNECT'] = await plain(web, `CONNECT mirror.example.org:80 HTTP/1.1\r\nhost: mirror.example.org:80\r\n\r\n`)
results['no host'] = await plain(web, 'GET /simple/x HTTP/1.1\r\n\r\n')
results['two lengths'] = await plain(web, get('/simple/x', undefined, 'GET', 'content-length: 5\r\ntransfer-encoding: chunked\r\n') + '0\r\n\r\n')
results['plain HTTP by who may only use TLS there'] = await plain(api, get('/simple/x'))

results['mutual TLS inside'] = await said(dial(api, db, 5432), 'hello')
results['inside without a path by mutual TLS'] = await said(dial(web, db, 5432), 'hello')
results['inside on another port'] = await said(dial(api, db, 5433), 'hello')

// --- a change: what is revoked ends, what stays does not notice ---
const held = (source: string): Promise<{ readonly socket: Socket; readonly ended: Promise<true> }> =>
  new Promise((open) => {
    const socket = secure(dial(source, forged, 443), { servername: 'pypi.org', ca: web1.root })
    const ended = new Promise<true>((done) => socket.on('error', () => undefined).on('close', () => done(true)))
    socket.on('secureConnect', () => open({ socket, ended }))
  })
const [revoked, staying] = [await held(api), await held(model)]
const revokedPort = lastLedPort() - 1
const narrower = { ...platform, egressPolicies: platform.egressPolicies.filter(({ name }) => name !== 'packages') }
const next = rendered(narrower)
await supply(next)
await apply(next.outbound, { folder: outbound })
results['the revoked connection ended'] = await Promise.race([revoked.ended, sleep(60_000, false, { ref: false })])
results['the revoked path'] = await named(api, 'pypi.org')
staying.socket.write('still')
results['the connection that stays'] = await said(staying.socket as never, '')
results['chains in force'] = (await chainsInForce(join(outbound, 'admin.sock'))).filter((name) => name.startsWith('tls:a/api'))

// --- what Envoy refuses ---
const lds = readFileSync(join(outbound, 'lds.json'), 'utf8')
const broken = new Map([...next.outbound.files, ['lds.json', lds.replace('original_dst.v3.OriginalDst', 'original_dst.v3.Nothing').replace(/"version_info": ?"\w+"/, '"version_info": "broken"')]])
results['a file that Envoy cannot read'] = await apply({ files: broken }, { folder: outbound, timeoutMs: 1_500 }).then(() => 'taken', messageOf)
const wrong = JSON.parse(lds.replaceAll('"0.0.0.0"', '"192.0.2.250"')) as { version_info: string }
wrong.version_info = 'wrong'
results['listeners that Envoy refuses'] = await apply({ files: new Map([...next.outbound.files, ['lds.json', JSON.stringify(wrong)]]) }, { folder: outbound, timeoutMs: 30_000 }).then(() => 'taken', messageOf)
await sleep(200)
results['after a refusal'] = await named(model, 'pypi.org', 8443)
await replaceFile(join(outbound, 'lds.json'), lds)
await apply(next.outbound, { folder: outbound })
/** Envoy writes its log a moment after what it tells of. */
async function line(found: (line: Record<string, unknown>) => boolean): Promise<Readonly<Record<string, unknown>> | undefined> {
  for (let tries = 0; tries < 600; tries++) {
    const there = log('outbound').find(found)
    if (there !== undefined) return there
    await sleep(50)
  }
  return undefined
}
results['the record of a connection'] = await line((each) => each['sni'] === 'pypi.org' && String(each['source']).startsWith(`${api}:`))
results['the record of a revoked connection'] = await line((each) => each['source'] === `${api}:${revokedPort}`)
results['the record of a request'] = await line((each) => each['path'] === '/simple/x' && each['status'] === 200)
results['the record of a refusal'] = await line((each) => each['sni'] === 'evil.example.org')
results['rules'] = Object.fromEntries(first.outbound.rules)
process.stdout.write(JSON.stringify(results))
process.exit(0)
