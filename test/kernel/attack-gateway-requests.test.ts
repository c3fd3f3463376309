/** Requests by HTTP/1.1 that two servers could read in two ways, or that name somebody else. What follows is what the attacker got, and what reached a workload. */
import { onStage } from './lib/gateway-stage.ts'

const { outcomes } = onStage('gateway-attack-requests-main.ts')

const each = (names: readonly string[], got: string, ...reached: readonly string[]): Record<string, unknown> => Object.fromEntries(names.map((name) => [name, [got, reached]]))
const [x, y, posted] = ['GET /public/x', 'GET /public/y', 'POST /public/x']

outcomes('what is open passes, one request as one and two as two', {
  ...each(['an open request', 'empty lines first'], '200', x),
  ...each(['two honest requests'], '200 200', x, y),
  ...each(['an honest chunked body'], '200 200', posted, y),
})
outcomes('a body that has two lengths, or one in disguise, is refused before a workload sees any of it', {
  ...each([
    'CL.TE', 'TE.CL', ...['twice', 'a list', 'unknown', 'a space before the colon', 'a tab', 'a space in front', 'a bare LF', 'a vertical tab', 'quoted', 'a NUL', 'an underscore', 'a letter above ASCII', 'with a parameter', 'another first', 'upper case'].map((how) => `TE.TE: ${how}`),
    'lengths that differ', 'lengths in a list', 'a length with a sign', 'a length below nothing', 'a length in hexadecimal', 'a length with a space in it', 'a length beyond 64 bits', 'a length with a space before the colon', 'a chunk size that overflows',
  ], '400'),
})
outcomes('lines that are folded, or end in a bare CR or LF, are read in one way, and every reader behind reads the same', {
  ...each(['TE.TE: folded', 'TE.TE: a bare CR', 'a length after a bare LF'], '200', posted),
  ...each(['a bare CR in a value'], '200', x),
  ...each(['a head that ends in bare LFs'], '200 404', x),
  ...each(['a NUL in a value', 'a line with two targets'], '400'),
})
outcomes('chunks hide no request, and a workload that has begun to hear a bad one hears nothing else', {
  ...each(['a chunk extension', 'a chunk size in 17 digits'], '200', posted),
  ...each(['a chunk extension with a bare LF', 'a chunk size with a bare LF', 'a chunk size with 0x', 'a chunk size below nothing'], '400'),
  ...each(['a chunk that ends late'], '200 404'),
  ...each(['a trailer that says where a body ends'], '200 200', posted, y),
  ...each(['a body in a GET'], '200', x),
  ...each(['a body that waits to be asked for'], '100 200', posted),
})
outcomes('other versions of HTTP are refused', each(['HTTP/0.9', 'HTTP/1.0 without a host', 'HTTP/1.0', 'an unknown version'], '426'))
outcomes('nothing but a WebSocket takes over a connection, and that only where a policy says so', {
  ...each(['h2c where nothing may be upgraded'], '200 404', x),
  ...each(['h2c beside WebSockets'], '200 403', x),
  ...each(['a WebSocket where none is allowed', 'a WebSocket and h2c in a list', 'a WebSocket to a path that is closed', 'CONNECT', 'CONNECT inwards'], '403'),
})
outcomes('a WebSocket cannot take the identity header away from the workload as its own connection\'s', {
  ...each(['a WebSocket'], '101', 'GET /api/x'),
  'the connection of a WebSocket, as the workload sees it': ['keep-alive', 'upgrade'],
  ...each(['a WebSocket that takes the identity for its own connection', 'a WebSocket that takes it in another header', 'a WebSocket that takes it in upper case'], '403'),
})
outcomes('behind the name of one handshake there is no other host, however it is written', {
  ...each(['another host than the name of TLS', 'two hosts', 'two hosts, ours last', 'a host with a user', 'a host with a user, ours last', 'a host with another port', 'a host with a port that is none', 'an empty host', 'a name below a pattern, the host of another'], '403'),
  ...each(['hosts in a list', 'a host with a path', 'a host with a fragment', 'a host with a NUL', 'a host with a space', 'no host'], '400'),
  ...each(['a host in upper case', 'a host with a dot at its end', 'a host in another header'], '200', x),
  ...each(['two names on one connection'], '200 403', x),
  ...each(['vault', 'machines'].map((name) => `a host that is open, with the name of ${name}.example.org`), 'closed'),
})
outcomes('the gateway is nobody\'s proxy: absolute URIs lead nowhere', {
  ...each(['an absolute URI of ours', 'an absolute URI of another', 'an absolute URI inwards', 'an absolute URI of https', 'the star'], '404'),
  ...each(['a target that is a name'], '400'),
})
outcomes('a path that climbs out of an open one in whatever disguise reaches nothing but what it plainly says', {
  paths: {
    ...Object.fromEntries([
      '/public/../private', '/public/%2e%2e/private', '/public/%2E%2e/private', '/public/.%2e/private', '/public/..\\private', '/public\\..\\private', '/public/..;/private', '/public/..;x=y/private', '/public/./../private', '/public/..', '/PUBLIC/x',
    ].map((path) => [path, '404'])),
    ...Object.fromEntries([
      '/public/..%2fprivate', '/public/..%2Fprivate', '/public/..%5cprivate', '/public/%2e%2e;/private', '/public/\u00c0\u00ae/private', '/public/%00/../private', '/public%00', '/public#/../private', '/public/%u002e%u002e/private', '/public/%2', '/public/%zz', '/public/%2f%2e%2e%2fprivate', '/public/%09x', '/public/%0d%0aX:%20y',
    ].map((path) => [path, '400'])),
    ...Object.fromEntries(['/%70ublic/x', '/private/../public/x', '/private;/../public/x', '//public/x', '/\\public/x', '/./public/x', '/../public/x'].map((path) => [path, '200 GET /public/x'])),
    // Below the open prefix, and nothing but a name that looks odd.
    ...Object.fromEntries(['/public/%252e%252e/private', '/public/%c0%ae%c0%ae/private', '/public/x?/../private', '/publicx'].map((path) => [path, `200 GET ${path}`])),
    '/public//../private': '200 GET /public/private',
    '/public/.': '200 GET /public/',
  },
})
const alice = 'https://issuer.example.org#alice'
outcomes('nobody tells the workload who calls but the gateway', {
  identities: {
    ...Object.fromEntries(['as it is', 'in another case', 'with dots', 'with other marks', 'with a space in front', 'after a bare LF', 'after a bare CR', 'as a trailer', 'taken away by Connection', 'taken away by Keep-Alive', 'as a client certificate', 'as Envoy\'s own'].flatMap((how) => [[`${how}, alice`, ['200', alice]], [`${how}, nobody`, ['200']]])),
    ...Object.fromEntries(['with underscores', 'with a space before the colon', 'with a NUL'].flatMap((how) => ['alice', 'nobody'].map((who) => [`${how}, ${who}`, ['400']]))),
  },
})
outcomes('the way to https leads to the names that are served here, in one line', {
  'a redirect for a forged host': '404',
  'a redirect with a line break': 'location: https://open.example.org:9443/x%0d%0aSet-Cookie:%20a=b',
  'a redirect to another server': 'location: https://open.example.org:9443/evil.example/x',
})
outcomes('in all this no workload heard of a request that is not open', { 'what should not have reached anybody': [] })
