import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress } from '../net/address.ts'
import { accepted, doc, load, scene } from './testing/set.ts'
import type { IngressPolicy } from './platform.ts'

const issuer = 'issuer: "https://id.example.org"'
const jwt = `{jwt: {${issuer}, audiences: [results], jwksFile: /etc/keys.json, claims: {group: [staff, lab], realm.roles: reader, "https://example.org/team": a}}}`
const oidc = `{oidc: {${issuer}, clientId: portal, clientSecretFile: /etc/secret, authorizationEndpoint: "https://id.example.org/auth", tokenEndpoint: "https://id.example.org/token", jwksUri: "https://id.example.org/keys"}}`

const peerDoc = doc('Peer', 'name: north', '{trustDomain: north.example, bundleEndpoint: {url: "https://north.example/b"}, gateway: "north.example:15443"}')

function ingress(name: string, rest: string, { enclave = 'research', authentication = 'none', destination = 'api', port = '8080' } = {}): string {
  return doc('IngressPolicy', `name: ${name}, enclave: ${enclave}`, `{source: external:office, destination: ${destination}, protocol: tcp, port: ${port}, authentication: ${authentication}, ${rest}}`)
}

function proxy(text: string) {
  const [policy] = accepted(scene + text).ingressPolicies
  assert.ok(policy?.gateway.kind === 'proxy')
  return policy.gateway.proxy
}

test('a platform without a word about its machinery has no gateway, the name servers of its machine and an authority of its own', () => {
  const { gateway, resolver, egressProxy, identity } = accepted(scene)
  assert.deepEqual({ gateway, resolver, egressProxy, identity }, { gateway: undefined, resolver: { upstream: [] }, egressProxy: undefined, identity: { authority: undefined, svidSeconds: 3600 } })
})

test('a platform says where its gateway answers, whom its resolver asks, what is in the way out and who certifies', () => {
  const { gateway, resolver, egressProxy, identity } = accepted(scene + doc('Platform', 'name: tre', `{
    gateway: {addresses: [198.51.100.1, "2001:db8::1"], httpPort: 80, bundleCertificateFile: /web.pem, bundleKeyFile: /web.key}, resolver: {upstream: [192.0.2.53, "[2001:db8::53]:5353", "192.0.2.54:54"]},
    egressProxy: "proxy.example.org:3128", identity: {certificateFile: /ca/i.pem, keyFile: /ca/i.key, rootsFile: /ca/roots.pem, svidMinutes: 30}}`))
  assert.deepEqual([gateway?.addresses.map(formatAddress), gateway?.httpsPort, gateway?.httpPort, gateway?.meshPort], [['198.51.100.1', '2001:db8::1'], 443, 80, 15_443])
  assert.deepEqual([gateway?.bundlePort, gateway?.bundleCertificate], [8443, { certificateFile: '/web.pem', keyFile: '/web.key' }])
  assert.deepEqual(resolver.upstream.map(({ address, port }) => `${formatAddress(address)} ${port}`), ['192.0.2.53 53', '2001:db8::53 5353', '192.0.2.54 54'])
  assert.deepEqual(egressProxy, { host: 'proxy.example.org', port: 3128 })
  assert.deepEqual(identity, { authority: { certificateFile: '/ca/i.pem', keyFile: '/ca/i.key', rootsFile: '/ca/roots.pem' }, svidSeconds: 1800 })
})

test('claims are looked for along dots, except in names with a colon; their values are any of a list', () => {
  const { authentication } = proxy(ingress('p', 'hosts: www.example.org', { authentication: jwt }))
  assert.deepEqual(authentication, {
    kind: 'jwt', issuer: 'https://id.example.org', audiences: ['results'], jwks: { kind: 'file', file: '/etc/keys.json' },
    claims: [
      { path: ['group'], values: ['lab', 'staff'] },
      { path: ['https://example.org/team'], values: ['a'] },
      { path: ['realm', 'roles'], values: ['reader'] },
    ],
  })
})

test('signing in asks for the client itself as audience when nothing else is written', () => {
  const { authentication } = proxy(ingress('p', 'hosts: www.example.org', { authentication: oidc }))
  assert.ok(authentication.kind === 'oidc')
  assert.deepEqual([authentication.audiences, authentication.scopes, authentication.callbackPath], [['portal'], ['openid'], '/oauth2/callback'])
})

test('the secret of a sign-in is a file, beside the document or wherever it says', () => {
  const files = ['/etc/secret', 'secret', '../secret'].map((file) => {
    const { authentication } = proxy(ingress('p', 'hosts: www.example.org', { authentication: oidc.replace('/etc/secret', file) }))
    return authentication.kind === 'oidc' ? authentication.clientSecretFile : undefined
  })
  assert.equal(files[0], '/etc/secret')
  assert.match(files[1] ?? '', /^\/.*secret$/)
  assert.ok(!(files[2] ?? '').includes('..') && files[2] !== files[1])
})

test('a policy without routes has one for every path', () => {
  const { routes, protocol, tls } = proxy(ingress('p', 'hosts: ["*.Example.org.", www.example.org]'))
  assert.deepEqual([protocol, tls.mode, routes.map(({ path, prefix, methods }) => [path, prefix, methods])], ['http', 'terminate', [['/', true, []]]])
})

test('connections may be led on whole, by the name in their handshake or by a port of their own', () => {
  const named = proxy(ingress('p', 'hosts: db.example.org, mode: tcp, tls: {mode: passthrough}'))
  assert.deepEqual([named.protocol, named.tls.mode, named.hosts], ['tcp', 'passthrough', ['db.example.org']])
  const alone = proxy(ingress('p', 'mode: tcp, listen: 5432, tls: {mode: none}'))
  assert.deepEqual([alone.protocol, alone.listenPort, alone.hosts], ['tcp', 5432, []])
})

const pair = (first: string, second: string): string => first + second
const other = { enclave: 'clinic', destination: 'db', port: '5432' }

const refused: readonly (readonly [says: string, given: string, codes: readonly string[]])[] = [
  ['encryption of udp', doc('ServicePolicy', 'name: p, enclave: research', '{source: api, destination: db, protocol: udp, port: 1, encryption: required}'), ['encryption-needs-tcp']],
  ['encryption of everything', doc('ServicePolicy', 'name: p, enclave: research', '{source: api, destination: db, protocol: any, port: any, encryption: required}'), ['encryption-needs-tcp']],
  ['encryption of one udp half', doc('FederationPolicy', 'name: p, enclave: research', '{encryption: required, imports: [{source: api, destination: clinic/db, protocol: tcp, port: 1}, {source: api, destination: clinic/db, protocol: udp, port: 1}]}'), ['encryption-needs-tcp']],
  ['encryption by another word', doc('ServicePolicy', 'name: p, enclave: research', '{source: api, destination: db, protocol: tcp, port: 1, encryption: optional}'), ['wrong-value']],
  ['claims of callers that show no token', ingress('p', 'hosts: a.example.org, routes: [{path: /*, claims: {group: x}}]', { authentication: 'mtls' }), ['route-caller']],
  ['identities of callers that show no certificate', ingress('p', 'hosts: a.example.org, routes: [{path: /*, identities: [client.example.org]}]', { authentication: jwt }), ['route-caller']],
  ['a route for another host', ingress('p', 'hosts: [a.example.org, "*.b.example.org"], routes: [{path: /*, host: c.example.org}]'), ['route-host']],
  ['a route that no request could take', ingress('p', 'hosts: a.example.org, routes: [{path: /a//b}]'), ['wrong-value']],
  ['a route with an escaped slash', ingress('p', 'hosts: a.example.org, routes: [{path: /a%2fb*}]'), ['wrong-value']],
  ['two routes of one policy that lead one request to two ports', ingress('p', 'hosts: a.example.org, routes: [{path: /a, port: 8081}, {path: /a, port: 8082}]', { port: '8080-8090' }), ['ingress-conflict']],
  ['a route to a workload beside the policy', ingress('p', 'hosts: a.example.org, routes: [{path: /*, destination: web}]'), ['route-destination']],
  ['a route to a port beside the policy', ingress('p', 'hosts: a.example.org, routes: [{path: /*, port: 22}]'), ['route-port']],
  ['a route to none of several ports', ingress('p', 'hosts: a.example.org', { port: '8080-8090' }), ['route-port']],
  ['requests inside a passed-on handshake', ingress('p', 'hosts: a.example.org, tls: {mode: passthrough}'), ['conflicting-fields']],
  ['routes of connections', ingress('p', 'hosts: a.example.org, mode: tcp, routes: [{path: /a}]'), ['conflicting-fields']],
  ['tokens of connections', ingress('p', 'hosts: a.example.org, mode: tcp', { authentication: jwt }), ['conflicting-fields']],
  ['certificates that the gateway cannot see', ingress('p', 'hosts: a.example.org, mode: tcp, tls: {mode: passthrough}', { authentication: 'mtls' }), ['conflicting-fields']],
  ['a name without a handshake', ingress('p', 'hosts: a.example.org, mode: tcp, tls: {mode: none}'), ['conflicting-fields']],
  ['a port of the gateway with requests and no name', ingress('p', 'listen: 8443'), ['conflicting-fields']],
  ['gateway settings of a published address', ingress('p', 'publish: {address: 198.51.100.1, port: 80}, websocket: true'), ['conflicting-fields']],
  ['a caller that no authority here certifies', ingress('p', 'hosts: a.example.org', { authentication: '{mtls: {subjects: [client.example.org, "spiffe://elsewhere/enclave/a/workload/b"]}}' }), ['unknown-subject', 'unknown-subject']],
  ['no authentication at all', ingress('p', 'hosts: a.example.org').replace('authentication: none, ', ''), ['missing-field']],
  ['keys of a token from two places', ingress('p', 'hosts: a.example.org', { authentication: jwt.replace('jwksFile', 'jwksUri: "https://id.example.org/k", jwksFile') }), ['conflicting-fields']],
  ['half an authority', doc('Platform', 'name: p', '{identity: {keyFile: /ca.key}}'), ['conflicting-fields']],
  ['a gateway among the workloads', doc('Platform', 'name: p', '{gateway: {addresses: [10.128.0.9]}}'), ['published-inside']],
  ['one port of the gateway for two things', doc('Platform', 'name: p', '{gateway: {addresses: [198.51.100.1], meshPort: 443}}'), ['conflicting-fields']],
  ['a gateway\'s bundle at the port of requests, with a Peer', pair(doc('Platform', 'name: p', '{gateway: {addresses: [198.51.100.1], httpsPort: 8443}}'), peerDoc), ['conflicting-fields']],
  ['a policy at the port where Peers fetch the bundle', pair(pair(doc('Platform', 'name: p', '{gateway: {addresses: [198.51.100.1]}}'), peerDoc), ingress('p', 'mode: tcp, listen: 8443, tls: {mode: none}')), ['published-conflict']],
  ['half a certificate of the bundle\'s endpoint', doc('Platform', 'name: p', '{gateway: {addresses: [198.51.100.1], bundleKeyFile: /key.pem}}'), ['conflicting-fields']],
  ['a published address that is the gateway\'s', pair(doc('Platform', 'name: p', '{gateway: {addresses: [198.51.100.1]}}'), ingress('p', 'publish: {address: 198.51.100.1, port: 443}')), ['published-conflict']],
  ['a policy at the port where Peers connect', pair(doc('Platform', 'name: p', '{gateway: {addresses: [198.51.100.1]}}'), ingress('p', 'mode: tcp, listen: 15443, tls: {mode: none}')), ['published-conflict']],
  ['one host and path of two enclaves', pair(ingress('p', 'hosts: a.example.org, routes: [{path: /api/*}]'), ingress('q', 'hosts: a.example.org, routes: [{path: /api/v1}]', other)), ['ingress-conflict']],
  ['a name under the wildcard of another enclave', pair(ingress('p', 'hosts: "*.example.org"'), ingress('q', 'hosts: a.example.org', other)), ['ingress-conflict']],
  ['a wildcard over the name of another enclave', pair(ingress('p', 'hosts: "*.example.org"', other), ingress('q', 'hosts: a.example.org')), ['ingress-conflict']],
  ['one path to two places', pair(ingress('p', 'hosts: a.example.org'), ingress('q', 'hosts: a.example.org', { destination: 'web' })), ['ingress-conflict']],
  ['one path with two ways to prove oneself', pair(ingress('p', 'hosts: a.example.org'), ingress('q', 'hosts: a.example.org', { authentication: jwt })), ['ingress-conflict']],
  ['one host with two handshakes', pair(ingress('p', 'hosts: a.example.org, routes: [{path: /a}], tls: {minVersion: TLSv1.3}'), ingress('q', 'hosts: a.example.org, routes: [{path: /b}]')), ['ingress-conflict']],
  ['one host as requests and as connections', pair(ingress('p', 'hosts: a.example.org, mode: tcp'), ingress('q', 'hosts: a.example.org')), ['ingress-conflict']],
  ['a port for one policy and for names', pair(ingress('p', 'mode: tcp, listen: 5432, tls: {mode: none}'), ingress('q', 'hosts: a.example.org, listen: 5432')), ['ingress-conflict']],
]

for (const [says, given, codes] of refused) {
  test(`refused: ${says}`, () => {
    const { platform, diagnostics } = load(scene + given)
    const errors = diagnostics.filter((d) => d.severity === 'error')
    assert.deepEqual(errors.map((d) => d.code).sort(), [...codes].sort(), JSON.stringify(diagnostics))
    assert.equal(platform, undefined)
  })
}

const accepts: readonly (readonly [says: string, given: string])[] = [
  ['paths of one host may belong to two enclaves while none holds the other', pair(ingress('p', 'hosts: a.example.org, routes: [{path: /api/*}]'), ingress('q', 'hosts: a.example.org, routes: [{path: /app/*}, {path: /api}]', other))],
  ['one enclave may lead the paths of one host to several places', pair(ingress('p', 'hosts: a.example.org'), ingress('q', 'hosts: a.example.org, routes: [{path: /api/*}]', { destination: 'web' }))],
  ['one path may lead to two places by method', pair(ingress('p', 'hosts: a.example.org, routes: [{path: /*, methods: [GET]}]'), ingress('q', 'hosts: a.example.org, routes: [{path: /*, methods: [POST]}]', { destination: 'web' }))],
  ['two policies may open one path to different sources', pair(ingress('p', 'hosts: a.example.org'), ingress('q', 'hosts: a.example.org'))],
  ['one host at two ports is two', pair(ingress('p', 'hosts: a.example.org'), ingress('q', 'hosts: a.example.org, listen: 8443', other))],
  ['a route may narrow a range of ports to one', ingress('p', 'hosts: a.example.org, routes: [{path: /*, port: 8085}]', { port: '8080-8090' })],
  ['a subject of the platform\'s own trust domain is known', ingress('p', 'hosts: a.example.org', { authentication: '{mtls: {subjects: ["spiffe://bulkhead.internal/enclave/a/workload/b"]}}' })],
  ['the port of the bundle is anybody\'s where no Peer fetches one', pair(doc('Platform', 'name: p', '{gateway: {addresses: [198.51.100.1]}}'), ingress('p', 'mode: tcp, listen: 8443, tls: {mode: none}'))],
  ['a published port beside the gateway\'s on its address', pair(doc('Platform', 'name: p', '{gateway: {addresses: [198.51.100.1]}}'), ingress('p', 'publish: {address: 198.51.100.1, port: 22}'))],
]

for (const [says, given] of accepts) {
  test(`accepted: ${says}`, () => assert.ok(accepted(scene + given)))
}

test('one conflict is told once, for the later policy, and names the other', () => {
  const { diagnostics } = load(scene + ['a', 'b', 'c'].map((name, i) => ingress(name, 'hosts: [x.example.org, y.example.org]', { destination: i === 0 ? 'api' : 'web' })).join(''))
  assert.deepEqual(diagnostics.map((d) => d.message.replace(/\(.*\)/, '')), [
    'the gateway cannot serve `research/b` beside `research/a` : requests for `/*` would lead to two places',
    'the gateway cannot serve `research/c` beside `research/a` : requests for `/*` would lead to two places',
  ])
})

test('ten thousand policies of one host are held against each other in seconds', () => {
  const [policy] = accepted(scene + ingress('p', 'hosts: a.example.org')).ingressPolicies
  assert.ok(policy !== undefined)
  const many = Array.from({ length: 10_000 }, (_, i) => ingress(`p${i}`, `hosts: a.example.org, routes: [{path: /t${i}/*}]`)).join('')
  const began = performance.now()
  const set: readonly IngressPolicy[] = accepted(scene + many).ingressPolicies
  assert.equal(set.length, 10_000)
  assert.ok(performance.now() - began < 20_000, `${performance.now() - began} ms`)
})
