/** HTTP/2 written by hand, against the inbound gateway, behind which HTTP/1.1 and gRPC are spoken. */
import { onStage } from './lib/gateway-stage.ts'

const { outcomes } = onStage('gateway-attack-http2-main.ts')

const each = (names: readonly string[], got: string, ...reached: readonly string[]): Record<string, unknown> => Object.fromEntries(names.map((name) => [name, [got, reached]]))
const x = 'GET /public/x'

outcomes('what is open passes', each(['an open request', 'a host without an authority', 'an authority and another host', 'another scheme'], '200', x))
outcomes('a connection for one name carries requests for no other, by whatever field they name it', {
  ...each(['another authority than the name of TLS', 'a host and another authority', 'an address inwards'], '403'),
  ...each(['a connection used for two names'], '200, 403', x),
  ...each(['an authority below a pattern with another name of TLS'], '200, 403', 'GET /api/x'),
  ...each(['two authorities', 'an authority with a user', 'no authority'], 'closed'),
})
outcomes('a length that is not that of the body ends the stream, and nothing behind reads the rest as a request', {
  ...each(['H2.CL: too short', 'H2.CL: too long'], 'reset 1'),
  ...each(['a body without a length'], '200', 'POST /public/x'),
})
outcomes('fields that HTTP/1 would read as something else end the connection before a workload hears of it', {
  ...each([
    'H2.CL: twice', 'H2.TE', 'connection', 'upgrade', 'te', 'a line break in a value', 'a line break and a header in a value', 'a bare LF in a value', 'a bare CR in a value', 'a NUL in a value', 'a line break in a name', 'a colon in a name', 'a space in a name', 'an upper-case name', 'an empty name',
    'an unknown pseudo-header', 'a line break in the path', 'a space in the path', 'a path that is none', 'a line break in the method', 'a line break in the authority', 'a pseudo-header after the others', 'two paths',
  ], 'closed'),
  ...each(['an underscore in a name'], 'reset 2'),
  ...each(['a path that climbs'], '404, 404, 400, 404'),
})
outcomes('no stream becomes a tunnel', {
  ...each(['CONNECT'], '403'),
  ...each(['extended CONNECT where nothing may be upgraded', 'extended CONNECT to h2c'], 'closed'),
})
outcomes('the identity is the gateway\'s word in headers and in trailers, for gRPC too', {
  ...each(['the identity header'], '200', x),
  ...each(['the identity header as a trailer'], '200', 'POST /api/x'),
  'what the workload saw of it': false,
  ...each(['gRPC with the identity header as a header and a trailer'], '200'),
  'what the workload behind gRPC was told': ['x-bulkhead-identity: https://issuer.example.org#alice'],
})
outcomes('in all this no workload heard of a request that is not open', { 'what should not have reached anybody': [] })
