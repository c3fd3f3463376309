/** Attacks by HTTP/2 on the inbound gateway; prints for each what the attacker got and what reached a workload, as JSON. */
import { attacked, call, token } from './gateway-attack-place.ts'
import { begun } from './http-readers.ts'
import { answerIn, fields, flags, frame, frameTypes, hello } from './http2-frames.ts'
import type { Answer } from './http2-frames.ts'

const place = await attacked(process.argv[2] ?? '')
const results: Record<string, unknown> = {}
const open = 'open.example.org'
type Fields = readonly (readonly [string, string])[]

/** Sends all of it and hears until every one of the streams has its answer, the other side ends, or is silent for long. */
function exchange(bytes: Buffer, streams: readonly number[], sni: string): Promise<Answer & { readonly closed: boolean }> {
  return new Promise((resolve) => {
    const socket = call({ sni, more: { ALPNProtocols: ['h2'] } })
    const heard: Buffer[] = []
    const answer = (): Answer => answerIn(Buffer.concat(heard))
    let closed = false
    const done = (): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ ...answer(), closed })
    }
    const timer = setTimeout(done, 5_000)
    socket.on('data', (part) => {
      heard.push(part)
      const got = answer().streams
      if (streams.every((stream) => got[stream] !== undefined)) done()
    })
    socket.on('error', () => undefined).on('close', () => {
      closed = true
      done()
    })
    socket.on('secureConnect', () => socket.write(bytes))
  })
}
const pseudo = (path = '/public/x', authority: string | undefined = open, method = 'GET'): Fields => [[':method', method], [':scheme', 'https'], [':path', path], ...(authority === undefined ? [] : [[':authority', authority] as const])]
const headers = (all: Fields, stream = 1, end = true): Buffer => frame(frameTypes.headers, flags.endHeaders | (end ? flags.endStream : 0), stream, fields(all))
const data = (text: string, stream = 1, end = true): Buffer => frame(frameTypes.data, end ? flags.endStream : 0, stream, Buffer.from(text, 'latin1'))

async function attempt(name: string, sni: string, ...frames: readonly Buffer[]): Promise<void> {
  const streams = [...new Set(frames.filter((each) => each.readUInt8(3) === frameTypes.headers).map((each) => each.readUInt32BE(5)))]
  const { got, web, vault } = await place.reached(() => exchange(Buffer.concat([hello, ...frames]), streams, sni))
  const told = [...Object.values(got.streams), ...(got.ended === undefined ? [] : [`ended ${got.ended}`]), ...(Object.keys(got.streams).length === 0 && got.ended === undefined && got.closed ? ['closed'] : [])]
  results[name] = [told.join(', '), web, ...(JSON.stringify(vault) === '[]' ? [] : [vault])]
}

await attempt('an open request', open, headers(pseudo()))
await attempt('three requests', open, headers(pseudo('/public/a'), 1), headers(pseudo('/public/b'), 3), headers(pseudo('/public/c'), 5))

// --- names ---
await attempt('another authority than the name of TLS', open, headers(pseudo('/', 'vault.example.org')))
await attempt('a connection used for two names', open, headers(pseudo(), 1), headers(pseudo('/', 'vault.example.org'), 3))
await attempt('an authority below a pattern with another name of TLS', 'one.apps.example.org', headers([...pseudo('/api/x', 'one.apps.example.org'), ['authorization', `Bearer ${token()}`]], 1), headers([...pseudo('/api/x', 'two.apps.example.org'), ['authorization', `Bearer ${token()}`]], 3))
await attempt('an authority and another host', open, headers([...pseudo(), ['host', 'vault.example.org']]))
await attempt('a host and another authority', open, headers([...pseudo('/', 'vault.example.org'), ['host', open]]))
await attempt('a host without an authority', open, headers([...pseudo('/public/x', ''), ['host', open]].filter(([name, value]) => name !== ':authority' || value !== '') as Fields))
await attempt('two authorities', open, headers([...pseudo(), [':authority', 'vault.example.org']]))
await attempt('an authority with a user', open, headers(pseudo('/public/x', `vault.example.org@${open}`)))
await attempt('no authority', open, headers(pseudo().filter(([name]) => name !== ':authority')))
await attempt('another scheme', open, headers(pseudo().map(([name, value]) => [name, name === ':scheme' ? 'ftp' : value] as const)))
await attempt('an address inwards', open, headers(pseudo('/', '10.128.0.17:8080')))

// --- what HTTP/1 would read as something else ---
const hidden = `GET /private/smuggled HTTP/1.1\r\nHost: ${open}\r\n\r\n`
await attempt('H2.CL: too short', open, headers([...pseudo(begun, open, 'POST'), ['content-length', '0']], 1, false), data(hidden))
await attempt('H2.CL: too long', open, headers([...pseudo(begun, open, 'POST'), ['content-length', String(hidden.length + 10)]], 1, false), data(hidden))
await attempt('H2.CL: twice', open, headers([...pseudo(begun, open, 'POST'), ['content-length', '0'], ['content-length', String(hidden.length)]], 1, false), data(hidden))
await attempt('H2.TE', open, headers([...pseudo('/public/x', open, 'POST'), ['transfer-encoding', 'chunked']], 1, false), data(`0\r\n\r\n${hidden}`))
await attempt('a body without a length', open, headers(pseudo('/public/x', open, 'POST'), 1, false), data(hidden))
await attempt('connection', open, headers([...pseudo(), ['connection', 'close']]))
await attempt('upgrade', open, headers([...pseudo(), ['connection', 'upgrade'], ['upgrade', 'h2c']]))
await attempt('te', open, headers([...pseudo(), ['te', 'chunked']]))
for (const [name, field] of Object.entries({
  'a line break in a value': ['x', `y\r\n\r\n${hidden}`], 'a line break and a header in a value': ['x', 'y\r\nx-bulkhead-identity: root'], 'a bare LF in a value': ['x', 'y\nx-bulkhead-identity: root'], 'a bare CR in a value': ['x', 'y\rx-bulkhead-identity: root'], 'a NUL in a value': ['x', 'y\0z'],
  'a line break in a name': ['x: y\r\nx-bulkhead-identity', 'root'], 'a colon in a name': ['transfer-encoding:chunked\r\nx', 'y'], 'a space in a name': ['transfer-encoding ', 'chunked'], 'an upper-case name': ['X-Bulkhead-Identity', 'root'], 'an underscore in a name': ['x_bulkhead_identity', 'root'], 'an empty name': ['', 'x'], 'an unknown pseudo-header': [':x', 'y'],
  'the identity header': ['x-bulkhead-identity', 'root'],
})) await attempt(name, open, headers([...pseudo(), field as unknown as readonly [string, string]]))
await attempt('a line break in the path', open, headers(pseudo(`/public/x HTTP/1.1\r\nHost: ${open}\r\n\r\n${hidden}`)))
await attempt('a space in the path', open, headers(pseudo('/public/x HTTP/1.1')))
await attempt('a path that climbs', open, headers(pseudo('/public/../private')), headers(pseudo('/public/%2e%2e/private'), 3), headers(pseudo('/public/..%2fprivate'), 5), headers(pseudo('/public/..;/private'), 7))
await attempt('a path that is none', open, headers(pseudo('')), headers(pseudo('*'), 3), headers(pseudo('public/x'), 5), headers(pseudo('https://vault.example.org/public/x'), 7))
await attempt('a line break in the method', open, headers(pseudo('/public/x', open, `GET /private HTTP/1.1\r\nX: y\r\n\r\nGET`)))
await attempt('a line break in the authority', open, headers(pseudo('/public/x', `${open}\r\nx-bulkhead-identity: root`)))
await attempt('a pseudo-header after the others', open, headers([['x', 'y'], ...pseudo()]))
await attempt('two paths', open, headers([...pseudo(), [':path', '/private']]))
await attempt('CONNECT', open, headers([[':method', 'CONNECT'], [':authority', '10.128.0.17:8080']], 1, false))
await attempt('extended CONNECT where nothing may be upgraded', open, headers([[':method', 'CONNECT'], [':protocol', 'websocket'], [':scheme', 'https'], [':path', '/public/x'], [':authority', open]], 1, false))
await attempt('extended CONNECT to h2c', 'socket.example.org', headers([[':method', 'CONNECT'], [':protocol', 'h2c'], [':scheme', 'https'], [':path', '/public/x'], [':authority', 'socket.example.org']], 1, false))
const alice = (host: string, more: Fields = []): Fields => [...pseudo('/api/x', host, 'POST'), ['authorization', `Bearer ${token()}`], ...more]
const trailer = headers([['x-bulkhead-identity', 'root'], ['authorization', 'Bearer x'], ['x.bulkhead.identity', 'root']])
await attempt('the identity header as a trailer', 'api.example.org', headers(alice('api.example.org'), 1, false), data('x', 1, false), trailer)
results['what the workload saw of it'] = place.web.connections().join('').includes('root')
const rpc = headers(alice('rpc.example.org', [['content-type', 'application/grpc'], ['te', 'trailers'], ['x-bulkhead-identity', 'root'], ['x.bulkhead~identity', 'root']]), 1, false)
await attempt('gRPC with the identity header as a header and a trailer', 'rpc.example.org', rpc, data('\0\0\0\0\0', 1, false), trailer)
results['what the workload behind gRPC was told'] = place.rpc.filter((field) => /identity|root|authorization/.test(field))
results['what should not have reached anybody'] = place.unwanted()
process.stdout.write(JSON.stringify(results))
process.exit(0)
