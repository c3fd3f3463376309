import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../intent/compile.ts'
import { egress, external, federation, group, ingress, place, platformOf, proxyOf, service, workload } from '../model/testing.ts'
import { lint } from './lint.ts'
import type { Platform } from '../model/platform.ts'

const day = 86_400_000
const now = 1000 * day
const web = { name: 'web', port: 80, protocol: 'tcp' } as const

const base = {
  workloads: [workload('a/x', { labels: { tier: 'web' } }), workload('a/y', { ports: [web, 5432] }), workload('b/z', { ports: [web] })],
  externals: [external('inner', ['203.0.113.0/28']), external('outer', ['203.0.112.0/22']), external('local', ['127.0.0.0/8']), external('far', ['198.51.100.0/24'])],
  groups: [group('a/empty', [])],
}

function findings(parts: Partial<Platform>): readonly string[] {
  const platform = platformOf({ ...base, ...parts } as Parameters<typeof platformOf>[0])
  return lint(platform, compile(platform).intent, now, 30 * day).map((d) => `${d.code}: ${d.message}`)
}

const rows: readonly (readonly [title: string, parts: Partial<Platform>, expected: readonly string[]])[] = [
  ['a policy that opens what a workload declares is fine', { servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp web')] }, []],
  ['so is one for each of two ports', { servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 80'), service('a/q', 'a/x', 'a/y', 'tcp 5432')] }, []],
  ['echo is declared by nobody', { servicePolicies: [service('a/p', 'a/x', 'a/y', 'icmp')] }, []],
  ['a policy that only names a workload and itself by a wildcard opens nothing', { servicePolicies: [service('b/p', 'b/*', 'b/*', 'tcp web')] }, ['opens-nothing: ServicePolicy `p` opens nothing']],
  [
    'an External that holds only reserved space makes a policy open nothing', { egressPolicies: [egress('a/p', 'a/x', 'external:local', 'tcp 1')] },
    ['opens-nothing: EgressPolicy `p` opens nothing'],
  ],
  [
    'labels that nobody carries, and groups without members, select nobody', { servicePolicies: [service('a/p', 'labels:a:tier=none', 'a/y', 'tcp web', { at: place(1) }), service('a/q', ['a/x', 'group:a/empty'], 'a/y', 'tcp 80', { at: place(2) })] },
    ['selects-nothing: `group:a/empty` selects no workload', 'selects-nothing: `labels: tier=none` selects no workload'],
  ],
  [
    'encryption that another policy does without is told', { servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp web', { at: place(1), encryption: 'required' }), service('a/q', 'a/x', 'a/y', 'tcp 80,5432', { at: place(2) })] },
    ['encryption-undone: ServicePolicy `p` requires encryption of what is open in the clear as well, by ServicePolicy a/q'],
  ],
  ['encryption of what nobody else opens is fine', { servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp web', { encryption: 'required' }), service('a/q', 'a/x', 'a/y', 'tcp 5432')] }, []],
  ['host names need a gateway', { ingressPolicies: [ingress('a/p', 'external:inner', 'a/y', 'tcp web')] }, ['gateway-missing: IngressPolicy `p` needs the inbound gateway, and the Platform has none']],
  ['and are fine with one', { gateway: { addresses: [], httpsPort: 443, httpPort: undefined, meshPort: 15_443, bundlePort: 8443, bundleCertificate: undefined, at: place() }, ingressPolicies: [ingress('a/p', 'external:inner', 'a/y', 'tcp web')] }, []],
  [
    'a proxy on the way out does not carry what the gateways ask themselves', {
      gateway: { addresses: [], httpsPort: 443, httpPort: undefined, meshPort: 15_443, bundlePort: 8443, bundleCertificate: undefined, at: place() }, egressProxy: { host: 'proxy.example.org', port: 3128 },
      ingressPolicies: ['uri', 'file'].map((kind, i) => ingress(`a/${kind}`, 'external:inner', 'a/y', 'tcp web', undefined, {
        at: place(i + 1),
        proxy: proxyOf({ hosts: [`${kind}.example.org`], authentication: { kind: 'jwt', issuer: 'https://id.example.org', audiences: ['y'], claims: [], jwks: kind === 'uri' ? { kind: 'uri', uri: 'https://id.example.org/keys' } : { kind: 'file', file: '/keys' } } }),
      })),
    },
    ['proxy-passed-over: IngressPolicy `uri` needs issuer `https://id.example.org`, which the gateway reaches directly and not by the Platform\'s `egressProxy`'],
  ],
  [
    'two policies that say the same contain each other', { servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp web', { at: place(1) }), service('a/q', 'a/x', 'a/y', 'tcp 80', { at: place(2) })] },
    ['contained: ServicePolicy `p` opens nothing that others do not open: ServicePolicy a/q', 'contained: ServicePolicy `q` opens nothing that others do not open: ServicePolicy a/p'],
  ],
  [
    'a policy is contained in two that cover it together',
    { servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 80,5432', { at: place(1) }), service('a/q', 'a/x', 'a/y', 'tcp 80', { at: place(2), expires: now + 90 * day }), service('a/r', 'a/x', 'a/y', 'tcp 5432', { at: place(3) })] },
    ['contained: ServicePolicy `q` opens nothing that others do not open: ServicePolicy a/p', 'contained: ServicePolicy `r` opens nothing that others do not open: ServicePolicy a/p'],
  ],
  [
    'a policy that lasts longer is not contained',
    { servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 80', { at: place(1) }), service('a/q', 'a/x', 'a/y', 'tcp 80,5432', { at: place(2), expires: now + 90 * day })] },
    [],
  ],
  [
    'what contains a policy is named, and not what leads elsewhere; where nothing is meant, nothing contains it',
    { egressPolicies: [
      egress('a/p', 'a/x', 'external:inner', 'tcp 443', { at: place(1) }), egress('a/q', 'a/*', 'external:outer', 'tcp 443', { at: place(2) }),
      egress('a/r', 'a/x', 'external:far', 'tcp 443', { at: place(3) }), egress('a/s', 'a/x', 'external:local', 'tcp 443', { at: place(4) }),
    ] },
    ['contained: EgressPolicy `p` opens nothing that others do not open: EgressPolicy a/q', 'opens-nothing: EgressPolicy `s` opens nothing'],
  ],
  [
    'a smaller External is contained in a larger one', { egressPolicies: [egress('a/p', 'a/x', 'external:inner', 'tcp 443', { at: place(1) }), egress('a/q', 'a/*', 'external:outer', 'tcp 443', { at: place(2) })] },
    ['contained: EgressPolicy `p` opens nothing that others do not open: EgressPolicy a/q'],
  ],
  [
    'a port that no destination declares is told', { servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 8080')], ingressPolicies: [ingress('b/p', 'external:inner', 'b/z', 'tcp 8443', '198.51.100.1:443')] },
    ['undeclared-port: IngressPolicy `p` names tcp 8443, which `b/z` does not declare', 'undeclared-port: ServicePolicy `p` names tcp 8080, which `a/y` does not declare'],
  ],
  [
    'more ports than are declared are told, whole protocols too', { servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 80-82,5432', { at: place(1) }), service('a/q', 'a/y', 'a/x', 'any', { at: place(2) })] },
    ['wider-than-declared: ServicePolicy `p` opens tcp 81-82 of `a/y`, which declares tcp 80,5432', 'wider-than-declared: ServicePolicy `q` opens sctp any and tcp any and udp any of `a/x`, which declares no port'],
  ],
  [
    'an export is looked at, an import is not',
    { federationPolicies: [federation('a/i', { imports: [['a/x', 'b/z', 'tcp any']] }, { at: place(1) }), federation('b/e', { exports: [['a/x', 'b/z', 'tcp 80-90']] }, { at: place(2) })] },
    ['wider-than-declared: FederationPolicy `e` opens tcp 81-90 of `b/z`, which declares tcp 80'],
  ],
  [
    'what has expired and what ends soon is told',
    {
      servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 80', { at: place(1), expires: now }), service('a/q', 'a/x', 'a/y', 'tcp 5432', { at: place(2), expires: now + 5.5 * day })],
      riskRecords: [{ kind: 'RiskRecord', name: 'r', external: 'inner', software: 's', owner: 'o', sends: ['x'], where: 'w', legalBasis: 'l', acceptedBy: 'o', mitigations: [], until: now + 1000, at: place(3) }],
    },
    [
      'expired-policy: the policy `p` has expired and opens nothing', 'expires-soon: ServicePolicy `q` ends at 1972-10-02T12:00:00.000Z, in 5 days',
      'expires-soon: the risk accepted in `r` ends at 1972-09-27T00:00:01.000Z, in less than a day',
    ],
  ],
]

for (const [title, parts, expected] of rows) {
  test(title, () => {
    assert.deepEqual(findings(parts), expected)
  })
}
