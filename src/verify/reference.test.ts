import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDiagnostic } from '../base/diagnostic.ts'
import { loadPlatform } from '../model/load.ts'
import { referenceDecide } from './reference.ts'
import { allowRules, denyRules, layerRules } from './reference/rules.ts'
import { document, filesOf } from './testing/documents.ts'
import { flow } from './testing/flow-text.ts'
import type { Document } from './testing/documents.ts'

const now = Date.UTC(2030, 0, 1)

const scene = [
  document('Platform', 'here', { addresses: ['10.128.0.0/16', 'fdbb:1::/64'], infrastructure: ['198.51.100.0/28'] }),
  document('Enclave', 'alpha', {}),
  document('Enclave', 'beta', {}),
  labelled(document('Workload', 'api', { ports: [{ name: 'http', port: 8080 }], groups: ['inner'] }, 'alpha'), 'front'),
  labelled(document('Workload', 'web', { ports: [{ name: 'http', port: 8081 }], replicas: 2, groups: ['outer'] }, 'alpha'), 'front'),
  document('Workload', 'db', { ports: [5432, { port: 53, protocol: 'udp' }], phase: 'task', groups: ['inner', 'outer'] }, 'alpha'),
  document('Workload', 'loner', { ports: [9] }, 'alpha'),
  document('Workload', 'api', { ports: [{ name: 'http', port: 9090 }] }, 'beta'),
  document('Workload', 'db', { ports: [5432] }, 'beta'),
  document('Peer', 'north', { trustDomain: 'north.example', bundleEndpoint: { url: 'https://north.example.org/' }, gateway: 'gw.north.example.org:8443' }),
  document('External', 'world', { cidrs: ['0.0.0.0/0', '2001:db8::/32'] }),
  document('External', 'office', { cidrs: ['203.0.113.0/24'] }),
  document('External', 'machinery', { cidrs: ['198.51.100.0/24', '169.254.169.254/32', '10.0.0.0/8'], infrastructure: true }),
  document('External', 'packages', { domains: ['pypi.org', '*.pypi.org'] }),
]

/** A workload may join only groups that exist: where a rule is not about them, they have no effective member. */
const emptyGroups = ['inner', 'outer'].map((name) => document('Group', name, { members: ['loner'] }, 'alpha'))

function documentsFor(given: readonly Document[]): readonly Document[] {
  const groups = emptyGroups.filter(({ metadata }) => !given.some(({ kind, metadata: { name } }) => kind === 'Group' && name === metadata.name))
  return [...scene, ...groups, ...given]
}

function labelled(made: Document, tier: string): Document {
  return { ...made, metadata: { ...made.metadata, labels: { tier } } }
}

function policy(kind: string, spec: Readonly<Record<string, unknown>>, enclave = 'alpha', name = 'p'): Document {
  return document(kind, name, spec, enclave)
}

function service(source: unknown, destination: unknown, rest: Readonly<Record<string, unknown>> = { protocol: 'tcp', port: 5432 }): Document {
  return policy('ServicePolicy', { source, destination, ...rest })
}

function egress(destination: string, rest: Readonly<Record<string, unknown>> = {}): Document {
  return policy('EgressPolicy', { source: 'api', destination, protocol: 'tcp', port: 443, ...rest })
}

function publish(rest: Readonly<Record<string, unknown>> = {}): Document {
  return policy('IngressPolicy', {
    source: 'external:office', destination: 'api', protocol: 'tcp', port: 8080, authentication: 'none',
    publish: { address: ['192.0.2.10', '2001:db8:1::10'], port: 443 }, ...rest,
  })
}

function imports(source: unknown, destination: unknown, rest: Readonly<Record<string, unknown>> = { protocol: 'tcp', port: 5432 }, own = {}): Document {
  return policy('FederationPolicy', { imports: [{ source, destination, ...rest }], ...own })
}

function exports(source: unknown, destination: unknown, rest: Readonly<Record<string, unknown>> = { protocol: 'tcp', port: 5432 }, own = {}): Document {
  return policy('FederationPolicy', { exports: [{ source, destination, ...rest }], ...own }, 'beta')
}

/** What a rule says, the documents that put it to use, the flows it opens and flows beside them that stay closed. */
interface Row {
  readonly says: string
  readonly given: readonly Document[]
  readonly open: readonly string[]
  readonly closed: readonly string[]
}

const apiToDb = 'alpha/api > alpha/db tcp 5432'

const rows: readonly Row[] = [
  {
    says: 'no policy opens no path',
    given: [],
    open: [],
    closed: [apiToDb, 'alpha/api > 203.0.113.1 tcp 443', 'external:world > alpha/api tcp 8080', 'alpha/api > peer:north/lab/w tcp 1', 'alpha/web > alpha/web icmp'],
  },
  {
    says: 'a service policy opens its own direction, port and protocol, in every phase',
    given: [service('api', 'db')],
    open: [apiToDb, `${apiToDb} staging`],
    closed: ['alpha/db > alpha/api tcp 5432', 'alpha/api > alpha/db udp 5432', 'alpha/api > alpha/db tcp 5433', 'alpha/web > alpha/db tcp 5432', 'alpha/api > alpha/db icmp'],
  },
  {
    says: 'policies only add paths',
    given: [service('api', 'db'), policy('ServicePolicy', { source: 'web', destination: 'db', protocol: 'tcp', port: 5432 }, 'alpha', 'q')],
    open: [apiToDb, 'alpha/web > alpha/db tcp 5432'],
    closed: ['alpha/api > alpha/web tcp 5432'],
  },
  {
    says: 'the same names in another enclave are other workloads',
    given: [service('api', 'db')],
    open: [apiToDb],
    closed: ['beta/api > beta/db tcp 5432', 'alpha/api > beta/db tcp 5432'],
  },
  {
    says: 'a wildcard never selects a workload together with itself',
    given: [service('alpha/*', 'alpha/*')],
    open: [apiToDb, 'alpha/loner > alpha/web tcp 5432'],
    closed: ['alpha/web > alpha/web tcp 5432', 'beta/api > beta/db tcp 5432'],
  },
  {
    says: 'replica to replica is open when both sides are written out',
    given: [service(['web', 'api'], ['web', 'alpha/*'])],
    open: ['alpha/web > alpha/web tcp 5432'],
    closed: ['alpha/api > alpha/api tcp 5432', 'alpha/db > alpha/db tcp 5432'],
  },
  {
    says: 'labels select the workloads that carry all of them',
    given: [service({ labels: { tier: 'front' } }, 'db')],
    open: [apiToDb, 'alpha/web > alpha/db tcp 5432'],
    closed: ['alpha/loner > alpha/db tcp 5432'],
  },
  {
    says: 'a port name stands for the number that each destination declares for it',
    given: [service('db', ['api', 'web', 'loner'], { protocol: 'tcp', port: 'http' })],
    open: ['alpha/db > alpha/api tcp 8080', 'alpha/db > alpha/web tcp 8081'],
    closed: ['alpha/db > alpha/api tcp 8081', 'alpha/db > alpha/loner tcp 9', 'alpha/db > alpha/api udp 8080'],
  },
  {
    says: 'ranges and lists hold their edges and nothing beyond',
    given: [service('api', 'db', { protocol: 'udp', port: ['8000-8010', 53] })],
    open: ['alpha/api > alpha/db udp 8000', 'alpha/api > alpha/db udp 8010', 'alpha/api > alpha/db udp 53'],
    closed: ['alpha/api > alpha/db udp 7999', 'alpha/api > alpha/db udp 8011', 'alpha/api > alpha/db tcp 53'],
  },
  {
    says: 'port any is every port of one protocol',
    given: [service('api', 'db', { protocol: 'sctp', port: 'any' })],
    open: ['alpha/api > alpha/db sctp 1', 'alpha/api > alpha/db sctp 65535'],
    closed: ['alpha/api > alpha/db sctp 0', 'alpha/api > alpha/db sctp 65536', 'alpha/api > alpha/db sctp', 'alpha/api > alpha/db tcp 1', 'alpha/api > alpha/db icmp'],
  },
  {
    says: 'protocol any is all four',
    given: [service('api', 'db', { protocol: 'any', port: 'any' })],
    open: ['alpha/api > alpha/db sctp 7', 'alpha/api > alpha/db tcp 1', 'alpha/api > alpha/db udp 65535', 'alpha/api > alpha/db icmp'],
    closed: ['alpha/api > alpha/db icmp 1', 'alpha/api > alpha/db udp'],
  },
  {
    says: 'icmp is echo and has no port',
    given: [service('api', 'db', { protocol: 'icmp' })],
    open: ['alpha/api > alpha/db icmp'],
    closed: ['alpha/db > alpha/api icmp', 'alpha/api > alpha/db tcp 1'],
  },
  {
    says: 'a policy opens nothing from its last instant on',
    given: [service('api', 'db', { protocol: 'tcp', port: 5432, expires: '2030-01-01T00:00:00Z' })],
    open: [],
    closed: [apiToDb],
  },
  {
    says: 'a policy is open until a millisecond before it expires',
    given: [service('api', 'db', { protocol: 'tcp', port: 5432, expires: '2030-01-01T00:00:00.001Z' })],
    open: [apiToDb],
    closed: [],
  },
  {
    says: 'a group opens what its members declare, to each other but not to themselves',
    given: [document('Group', 'inner', { members: ['api', 'db'] }, 'alpha')],
    open: [apiToDb, 'alpha/db > alpha/api tcp 8080', 'alpha/api > alpha/db udp 53'],
    closed: ['alpha/api > alpha/api tcp 8080', 'alpha/api > alpha/db tcp 53', 'alpha/api > alpha/db icmp', 'alpha/web > alpha/db tcp 5432'],
  },
  {
    says: 'one consent alone makes no member',
    given: [document('Group', 'inner', { members: ['db', 'loner'] }, 'alpha')],
    open: [],
    closed: ['alpha/loner > alpha/db tcp 5432', apiToDb],
  },
  {
    says: 'members of a nested group are members of the outer one, not the other way round',
    given: [
      document('Group', 'inner', { members: ['api'], exceptions: [{ with: 'alpha/*' }] }, 'alpha'),
      document('Group', 'outer', { members: ['group:inner', 'web'] }, 'alpha'),
    ],
    open: ['alpha/web > alpha/api tcp 8080', 'alpha/api > alpha/web tcp 8081'],
    closed: ['alpha/db > alpha/api tcp 8080', 'alpha/loner > alpha/web tcp 8081'],
  },
  {
    says: 'an exception of a group opens nothing by itself, and a policy may then cross the edge',
    given: [
      document('Group', 'inner', { members: ['api', 'db'], exceptions: [{ with: 'loner', direction: 'out' }, { with: 'web' }] }, 'alpha'),
      service('group:inner', 'loner', { protocol: 'tcp', port: 9 }),
    ],
    open: ['alpha/api > alpha/loner tcp 9', 'alpha/db > alpha/loner tcp 9'],
    closed: ['alpha/web > alpha/db tcp 5432', 'alpha/api > alpha/web tcp 8081', 'alpha/web > alpha/loner tcp 9'],
  },
  {
    says: 'federation is open where an import meets an export',
    given: [imports(['api', 'web'], 'beta/*'), exports('alpha/api', ['db', 'api'])],
    open: ['alpha/api > beta/db tcp 5432', 'alpha/api > beta/api tcp 5432', 'alpha/api > beta/db tcp 5432 staging'],
    closed: ['alpha/web > beta/db tcp 5432', 'beta/db > alpha/api tcp 5432', 'alpha/api > beta/db tcp 9090', apiToDb],
  },
  {
    says: 'federation carries only the ports and protocols of both halves',
    given: [imports('api', 'beta/api', { protocol: 'tcp', port: '9000-9100' }), exports('alpha/api', 'api', { protocol: 'tcp', port: 'http' })],
    open: ['alpha/api > beta/api tcp 9090'],
    closed: ['alpha/api > beta/api tcp 9000', 'alpha/api > beta/api udp 9090'],
  },
  {
    says: 'an import alone opens nothing',
    given: [imports('api', 'beta/db')],
    open: [],
    closed: ['alpha/api > beta/db tcp 5432'],
  },
  {
    says: 'an export alone opens nothing',
    given: [exports('alpha/api', 'db')],
    open: [],
    closed: ['alpha/api > beta/db tcp 5432'],
  },
  {
    says: 'either side of a federation revokes alone',
    given: [imports('api', 'beta/db'), exports('alpha/api', 'db', { protocol: 'tcp', port: 5432 }, { expires: '2029-12-31T00:00:00Z' })],
    open: [],
    closed: ['alpha/api > beta/db tcp 5432'],
  },
  {
    says: 'towards a peer the import alone decides, and a port name stands for nothing there',
    given: [imports('api', ['peer:north/lab/w1', 'beta/api'], { protocol: 'tcp', port: ['http', 443] })],
    open: ['alpha/api > peer:north/lab/w1 tcp 443'],
    closed: ['alpha/api > peer:north/lab/w2 tcp 443', 'alpha/api > peer:north/lab/w1 tcp 9090', 'peer:north/lab/w1 > alpha/api tcp 443', 'alpha/web > peer:north/lab/w1 tcp 443'],
  },
  {
    says: 'from a peer the export alone decides, and a star is every workload of its enclave',
    given: [exports('peer:north/lab/*', 'db')],
    open: ['peer:north/lab/w1 > beta/db tcp 5432', 'peer:north/lab/w2 > beta/db tcp 5432'],
    closed: ['peer:north/vault/w1 > beta/db tcp 5432', 'peer:south/lab/w1 > beta/db tcp 5432', 'beta/db > peer:north/lab/w1 tcp 5432', 'peer:north/lab/w1 > beta/api tcp 5432'],
  },
  {
    says: 'egress opens the addresses of the external, of both families, to the named workload',
    given: [egress('external:world')],
    open: ['alpha/api > 203.0.113.1 tcp 443', 'alpha/api > 2001:db8::1 tcp 443', 'alpha/api > external:world tcp 443'],
    closed: ['alpha/api > 2001:db9::1 tcp 443', 'alpha/web > 203.0.113.1 tcp 443', 'alpha/api > 203.0.113.1 tcp 80', 'alpha/api > external:office tcp 443', '203.0.113.1 > alpha/api tcp 443'],
  },
  {
    says: 'an external never means reserved space, nor what belongs to the platform',
    given: [egress('external:world', { protocol: 'any', port: 'any' })],
    open: ['alpha/api > 11.0.0.1 tcp 1'],
    closed: [
      'alpha/api > 0.1.2.3 tcp 1', 'alpha/api > 127.0.0.1 tcp 1', 'alpha/api > 169.254.0.1 tcp 1', 'alpha/api > 169.254.169.254 tcp 80', 'alpha/api > 224.0.0.1 udp 1',
      'alpha/api > 239.255.255.255 udp 1', 'alpha/api > 255.255.255.255 udp 1', 'alpha/api > 198.51.100.15 tcp 1', 'alpha/api > 10.128.0.1 tcp 1',
    ],
  },
  {
    says: 'an external that says so means infrastructure, but never the addresses of workloads',
    given: [egress('external:machinery')],
    open: ['alpha/api > 198.51.100.15 tcp 443', 'alpha/api > 169.254.169.254 tcp 443', 'alpha/api > 10.0.0.1 tcp 443'],
    closed: ['alpha/api > 10.128.0.1 tcp 443', 'alpha/api > 10.128.255.255 tcp 443', 'alpha/api > 169.254.169.253 tcp 443'],
  },
  {
    says: 'a domain matches names, a wildcard every name below it, and neither matches an address',
    given: [egress('external:packages')],
    open: ['alpha/api > pypi.org tcp 443', 'alpha/api > Files.PyPI.org. tcp 443', 'alpha/api > a.b.pypi.org tcp 443', 'alpha/api > external:packages tcp 443'],
    closed: ['alpha/api > xpypi.org tcp 443', 'alpha/api > pypi.org.example tcp 443', 'alpha/api > 203.0.113.1 tcp 443', 'pypi.org > alpha/api tcp 443'],
  },
  {
    says: 'an address range holds no names',
    given: [egress('external:world')],
    open: [],
    closed: ['alpha/api > pypi.org tcp 443', 'alpha/api > external:packages tcp 443'],
  },
  {
    says: 'egress holds in the phases that it names',
    given: [egress('external:office', { source: ['api', 'db'], phases: ['staging', 'task'] })],
    open: ['alpha/api > 203.0.113.1 tcp 443 staging', 'alpha/api > 203.0.113.1 tcp 443 task', 'alpha/db > 203.0.113.1 tcp 443'],
    closed: ['alpha/api > 203.0.113.1 tcp 443', 'alpha/db > 203.0.113.1 tcp 443 running'],
  },
  {
    says: 'a policy on requests is open for names and closed for bare addresses',
    given: [document('External', 'both', { cidrs: ['203.0.113.0/24'], domains: ['example.org'] }), egress('external:both', { http: { methods: ['GET'] } })],
    open: ['alpha/api > example.org tcp 443', 'alpha/api > external:both tcp 443'],
    closed: ['alpha/api > 203.0.113.1 tcp 443'],
  },
  {
    says: 'a published address answers the policy\'s externals at its published port only',
    given: [publish()],
    open: ['203.0.113.1 > 192.0.2.10 tcp 443', '203.0.113.255 > 2001:db8:1::10 tcp 443'],
    closed: [
      '203.0.114.0 > 192.0.2.10 tcp 443', '203.0.113.1 > 192.0.2.10 tcp 8080', '203.0.113.1 > 192.0.2.10 udp 443', '203.0.113.1 > 192.0.2.11 tcp 443',
      'external:office > 192.0.2.10 tcp 443', 'office.example.org > 192.0.2.10 tcp 443', 'peer:north/lab/w > 192.0.2.10 tcp 443',
    ],
  },
  {
    says: 'the private address answers nobody outside, while its external by name asks about the gateway',
    given: [publish()],
    open: ['external:office > alpha/api tcp 8080'],
    closed: ['203.0.113.1 > alpha/api tcp 8080', '203.0.113.1 > 10.128.0.1 tcp 8080', 'external:office > alpha/api tcp 443', 'external:world > alpha/api tcp 8080', 'external:office > alpha/web tcp 8080'],
  },
  {
    says: 'a published address answers only from outside, even where an external contains it and after it has expired',
    given: [publish({ expires: '2029-12-31T00:00:00Z' }), egress('external:world', { protocol: 'any', port: 'any' })],
    open: ['alpha/api > 192.0.2.11 tcp 443'],
    closed: ['alpha/api > 192.0.2.10 tcp 443', 'alpha/api > 192.0.2.10 icmp', 'alpha/api > 2001:db8:1::10 tcp 80', '203.0.113.1 > 192.0.2.10 tcp 443'],
  },
  {
    says: 'a workload\'s address is never a source from outside',
    given: [publish({ source: 'external:machinery' })],
    open: ['10.0.0.1 > 192.0.2.10 tcp 443'],
    closed: ['10.128.0.1 > 192.0.2.10 tcp 443'],
  },
  {
    says: 'an ingress carried by a proxy is open by name on the private port and publishes no address',
    given: [policy('IngressPolicy', { source: 'external:office', destination: 'api', protocol: 'tcp', port: 'http', authentication: 'none', hosts: ['api.example.org'] })],
    open: ['external:office > alpha/api tcp 8080'],
    closed: ['203.0.113.1 > alpha/api tcp 8080', '203.0.113.1 > api.example.org tcp 8080', 'external:office > api.example.org tcp 8080'],
  },
  {
    says: 'what the platform does not know stays closed',
    given: [service('alpha/*', 'alpha/*', { protocol: 'any', port: 'any' }), egress('external:world', { source: 'alpha/*' })],
    open: [],
    closed: ['alpha/ghost > alpha/db tcp 5432', 'alpha/api > alpha/ghost tcp 5432', 'external:world > alpha/ghost tcp 1', 'alpha/ghost > 203.0.113.1 tcp 443', 'alpha/api > external:nobody tcp 443'],
  },
  {
    says: 'outside to outside is closed',
    given: [publish(), egress('external:world', { source: 'alpha/*' })],
    open: [],
    closed: ['external:world > external:office tcp 443', '203.0.113.1 > 203.0.113.2 tcp 443', 'peer:north/lab/w > external:world tcp 443', 'a.example.org > b.example.org tcp 443'],
  },
]

for (const { says, given, open, closed } of rows) {
  test(says, () => {
    const { platform, diagnostics } = loadPlatform(filesOf(documentsFor(given)), { now })
    assert.ok(platform, `the documents are refused: ${diagnostics.map(formatDiagnostic).join('\n')}`)
    for (const text of open) assert.equal(referenceDecide(platform, flow(text), now), 'allow', text)
    for (const text of closed) assert.equal(referenceDecide(platform, flow(text), now), 'deny', text)
  })
}

test('every rule has a name of its own, so that none is counted for another', () => {
  const all = [...allowRules, ...denyRules, ...layerRules]
  assert.equal(new Set(all).size, all.length)
})
