import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { emptyPlatform, egress, external, federation, group, ingress, place, platformOf, service, workload } from '../model/testing.ts'
import { compile } from './compile.ts'
import { formatEnd, formatTraffic } from './format.ts'
import { anyEgress, anyFederation, anyIngress, anyPlatform, anyService } from './testing.ts'
import type { Platform } from '../model/platform.ts'
import type { Path } from './intent.ts'

function lines(platform: Platform): readonly string[] {
  return compile(platform).intent.paths.map(line)
}

function line(path: Path): string {
  return `${formatEnd(path.source)} -> ${formatEnd(path.destination)} ${formatTraffic(path)}`
}

function problems(platform: Platform): readonly string[] {
  return compile(platform).diagnostics.map((d) => `${d.severity} ${d.code}: ${d.message}`)
}

test('no documents, no paths', () => {
  assert.deepEqual(compile(emptyPlatform()), { intent: { kind: 'intent', paths: [] }, diagnostics: [] })
})

test('paths come sorted by source, destination, protocol and ports, whatever the order of the documents', () => {
  const workloads = [workload('a/x'), workload('a/y'), workload('a/z')]
  const policies = [service('a/3', 'a/y', 'a/x', 'tcp 9'), service('a/2', 'a/x', 'a/*', 'tcp 100'), service('a/1', 'a/x', 'a/z', 'icmp'), service('a/0', 'a/x', 'a/z', 'tcp 20')]
  assert.deepEqual(lines(platformOf({ workloads, servicePolicies: policies })), [
    'a/x -> a/y tcp 100',
    'a/x -> a/z icmp',
    'a/x -> a/z tcp 20',
    'a/x -> a/z tcp 100',
    'a/y -> a/x tcp 9',
  ])
})

test('a path knows the documents and lines that open it, both of them for a federation', () => {
  const { intent } = compile(
    platformOf({
      workloads: [workload('a/x'), workload('b/y')],
      federationPolicies: [
        federation('b/offer', { exports: [['a/*', 'b/y', 'tcp 1']] }, { at: place(7, 'b.yaml'), expires: 9 }),
        federation('a/use', { imports: [['a/x', 'b/*', 'tcp 1-5']] }, { at: place(3, 'a.yaml'), expires: 5 }),
      ],
    }),
  )
  assert.equal(intent.paths.length, 1)
  assert.deepEqual(intent.paths[0]?.origin, [
    { document: 'FederationPolicy a/use', at: place(3, 'a.yaml') },
    { document: 'FederationPolicy b/offer', at: place(7, 'b.yaml') },
  ])
  assert.equal(intent.paths[0]?.expires, 5)
})

test('a policy that has expired keeps its path, which says when it closed', () => {
  const { intent } = compile(platformOf({ workloads: [workload('a/x'), workload('a/y')], servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 1', { expires: 1 })] }))
  assert.equal(intent.paths[0]?.expires, 1)
})

test('a reference beyond the owner\'s enclave opens nothing, even if it gets this far', () => {
  const workloads = [workload('a/x'), workload('b/y')]
  assert.deepEqual(
    lines(platformOf({
      workloads,
      externals: [external('e', ['203.0.113.0/24'])],
      servicePolicies: [service('a/p', 'a/x', 'b/y', 'any'), service('a/q', 'b/y', 'a/x', 'any')],
      egressPolicies: [egress('a/e', 'b/*', 'external:e', 'any')],
      ingressPolicies: [ingress('a/i', 'external:e', 'b/*', 'tcp 1')],
    })),
    [],
  )
})

// --- group edges --------------------------------------------------------------------------------------------

const trio = [workload('a/x', { groups: ['g'], ports: [80] }), workload('a/y', { groups: ['g'] }), workload('a/z')]

test('a path out of a group is an error that names the policy, the ends and the group', () => {
  const found = compile(platformOf({ workloads: trio, groups: [group('a/g', ['a/x', 'a/y'])], servicePolicies: [service('a/p', 'a/*', 'a/z', 'tcp 1', { at: place(5) })] }))
  assert.deepEqual(
    found.diagnostics.map((d) => [d.code, d.severity, d.at.line, d.message, d.help]),
    [[
      'group-edge', 'error', 5,
      'ServicePolicy a/p opens `a/x` to `a/z` (tcp 1), which crosses the edge of group `a/g` (and 1 more of its paths)',
      'list it in the group: `exceptions: [{with: z, direction: out}]`; or remove the path',
    ]],
  )
})

const edges: readonly (readonly [title: string, platform: Platform, errors: number])[] = [
  ['a path into a group is an error', platformOf({ workloads: trio, groups: [group('a/g', ['a/x', 'a/y'])], servicePolicies: [service('a/p', 'a/z', 'a/x', 'tcp 1')] }), 1],
  ['a path inside a group is none', platformOf({ workloads: trio, groups: [group('a/g', ['a/x', 'a/y'])], servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 1')] }), 0],
  ['an exception in the right direction lets it pass', platformOf({ workloads: trio, groups: [group('a/g', ['a/x', 'a/y'], [['a/z', 'in']])], servicePolicies: [service('a/p', 'a/z', 'a/x', 'tcp 1')] }), 0],
  ['an exception in the other direction does not', platformOf({ workloads: trio, groups: [group('a/g', ['a/x', 'a/y'], [['a/z', 'out']])], servicePolicies: [service('a/p', 'a/z', 'a/x', 'tcp 1')] }), 1],
  ['an exception for both directions does', platformOf({ workloads: trio, groups: [group('a/g', ['a/x', 'a/y'], [['a/*', 'both']])], servicePolicies: [service('a/p', 'a/z', 'a/x', 'tcp 1')] }), 0],
  ['an exception for somebody else does not', platformOf({ workloads: trio, groups: [group('a/g', ['a/x', 'a/y'], [['b/z', 'both']])], servicePolicies: [service('a/p', 'a/z', 'a/x', 'tcp 1')] }), 1],
  ['a policy that has expired is held to it as well', platformOf({ workloads: trio, groups: [group('a/g', ['a/x', 'a/y'])], servicePolicies: [service('a/p', 'a/z', 'a/x', 'tcp 1', { expires: 1 })] }), 1],
  ['a path to outside crosses the edge', platformOf({ workloads: trio, groups: [group('a/g', ['a/x'])], externals: [external('e', ['203.0.113.0/24'])], egressPolicies: [egress('a/p', 'a/x', 'external:e', 'tcp 1')] }), 1],
  ['unless the group lists the External', platformOf({ workloads: trio, groups: [group('a/g', ['a/x'], [['external:e', 'out']])], externals: [external('e', ['203.0.113.0/24'])], egressPolicies: [egress('a/p', 'a/x', 'external:e', 'tcp 1')] }), 0],
  ['a path to a peer crosses the edge', platformOf({ workloads: trio, groups: [group('a/g', ['a/x'])], federationPolicies: [federation('a/p', { imports: [['a/x', 'peer:lab/q/r', 'tcp 1']] })] }), 1],
  ['unless the group lists the peer', platformOf({ workloads: trio, groups: [group('a/g', ['a/x'], [['peer:lab/q/*', 'both']])], federationPolicies: [federation('a/p', { imports: [['a/x', 'peer:lab/q/r', 'tcp 1']] })] }), 0],
  [
    'what an outer group opens to members of a nested one is held to the same rule',
    platformOf({ workloads: [workload('a/x', { groups: ['g'], ports: [80] }), workload('a/z', { groups: ['h'] })], groups: [group('a/g', ['a/x']), group('a/h', ['a/z', 'group:a/g'])] }),
    1,
  ],
  [
    'and may be listed in the nested one',
    platformOf({ workloads: [workload('a/x', { groups: ['g'], ports: [80] }), workload('a/z', { groups: ['h'] })], groups: [group('a/g', ['a/x'], [['a/z', 'in']]), group('a/h', ['a/z', 'group:a/g'])] }),
    0,
  ],
]

for (const [title, platform, errors] of edges) {
  test(`group edge: ${title}`, () => {
    assert.equal(problems(platform).filter((p) => p.startsWith('error group-edge')).length, errors, problems(platform).join('\n'))
  })
}

// --- restricted segments ------------------------------------------------------------------------------------

function restricted(policies: Platform['egressPolicies'], segment = 'secure'): Platform {
  const at = place()
  return platformOf({
    workloads: [workload('a/x', { segment }), workload('a/y')],
    externals: [external('inside', ['172.16.0.0/16']), external('peered', ['172.20.0.0/24', '172.16.9.0/24']), external('wide', ['172.16.0.0/12']), external('named', ['pypi.org'])],
    stacks: new Map([['default', { kind: 'Stack', name: 'default', tenancy: 'shared', cidrs: external('', ['172.16.0.0/16']).cidrs, peeredCidrs: external('', ['172.20.0.0/16']).cidrs, layers: [], account: undefined, layerHosts: 'shared', at }]]),
    environments: new Map([['default', { kind: 'Environment', name: 'default', stack: 'default', owner: undefined, defaultSegment: undefined, isolation: undefined, members: [], at }]]),
    segments: new Map([
      ['secure', { kind: 'IsolationSegment', name: 'secure', instances: 1, instanceType: 'm', egress: 'restricted', entitled: undefined, replicasPerInstance: 100, at }],
      ['free', { kind: 'IsolationSegment', name: 'free', instances: 1, instanceType: 'm', egress: 'open', entitled: undefined, replicasPerInstance: 100, at }],
    ]),
    egressPolicies: policies,
  })
}

const segments: readonly (readonly [title: string, platform: Platform, errors: number])[] = [
  ['an External inside the stack stays reachable', restricted([egress('a/p', 'a/x', 'external:inside', 'tcp 1')]), 0],
  ['an External inside its peered networks too', restricted([egress('a/p', 'a/x', 'external:peered', 'tcp 1')]), 0],
  ['an External that reaches beyond is refused', restricted([egress('a/p', 'a/x', 'external:wide', 'tcp 1')]), 1],
  ['an External with domains is refused', restricted([egress('a/p', 'a/x', 'external:named', 'tcp 1')]), 1],
  ['a workload on an open segment is free', restricted([egress('a/p', 'a/x', 'external:named', 'tcp 1')], 'free'), 0],
  ['a workload on no segment is free', restricted([egress('a/p', 'a/y', 'external:named', 'tcp 1')]), 0],
  ['staging alone may reach beyond', restricted([egress('a/p', 'a/x', 'external:named', 'tcp 1', { phases: ['staging'] })]), 0],
  ['task may not', restricted([egress('a/p', 'a/x', 'external:named', 'tcp 1', { phases: ['staging', 'task'] })]), 1],
  ['each External is named by itself', restricted([egress('a/p', 'a/x', ['external:named', 'external:wide', 'external:inside'], 'tcp 1')]), 2],
]

for (const [title, platform, errors] of segments) {
  test(`restricted segment: ${title}`, () => {
    assert.equal(problems(platform).filter((p) => p.startsWith('error restricted-segment')).length, errors, problems(platform).join('\n'))
  })
}

test('a wildcard out of a restricted segment names the member that is on it', () => {
  assert.deepEqual(problems(restricted([egress('a/p', 'a/*', 'external:named', 'tcp 1')])), [
    'error restricted-segment: EgressPolicy `p` leads `a/x` (segment `secure`) out of a restricted segment to `external:named`: it has domains, which can be anywhere',
  ])
})

// --- warnings -----------------------------------------------------------------------------------------------

test('one-sided membership is a warning from either side, and none once both agree', () => {
  const workloads = [workload('a/x', { groups: ['g'] }), workload('a/shy'), workload('a/keen', { groups: ['g'] })]
  assert.deepEqual(problems(platformOf({ workloads, groups: [group('a/g', ['a/x', 'a/shy'])] })), [
    'warning one-sided-membership: `keen` joins group `g`, which does not list it, so it is no member',
    'warning one-sided-membership: group `g` lists `shy`, which does not join it, so it is no member',
  ])
})

test('a half without its other half is a warning, and none once they meet', () => {
  const workloads = [workload('a/x'), workload('b/y')]
  const use = federation('a/use', { imports: [['a/x', 'b/y', 'tcp 1']] })
  const offer = federation('b/offer', { exports: [['a/*', 'b/y', 'tcp 1-9']] })
  const other = federation('b/offer', { exports: [['a/*', 'b/y', 'tcp 2-9']] })
  assert.deepEqual(problems(platformOf({ workloads, federationPolicies: [use] })), [
    'warning one-sided-half: no export meets this import of FederationPolicy `use` from `b/y`, so it opens nothing',
  ])
  assert.deepEqual(problems(platformOf({ workloads, federationPolicies: [offer] })), [
    'warning one-sided-half: no import meets this export of FederationPolicy `offer` to `a/*`, so it opens nothing',
  ])
  assert.equal(problems(platformOf({ workloads, federationPolicies: [use, other] })).length, 2)
  assert.deepEqual(problems(platformOf({ workloads, federationPolicies: [use, offer] })), [])
})

test('a half that faces a peer has its other half elsewhere, so nobody is warned', () => {
  assert.deepEqual(problems(platformOf({ workloads: [workload('a/x')], federationPolicies: [federation('a/use', { imports: [['a/x', 'peer:lab/q/r', 'tcp 1']] })] })), [])
})

// --- properties ---------------------------------------------------------------------------------------------

test('policies only add paths: a policy more never takes one away', () => {
  fc.assert(
    fc.property(anyPlatform, anyService, anyEgress, anyIngress, anyFederation, (platform, s, e, i, f) => {
      const before = keys(platform)
      for (const more of [
        { servicePolicies: [...platform.servicePolicies, s] },
        { egressPolicies: [...platform.egressPolicies, e] },
        { ingressPolicies: [...platform.ingressPolicies, i] },
        { federationPolicies: [...platform.federationPolicies, f] },
      ]) {
        assert.ok(before.isSubsetOf(keys({ ...platform, ...more })))
      }
    }),
    { numRuns: 200 },
  )
})

function keys(platform: Platform): Set<string> {
  return new Set(compile(platform).intent.paths.map((path) => JSON.stringify(path, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))))
}

test('the order of documents means nothing', () => {
  fc.assert(
    fc.property(anyPlatform, (platform) => {
      const reversed: Platform = {
        ...platform,
        workloads: new Map([...platform.workloads].reverse()),
        groups: new Map([...platform.groups].reverse()),
        externals: new Map([...platform.externals].reverse()),
        servicePolicies: platform.servicePolicies.toReversed(),
        egressPolicies: platform.egressPolicies.toReversed(),
        ingressPolicies: platform.ingressPolicies.toReversed(),
        federationPolicies: platform.federationPolicies.toReversed(),
      }
      assert.deepEqual(compile(reversed), compile(platform))
    }),
    { numRuns: 200 },
  )
})

test('every path leads from or to a workload, has ports exactly when its protocol has, phases, and a document that opens it', () => {
  fc.assert(
    fc.property(anyPlatform, (platform) => {
      for (const path of compile(platform).intent.paths) {
        assert.ok(path.source.kind === 'workload' || path.destination.kind === 'workload')
        assert.equal(path.ports.length === 0, path.protocol === 'icmp')
        assert.ok(path.phases.length > 0)
        assert.ok(path.origin.length > 0)
        assert.ok(Object.isFrozen(path))
      }
    }),
    { numRuns: 200 },
  )
})
