/** Each rule of docs/meaning.md that decides a flow, as a row: what the documents say, what is asked, what the answer is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { egress, external, federation, flow, group, ingress, platformOf, service, workload } from '../model/testing.ts'
import { compile } from './compile.ts'
import { decide } from './decide.ts'
import type { Platform } from '../model/platform.ts'

const noon = Date.parse('2030-01-01T12:00:00Z')

const workloads = [
  workload('a/api', { labels: { tier: 'web', zone: 'x' } }),
  workload('a/web', { labels: { tier: 'web' } }),
  workload('a/db', { ports: [{ name: 'postgres', port: 5432, protocol: 'tcp' }, { name: 'metrics', port: 9100, protocol: 'udp' }] }),
  workload('a/job', { phase: 'task' }),
  workload('b/api', { ports: [{ name: 'postgres', port: 6543, protocol: 'tcp' }] }),
  workload('b/model', { ports: [8080] }),
]
const externals = [
  external('net', ['203.0.113.0/24', '2001:db8::/32']),
  external('pypi', ['pypi.org', '*.pythonhosted.org']),
  external('everything', ['0.0.0.0/0', '::/0']),
  external('hosts', ['192.0.2.0/24', '169.254.169.254/32', '10.128.0.0/16'], { infrastructure: true }),
]

function platform(parts: Partial<Parameters<typeof platformOf>[0]>): Platform {
  return platformOf({ workloads, externals, ...parts })
}

type Row = readonly [title: string, given: Partial<Parameters<typeof platformOf>[0]>, asked: string, verdict: 'allow' | 'deny']

const services: readonly Row[] = [
  ['nothing is open without a policy', {}, 'a/api -> a/db tcp 5432', 'deny'],
  ['a policy opens what it names', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp 5432')] }, 'a/api -> a/db tcp 5432', 'allow'],
  ['it opens no other port', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp 5432')] }, 'a/api -> a/db tcp 5433', 'deny'],
  ['it opens no other protocol', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp 5432')] }, 'a/api -> a/db udp 5432', 'deny'],
  ['it opens no other source', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp 5432')] }, 'a/web -> a/db tcp 5432', 'deny'],
  ['it does not open the way back', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp 5432')] }, 'a/db -> a/api tcp 5432', 'deny'],
  ['a range holds its first port', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp 80-90')] }, 'a/api -> a/db tcp 80', 'allow'],
  ['a range holds its last port', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp 80-90')] }, 'a/api -> a/db tcp 90', 'allow'],
  ['a range ends', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp 80-90')] }, 'a/api -> a/db tcp 91', 'deny'],
  ['port any is every port', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp any')] }, 'a/api -> a/db tcp 65535', 'allow'],
  ['port any of one protocol is not another protocol', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp any')] }, 'a/api -> a/db icmp', 'deny'],
  ['protocol any holds sctp', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'any')] }, 'a/api -> a/db sctp 7', 'allow'],
  ['protocol any holds icmp', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'any')] }, 'a/api -> a/db icmp', 'allow'],
  ['icmp opens echo', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'icmp')] }, 'a/api -> a/db icmp', 'allow'],
  ['icmp opens no port', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'icmp')] }, 'a/api -> a/db tcp 7', 'deny'],
  ['an icmp flow with a port is nothing', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'any')] }, 'a/api -> a/db icmp 7', 'deny'],
  ['a tcp flow without a port is nothing', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'any')] }, 'a/api -> a/db tcp', 'deny'],
  ['port 0 is nothing', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'any')] }, 'a/api -> a/db tcp 0', 'deny'],
  ['a port name stands for what the destination declares', { servicePolicies: [service('a/p', 'a/api', 'a/*', 'tcp postgres')] }, 'a/api -> a/db tcp 5432', 'allow'],
  ['a destination that declares no such name gets nothing from it', { servicePolicies: [service('a/p', 'a/api', 'a/*', 'tcp postgres')] }, 'a/api -> a/web tcp 5432', 'deny'],
  ['a port name of another protocol is nothing', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp metrics')] }, 'a/api -> a/db tcp 9100', 'deny'],
  ['a name beside numbers leaves the numbers open', { servicePolicies: [service('a/p', 'a/api', 'a/*', 'tcp 22,postgres')] }, 'a/api -> a/web tcp 22', 'allow'],
  ['a wildcard selects every workload of the enclave', { servicePolicies: [service('a/p', 'a/*', 'a/db', 'tcp 1')] }, 'a/job -> a/db tcp 1', 'allow'],
  ['a wildcard never selects a workload with itself', { servicePolicies: [service('a/p', 'a/*', 'a/*', 'tcp 1')] }, 'a/db -> a/db tcp 1', 'deny'],
  ['a workload reaches itself when both ends write it out', { servicePolicies: [service('a/p', 'a/db', 'a/db', 'tcp 1')] }, 'a/db -> a/db tcp 1', 'allow'],
  ['a wildcard on one end does not write it out', { servicePolicies: [service('a/p', 'a/db', 'a/*', 'tcp 1')] }, 'a/db -> a/db tcp 1', 'deny'],
  ['a list that also names it writes it out', { servicePolicies: [service('a/p', ['a/*', 'a/db'], ['a/*', 'a/db'], 'tcp 1')] }, 'a/db -> a/db tcp 1', 'allow'],
  ['labels select those that carry all of them', { servicePolicies: [service('a/p', 'labels:a:tier=web,zone=x', 'a/db', 'tcp 1')] }, 'a/api -> a/db tcp 1', 'allow'],
  ['labels do not select those that carry some of them', { servicePolicies: [service('a/p', 'labels:a:tier=web,zone=x', 'a/db', 'tcp 1')] }, 'a/web -> a/db tcp 1', 'deny'],
  ['identities decide, not names', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp 1')] }, 'b/api -> a/db tcp 1', 'deny'],
  ['a workload that nobody declares has no path', { servicePolicies: [service('a/p', 'a/*', 'a/*', 'any')] }, 'a/ghost -> a/db tcp 1', 'deny'],
  ['a policy is open before it expires', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp 1', { expires: noon + 1 })] }, 'a/api -> a/db tcp 1', 'allow'],
  ['a policy is closed at the instant at which it expires', { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp 1', { expires: noon })] }, 'a/api -> a/db tcp 1', 'deny'],
  [
    'a path stays while another policy opens it',
    { servicePolicies: [service('a/p', 'a/api', 'a/db', 'tcp 1', { expires: noon }), service('a/q', 'a/*', 'a/db', 'tcp 1')] },
    'a/api -> a/db tcp 1',
    'allow',
  ],
]

const groupWorkloads = [
  workload('a/x', { groups: ['g'], ports: [80] }),
  workload('a/y', { groups: ['g'], ports: [{ name: undefined, port: 53, protocol: 'udp' }] }),
  workload('a/z', { groups: ['h'], ports: [81] }),
  workload('a/shy', { ports: [82] }),
  workload('a/keen', { groups: ['g'], ports: [83] }),
]
const groups = [group('a/g', ['a/x', 'a/y', 'a/shy']), group('a/h', ['a/z', 'group:a/g'])]
const grouped = { workloads: groupWorkloads, groups }

const groupRows: readonly Row[] = [
  ['members of a group reach each other on declared ports', grouped, 'a/y -> a/x tcp 80', 'allow'],
  ['with the protocol declared', grouped, 'a/x -> a/y udp 53', 'allow'],
  ['and on nothing else', grouped, 'a/x -> a/y tcp 53', 'deny'],
  ['a group opens no icmp', grouped, 'a/x -> a/y icmp', 'deny'],
  ['a group does not open a member to itself', grouped, 'a/x -> a/x tcp 80', 'deny'],
  ['a workload that does not join is no member', grouped, 'a/x -> a/shy tcp 82', 'deny'],
  ['a workload that is not listed is no member', grouped, 'a/x -> a/keen tcp 83', 'deny'],
  ['members of a nested group are members of the outer one', grouped, 'a/x -> a/z tcp 81', 'allow'],
  ['members of the outer group are not members of the nested one', { ...grouped, servicePolicies: [service('a/p', 'group:a/g', 'a/shy', 'tcp 1')] }, 'a/z -> a/shy tcp 1', 'deny'],
  ['a policy may name a group', { ...grouped, servicePolicies: [service('a/p', 'group:a/h', 'a/shy', 'tcp 1')] }, 'a/x -> a/shy tcp 1', 'allow'],
  ['an exception opens nothing by itself', { workloads: groupWorkloads, groups: [group('a/g', ['a/x'], [['a/z', 'both']])] }, 'a/x -> a/z tcp 81', 'deny'],
]

const open = (what = 'tcp 443', to = 'external:net'): Row[1] => ({ egressPolicies: [egress('a/out', 'a/api', to, what)] })

const egressRows: readonly Row[] = [
  ['egress opens the addresses of the External', open(), 'a/api -> 203.0.113.9 tcp 443', 'allow'],
  ['in both families', open(), 'a/api -> 2001:db8::9 tcp 443', 'allow'],
  ['and no other address', open(), 'a/api -> 203.0.114.1 tcp 443', 'deny'],
  ['and no other port', open(), 'a/api -> 203.0.113.9 tcp 80', 'deny'],
  ['and no other workload', open(), 'a/web -> 203.0.113.9 tcp 443', 'deny'],
  ['an External is asked for by its name', open(), 'a/api -> external:net tcp 443', 'allow'],
  ['and only by its own name, even if another holds the same addresses', open('tcp 443', 'external:everything'), 'a/api -> external:net tcp 443', 'deny'],
  ['a domain opens its name', open('tcp 443', 'external:pypi'), 'a/api -> pypi.org tcp 443', 'allow'],
  ['in any spelling', open('tcp 443', 'external:pypi'), 'a/api -> PyPI.org. tcp 443', 'allow'],
  ['a wildcard opens names below it', open('tcp 443', 'external:pypi'), 'a/api -> files.pythonhosted.org tcp 443', 'allow'],
  ['a wildcard does not open its own name', open('tcp 443', 'external:pypi'), 'a/api -> pythonhosted.org tcp 443', 'deny'],
  ['a CIDR never holds a name', open('tcp 443', 'external:everything'), 'a/api -> pypi.org tcp 443', 'deny'],
  ['a domain never holds an address', open('tcp 443', 'external:pypi'), 'a/api -> 203.0.113.9 tcp 443', 'deny'],
  ['the whole internet does not hold the metadata service', open('tcp 443', 'external:everything'), 'a/api -> 169.254.169.254 tcp 443', 'deny'],
  ['nor loopback', open('tcp 443', 'external:everything'), 'a/api -> 127.0.0.1 tcp 443', 'deny'],
  ['nor IPv6 link-local', open('tcp 443', 'external:everything'), 'a/api -> fe80::1 tcp 443', 'deny'],
  ['nor the platform itself', open('tcp 443', 'external:everything'), 'a/api -> 10.128.0.5 tcp 443', 'deny'],
  ['nor its machinery', { ...open('tcp 443', 'external:everything'), infrastructure: [{ family: 4, first: 0xc000_0200n, last: 0xc000_02ffn }] }, 'a/api -> 192.0.2.1 tcp 443', 'deny'],
  ['infrastructure is meant where the External says so', open('tcp 443', 'external:hosts'), 'a/api -> 169.254.169.254 tcp 443', 'allow'],
  ['an address of the platform is never outside, whatever an External says', open('tcp 443', 'external:hosts'), 'a/api -> 10.128.0.5 tcp 443', 'deny'],
  ['a policy for one phase holds in it', { egressPolicies: [egress('a/out', 'a/*', 'external:net', 'tcp 443', { phases: ['task'] })] }, 'a/api -> 203.0.113.9 tcp 443 in task', 'allow'],
  ['and in no other', { egressPolicies: [egress('a/out', 'a/*', 'external:net', 'tcp 443', { phases: ['task'] })] }, 'a/api -> 203.0.113.9 tcp 443', 'deny'],
  ['a workload is in the phase it declares', { egressPolicies: [egress('a/out', 'a/*', 'external:net', 'tcp 443', { phases: ['task'] })] }, 'a/job -> 203.0.113.9 tcp 443', 'allow'],
  ['a path for requests is open to names', { egressPolicies: [egress('a/out', 'a/*', 'external:pypi', 'tcp 443', { http: { methods: ['GET'], paths: [] } })] }, 'a/api -> pypi.org tcp 443', 'allow'],
  ['and to the External', { egressPolicies: [egress('a/out', 'a/*', 'external:net', 'tcp 443', { http: { methods: ['GET'], paths: [] } })] }, 'a/api -> external:net tcp 443', 'allow'],
  ['and closed to bare addresses', { egressPolicies: [egress('a/out', 'a/*', 'external:net', 'tcp 443', { http: { methods: ['GET'], paths: [] } })] }, 'a/api -> 203.0.113.9 tcp 443', 'deny'],
]

const published: Row[1] = {
  ingressPolicies: [ingress('a/in', 'external:net', 'a/web', 'tcp 8443', '198.51.100.1:443')],
  egressPolicies: [egress('a/out', 'a/*', 'external:everything', 'any')],
}

const ingressRows: readonly Row[] = [
  ['a published address answers the outside that the policy names', published, '203.0.113.9 -> 198.51.100.1 tcp 443', 'allow'],
  ['on no other port', published, '203.0.113.9 -> 198.51.100.1 tcp 8443', 'deny'],
  ['with no other protocol', published, '203.0.113.9 -> 198.51.100.1 udp 443', 'deny'],
  ['from nowhere else', published, '203.0.112.9 -> 198.51.100.1 tcp 443', 'deny'],
  ['and no other address answers', published, '203.0.113.9 -> 198.51.100.2 tcp 443', 'deny'],
  ['the private address answers nobody outside', published, '203.0.113.9 -> a/web tcp 8443', 'deny'],
  ['not to an address inside the platform either', published, '203.0.113.9 -> 10.128.0.9 tcp 8443', 'deny'],
  ['the External by name is led on to the private port', published, 'external:net -> a/web tcp 8443', 'allow'],
  ['not to the published one', published, 'external:net -> a/web tcp 443', 'deny'],
  ['another External is not', published, 'external:everything -> a/web tcp 8443', 'deny'],
  ['only an address asks for a published address', published, 'external:net -> 198.51.100.1 tcp 443', 'deny'],
  ['a workload never reaches a published address', published, 'a/api -> 198.51.100.1 tcp 443', 'deny'],
  ['on no port of it', published, 'a/api -> 198.51.100.1 tcp 22', 'deny'],
  ['but its neighbour', published, 'a/api -> 198.51.100.2 tcp 443', 'allow'],
  [
    'also when the policy that publishes it has expired',
    { ...published, ingressPolicies: [ingress('a/in', 'external:net', 'a/web', 'tcp 8443', '198.51.100.1:443', { expires: 1 })] },
    'a/api -> 198.51.100.1 tcp 443',
    'deny',
  ],
  [
    'an expired policy publishes nothing',
    { ingressPolicies: [ingress('a/in', 'external:net', 'a/web', 'tcp 8443', '198.51.100.1:443', { expires: 1 })] },
    '203.0.113.9 -> 198.51.100.1 tcp 443',
    'deny',
  ],
  [
    'an address of the platform is not outside as a source',
    { ingressPolicies: [ingress('a/in', 'external:hosts', 'a/web', 'tcp 8443', '198.51.100.1:443')] },
    '10.128.0.9 -> 198.51.100.1 tcp 443',
    'deny',
  ],
  ['outside to outside is denied', published, '203.0.113.9 -> 203.0.113.10 tcp 443', 'deny'],
  ['a proxy leads the External on', { ingressPolicies: [ingress('a/in', 'external:net', 'a/web', 'tcp 8443')] }, 'external:net -> a/web tcp 8443', 'allow'],
  ['a proxy opens no address', { ingressPolicies: [ingress('a/in', 'external:net', 'a/web', 'tcp 8443')] }, '203.0.113.9 -> 10.128.0.9 tcp 8443', 'deny'],
]

const both = (imports: string, exports: string): Row[1] => ({
  federationPolicies: [
    federation('a/use', { imports: [['a/api', 'b/model', imports]] }),
    federation('b/offer', { exports: [['a/*', 'b/model', exports]] }),
  ],
})

const federationRows: readonly Row[] = [
  ['an import that meets an export opens the path', both('tcp 8080', 'tcp 8080'), 'a/api -> b/model tcp 8080', 'allow'],
  ['only on what both name', both('tcp 8000-8080', 'tcp 8080-8090'), 'a/api -> b/model tcp 8081', 'deny'],
  ['and on all that both name', both('any', 'tcp 8080-8090'), 'a/api -> b/model tcp 8085', 'allow'],
  ['only for workloads that both select', both('tcp 8080', 'tcp 8080'), 'a/web -> b/model tcp 8080', 'deny'],
  ['not the way back', both('tcp 8080', 'tcp 8080'), 'b/model -> a/api tcp 8080', 'deny'],
  ['an import alone opens nothing', { federationPolicies: [federation('a/use', { imports: [['a/api', 'b/model', 'tcp 8080']] })] }, 'a/api -> b/model tcp 8080', 'deny'],
  ['an export alone opens nothing', { federationPolicies: [federation('b/offer', { exports: [['a/*', 'b/model', 'tcp 8080']] })] }, 'a/api -> b/model tcp 8080', 'deny'],
  [
    'both halves in one owner\'s document open nothing',
    { federationPolicies: [federation('a/use', { imports: [['a/api', 'b/model', 'tcp 8080']], exports: [['a/api', 'b/model', 'tcp 8080']] })] },
    'a/api -> b/model tcp 8080',
    'deny',
  ],
  [
    'it closes when either half expires',
    { federationPolicies: [federation('a/use', { imports: [['a/api', 'b/model', 'any']] }), federation('b/offer', { exports: [['a/*', 'b/model', 'any']] }, { expires: noon })] },
    'a/api -> b/model tcp 8080',
    'deny',
  ],
  [
    'a port name means what the destination declares, for both halves',
    { federationPolicies: [federation('a/use', { imports: [['a/api', 'b/api', 'tcp 6543']] }), federation('b/offer', { exports: [['a/*', 'b/api', 'tcp postgres']] })] },
    'a/api -> b/api tcp 6543',
    'allow',
  ],
  ['an import from a peer opens the way to it', { federationPolicies: [federation('a/use', { imports: [['a/api', 'peer:lab/x/y', 'tcp 1']] })] }, 'a/api -> peer:lab/x/y tcp 1', 'allow'],
  ['to no other workload of it', { federationPolicies: [federation('a/use', { imports: [['a/api', 'peer:lab/x/y', 'tcp 1']] })] }, 'a/api -> peer:lab/x/z tcp 1', 'deny'],
  ['a peer\'s wildcard holds every workload of that enclave', { federationPolicies: [federation('a/use', { imports: [['a/api', 'peer:lab/x/*', 'tcp 1']] })] }, 'a/api -> peer:lab/x/z tcp 1', 'allow'],
  ['an export to a peer opens the way from it', { federationPolicies: [federation('a/offer', { exports: [['peer:lab/x/y', 'a/api', 'tcp 1']] })] }, 'peer:lab/x/y -> a/api tcp 1', 'allow'],
  ['not the way to it', { federationPolicies: [federation('a/offer', { exports: [['peer:lab/x/y', 'a/api', 'tcp 1']] })] }, 'a/api -> peer:lab/x/y tcp 1', 'deny'],
  ['a peer\'s workload declares no port name here', { federationPolicies: [federation('a/use', { imports: [['a/db', 'peer:lab/x/y', 'tcp postgres']] })] }, 'a/db -> peer:lab/x/y tcp 5432', 'deny'],
]

for (const [title, given, asked, verdict] of [...services, ...groupRows, ...egressRows, ...ingressRows, ...federationRows]) {
  test(`${title}: ${asked} is ${verdict === 'allow' ? 'allowed' : 'denied'}`, () => {
    const set = platform(given)
    const decision = decide(set, compile(set).intent, flow(asked), noon)
    assert.equal(decision.verdict, verdict, decision.reason)
  })
}
