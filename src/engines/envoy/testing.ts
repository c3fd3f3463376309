/** A platform with something of everything that gateways carry, and what they need to start. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findEnvoy } from './binary.ts'
import { compile } from '../../intent/compile.ts'
import { address, egress, external, federation, ingress, place, platformOf, proxyOf, route, service, workload } from '../../model/testing.ts'
import { addressFromBits } from '../../net/address.ts'
import type { TestContext } from 'node:test'
import type { GatewayInventory } from './inventory.ts'
import type { Intent } from '../../intent/intent.ts'
import type { IngressProxy, Platform, Route } from '../../model/platform.ts'

/** The path of Envoy, or the test is left out, which CI does not allow. */
export function envoyOrSkip(t: TestContext): string | undefined {
  const envoy = findEnvoy()
  if (envoy === undefined) t.skip('no envoy')
  return envoy
}

export function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-envoy-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The version in words, so that a failure says which binary judged. */
export function versionOf(envoy: string): string {
  return /\/(\d+\.\d+\.\d+)\//.exec(execFileSync(envoy, ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown'
}

export function intentOf(platform: Platform): Intent {
  return compile(platform).intent
}

/** The public half of a key that nobody has any more. */
const issuerKey = { kty: 'EC', crv: 'P-256', alg: 'ES256', kid: 'any', x: 'Z3XQrW-ffCzg2EmNjUJvqZ2Ge-gbC0iy8x25KxruV74', y: 'KNLXnjvN8cEEs09L2b06pWhAjobizkdTgKR7xe7AJtM' }

/** One place for each workload, in its declared phase: 10.128.0.2 and up, in the order of the platform. */
export function inventoryOf(platform: Platform, folder = '/run/envoy'): GatewayInventory {
  const pair = (offset: number) => [addressFromBits(4, 0x0a80_0000n + BigInt(offset)), addressFromBits(6, (0xfdbb_0001n << 96n) + BigInt(offset))]
  return {
    workloads: [...platform.workloads.values()].map(({ id, phase }, i) => ({ workload: id, phase, addresses: pair(16 + i) })),
    virtual: [...platform.peers.keys()].map((peer, i) => ({ peer, enclave: 'lab', workload: 'store', addresses: pair(4096 + i) })),
    inbound: { addresses: pair(4) },
    resolver: { addresses: pair(5) },
    folder,
    trustedRoots: '/etc/ssl/certs/ca-certificates.crt',
    keySets: new Map([['/etc/bulkhead/keys.json', JSON.stringify({ keys: [issuerKey] })]]),
  }
}

/** One route for every path, with what is said. */
export function everyRequest(different: Partial<Route> = {}): Route {
  return route('/*', different)
}

const jwks = { kind: 'file', file: '/etc/bulkhead/keys.json' } as const
const token = { kind: 'jwt', issuer: 'https://issuer.example.org', audiences: ['portal'], jwks, claims: [{ path: ['realm', 'roles'], values: ['reader', 'writer'] }] } as const

const proxies: Readonly<Record<string, Partial<IngressProxy>>> = {
  open: { hosts: ['open.example.org'], authentication: { kind: 'none' }, routes: [route('/public*', { methods: ['GET', 'HEAD'] }), route('/health')], limits: limits({ requestsPerSecond: 5, burst: 10, bodyBytes: 4096, connections: 100, headerBytes: 8192, timeoutSeconds: 30 }) },
  token: { hosts: ['portal.example.org', '*.apps.example.org'], authentication: token, websocket: true, routes: [route('/api/*'), route('/api/admin*', { claims: [{ path: ['groups'], values: ['admins'] }] })] },
  people: {
    hosts: ['people.example.org'],
    authentication: {
      ...token, kind: 'oidc', clientId: 'bulkhead', clientSecretFile: '/etc/bulkhead/secret', authorizationEndpoint: 'https://issuer.example.org/authorize',
      tokenEndpoint: 'https://issuer.example.org/token', callbackPath: '/oauth2/callback', signOutPath: '/oauth2/sign-out', scopes: ['openid'],
      jwks: { kind: 'uri', uri: 'https://issuer.example.org/keys' },
    },
  },
  machines: {
    hosts: ['machines.example.org'],
    authentication: { kind: 'mtls', caFile: undefined, subjects: ['spiffe://bulkhead.internal/enclave/a/workload/web', 'spiffe://north.example/enclave/lab/workload/store'] },
    routes: [everyRequest(), route('/only', { identities: ['spiffe://bulkhead.internal/enclave/a/workload/web'] })],
  },
  foreign: { hosts: ['foreign.example.org'], authentication: { kind: 'mtls', caFile: '/etc/bulkhead/ca.pem', subjects: ['client.example.org'] }, tls: { mode: 'terminate', minVersion: 'TLSv1.3', certificate: { certificateFile: '/etc/bulkhead/c.pem', keyFile: '/etc/bulkhead/k.pem' } } },
  stream: { protocol: 'tcp', hosts: ['db.example.org'], authentication: { kind: 'none' }, tls: { mode: 'passthrough', minVersion: 'TLSv1.2', certificate: undefined } },
  ended: { protocol: 'tcp', hosts: ['ended.example.org'], authentication: { kind: 'mtls', caFile: undefined, subjects: [] } },
  plain: { protocol: 'tcp', hosts: [], listenPort: 6432, authentication: { kind: 'none' }, tls: { mode: 'none', minVersion: 'TLSv1.2', certificate: undefined } },
}

function limits(some: Partial<IngressProxy['limits']>): IngressProxy['limits'] {
  return { requestsPerSecond: undefined, burst: undefined, connections: undefined, bodyBytes: undefined, headerBytes: undefined, timeoutSeconds: undefined, ...some }
}

export function everything(): Platform {
  return platformOf({
    workloads: [workload('a/api', { ports: [8080] }), workload('a/db', { ports: [5432] }), workload('a/web', { phase: 'task' }), workload('b/model', { ports: [9000] })],
    externals: [external('pypi', ['pypi.org', '*.pythonhosted.org']), external('mirror', ['mirror.example.org']), external('partner', ['203.0.113.0/24', '2001:db8::/32']), external('anyone', ['0.0.0.0/0', '::/0'])],
    gateway: { addresses: [address('198.51.100.1')], httpsPort: 9443, httpPort: 9080, meshPort: 15_443, bundlePort: 8443, bundleCertificate: undefined, at: place() },
    peers: new Map(['north', 'south'].map((name, i) => [name, {
      kind: 'Peer', name, trustDomain: `${name}.example`, bundleEndpoint: { url: `https://${name}.example.org/bundle`, profile: 'https_web' },
      gateway: { host: i === 0 ? `gateway.${name}.example.org` : '203.0.113.77', port: 15_443 }, at: place(),
    }] as const)),
    servicePolicies: [service('a/sealed', 'a/api', 'a/db', 'tcp 5432', { encryption: 'required' }), service('a/plain', 'a/web', 'a/db', 'tcp 5432')],
    egressPolicies: [
      egress('a/packages', 'a/*', 'external:pypi', 'tcp 443'),
      egress('a/mirror', 'a/web', 'external:mirror', 'tcp 80,8080', { http: { methods: ['GET', 'HEAD'], paths: ['/simple/*', '/index.html'] } }),
      egress('b/wide', 'b/model', 'external:pypi', 'tcp any'),
    ],
    ingressPolicies: Object.entries(proxies).map(([name, proxy]) =>
      ingress(`a/${name}`, name === 'token' ? 'external:partner' : 'external:anyone', name === 'stream' || name === 'plain' ? 'a/db' : 'a/api', name === 'stream' || name === 'plain' ? 'tcp 5432' : 'tcp 8080', undefined, { proxy: proxyOf(proxy) }),
    ),
    federationPolicies: [
      federation('a/far', { imports: [['a/api', 'peer:north/lab/store', 'tcp 9000-9002'], ['a/api', 'peer:south/lab/*', 'tcp 9000']], exports: [['peer:north/lab/*', 'a/db', 'tcp 5432'], ['peer:south/lab/store', 'a/db', 'tcp 5432'], ['b/*', 'a/api', 'tcp 8080']] }),
      federation('b/near', { imports: [['b/model', 'a/api', 'tcp 8080']] }, { encryption: 'required' }),
    ],
  })
}
