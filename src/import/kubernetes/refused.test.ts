/** What is not understood is told, never passed over. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adminPolicy, baselinePolicy, clusterPolicy, deployment, namespace, networkPolicy, pod, problems } from './testing.ts'

const codes = (texts: string | readonly string[], lenient = false): readonly string[] => problems(typeof texts === 'string' ? [texts] : texts, lenient).map((line) => line.replace(/ .*:\d+/, ''))

const badNetworkPolicies: readonly (readonly [string, string, string])[] = [
  ['an unknown field', '{ podSelector: {}, ingres: [] }', 'unknown-field'],
  ['an unknown field of a rule', '{ podSelector: {}, ingress: [{ form: [] }] }', 'unknown-field'],
  ['an unknown field of a peer', '{ podSelector: {}, ingress: [{ from: [{ podSelectors: {} }] }] }', 'unknown-field'],
  ['an unknown field of a selector', '{ podSelector: { matchLabel: {} } }', 'unknown-field'],
  ['an unknown type', '{ podSelector: {}, policyTypes: [ingress] }', 'wrong-value'],
  ['an unknown protocol', '{ podSelector: {}, ingress: [{ ports: [{ protocol: ICMP, port: 1 }] }] }', 'wrong-value'],
  ['an unknown operator', '{ podSelector: { matchExpressions: [{ key: a, operator: Equals, values: [b] }] } }', 'wrong-value'],
  ['In without values', '{ podSelector: { matchExpressions: [{ key: a, operator: In }] } }', 'missing-field'],
  ['Exists with values', '{ podSelector: { matchExpressions: [{ key: a, operator: Exists, values: [b] }] } }', 'conflicting-fields'],
  ['a key that is none', '{ podSelector: { matchLabels: { "a b": c } } }', 'invalid-name'],
  ['a value that is none', '{ podSelector: { matchLabels: { a: "b c" } } }', 'invalid-name'],
  ['a value that is not text', '{ podSelector: { matchLabels: { a: 1 } } }', 'wrong-type'],
  ['port 0', '{ podSelector: {}, ingress: [{ ports: [{ port: 0 }] }] }', 'invalid-port'],
  ['port 65536', '{ podSelector: {}, ingress: [{ ports: [{ port: 65536 }] }] }', 'invalid-port'],
  ['an octal port', '{ podSelector: {}, ingress: [{ ports: [{ port: 0o120 }] }] }', 'invalid-port'],
  ['a number as a name', '{ podSelector: {}, ingress: [{ ports: [{ port: "80" }] }] }', 'invalid-port'],
  ['a reversed range', '{ podSelector: {}, ingress: [{ ports: [{ port: 90, endPort: 80 }] }] }', 'reversed-range'],
  ['endPort without port', '{ podSelector: {}, ingress: [{ ports: [{ endPort: 80 }] }] }', 'conflicting-fields'],
  ['endPort with a name', '{ podSelector: {}, ingress: [{ ports: [{ port: web, endPort: 80 }] }] }', 'conflicting-fields'],
  ['a block that is none', '{ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: 10.0.0.300/8 } }] }] }', 'invalid-cidr'],
  ['a block without length', '{ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: 10.0.0.1 } }] }] }', 'invalid-cidr'],
  ['an exception outside its block', '{ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: 10.0.0.0/24, except: [10.0.1.0/25] } }] }] }', 'wrong-value'],
  ['a mapped block', '{ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: "::ffff:10.0.0.0/104" } }] }] }', 'mapped-address'],
  ['a block beside a selector', '{ podSelector: {}, ingress: [{ from: [{ podSelector: {}, ipBlock: { cidr: 10.0.0.0/8 } }] }] }', 'conflicting-fields'],
  ['a peer that is nobody', '{ podSelector: {}, ingress: [{ from: [{}] }] }', 'conflicting-fields'],
  ['peers that are no list', '{ podSelector: {}, ingress: [{ from: { podSelector: {} } }] }', 'wrong-type'],
  ['a spec that is no mapping', '[]', 'wrong-type'],
]

for (const [what, spec, code] of badNetworkPolicies) {
  test(`a NetworkPolicy with ${what} is refused, also when lenient`, () => {
    const found = codes(networkPolicy('p', spec))
    assert.deepEqual([...new Set(found)], [`error ${code}`])
    assert.deepEqual(codes(networkPolicy('p', spec), true), found)
  })
}

const all = 'subject: { namespaces: {} }'
const badClusterWide: readonly (readonly [string, string, string])[] = [
  ['no priority', 'apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: { name: p }\nspec: { subject: { namespaces: {} } }\n', 'missing-field'],
  ['a priority of 1001', adminPolicy('p', 1001, all), 'wrong-value'],
  ['two subjects', adminPolicy('p', 1, 'subject: { namespaces: {}, pods: { namespaceSelector: {}, podSelector: {} } }'), 'conflicting-fields'],
  ['no subject', adminPolicy('p', 1, 'ingress: []'), 'missing-field'],
  ['an unknown action', adminPolicy('p', 1, `${all}, ingress: [{ action: Accept, from: [{ namespaces: {} }] }]`), 'wrong-value'],
  ['no peers', adminPolicy('p', 1, `${all}, ingress: [{ action: Allow, from: [] }]`), 'missing-field'],
  ['an empty list of ports', adminPolicy('p', 1, `${all}, ingress: [{ action: Allow, from: [{ namespaces: {} }], ports: [] }]`), 'missing-field'],
  ['networks as a source', adminPolicy('p', 1, `${all}, ingress: [{ action: Allow, from: [{ networks: [10.0.0.0/8] }] }]`), 'unknown-field'],
  ['nodes as a peer', adminPolicy('p', 1, `${all}, egress: [{ action: Allow, to: [{ nodes: {} }] }]`), 'unknown-field'],
  ['domain names as a peer', clusterPolicy('p', 'Admin', 1, `${all}, egress: [{ action: Accept, to: [{ domainNames: [example.org] }] }]`), 'unknown-field'],
  ['a named port of networks', adminPolicy('p', 1, `${all}, egress: [{ action: Allow, to: [{ networks: [10.0.0.0/8] }], ports: [{ namedPort: web }] }]`), 'conflicting-fields'],
  ['ports of the other version', clusterPolicy('p', 'Admin', 1, `${all}, ingress: [{ action: Accept, from: [{ namespaces: {} }], ports: [{ portNumber: { port: 1 } }] }]`), 'unknown-field'],
  ['an unknown tier', clusterPolicy('p', 'Admin', 1, all).replace('tier: Admin', 'tier: NetworkPolicy'), 'wrong-value'],
  ['a Pass in the baseline', baselinePolicy(`${all}, ingress: [{ action: Pass, from: [{ namespaces: {} }] }]`), 'wrong-value'],
  ['another name for the baseline', baselinePolicy(all).replace('name: default', 'name: mine'), 'wrong-value'],
  ['a protocol without a port', clusterPolicy('p', 'Admin', 1, `${all}, ingress: [{ action: Accept, from: [{ namespaces: {} }], protocols: [{ tcp: {} }] }]`), 'missing-field'],
]

for (const [what, text, code] of badClusterWide) {
  test(`a cluster-wide policy with ${what} is refused`, () => {
    assert.deepEqual([...new Set(codes(text))], [`error ${code}`])
  })
}

test('kinds and versions that are not known are errors, and passed over when lenient; policies never are', () => {
  const head = (apiVersion: string, kind: string): string => `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: x }\nspec: {}\n`
  assert.deepEqual(codes(head('example.org/v1', 'Thing')), ['error unknown-kind'])
  assert.deepEqual(codes(head('example.org/v1', 'Thing'), true), ['warning unknown-kind'])
  assert.deepEqual(codes(head('apps/v1beta1', 'Deployment')), ['error unknown-version'])
  assert.deepEqual(codes(head('apps/v1beta1', 'Deployment'), true), ['warning unknown-version'])
  for (const [apiVersion, kind] of [
    ['extensions/v1beta1', 'NetworkPolicy'], ['policy.networking.k8s.io/v1beta1', 'ClusterNetworkPolicy'], ['policy.networking.k8s.io/v1alpha2', 'AdminNetworkPolicy'],
    ['cilium.io/v2', 'CiliumNetworkPolicy'], ['projectcalico.org/v3', 'GlobalNetworkPolicy'], ['v1', 'NetworkPolicy'],
  ] as const) {
    assert.match(codes(head(apiVersion, kind), true).join(), /^error unknown-(kind|version)$/, `${apiVersion} ${kind}`)
  }
})

test('kinds that say nothing about the network are passed over, whatever is in them', () => {
  assert.deepEqual(codes(['apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\ndata: { mode: 0644, half: 0.5 }\n', 'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: { name: x }\n']), [])
})

test('numbers that other fields may have are no problem where nobody here reads them', () => {
  const text = deployment('a').replace('image: x,', 'image: x, resources: { limits: { cpu: 0.5 } },')
  assert.deepEqual(codes(text), [])
  assert.deepEqual(codes(pod('a', { ports: '{ containerPort: 0x50 }' })), ['error invalid-port'])
})

test('every manifest has a name, each once, and nothing in a name can break a line of the answer', () => {
  assert.deepEqual(codes([pod('a'), pod('a')]), ['error duplicate-name'])
  assert.deepEqual(codes([pod('a'), pod('a', { namespace: 'other' })]), [])
  assert.deepEqual(codes(pod('"a => b"')), ['error invalid-name'])
  assert.deepEqual(codes(pod('a', { namespace: '"a b"' })), ['error invalid-name'])
  assert.deepEqual(codes(pod('a', { metadata: 'ownerReferences: [{ kind: "A]", name: b, controller: true }]' })), ['error invalid-name'])
  assert.deepEqual(codes('apiVersion: v1\nkind: Pod\nmetadata: {}\nspec: { containers: [] }\n'), ['error missing-field'])
})

test('what is no manifest at all is told', () => {
  assert.deepEqual(codes('just: text\n'), ['error not-a-document'])
  assert.deepEqual(codes('- a\n'), ['error wrong-type'])
  assert.deepEqual(codes('apiVersion: v1\nkind: List\nitems: [{ a: 1 }]\n'), ['error not-a-document'])
  assert.deepEqual(codes(`${namespace('x')}${namespace('x').replace('apiVersion', 'apiVersion')}`).every((code) => code.includes('duplicate-key')), true)
})

test('host bits are cut off, as Kubernetes does, and told', () => {
  assert.deepEqual(codes([deployment('a'), networkPolicy('p', '{ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: 10.0.0.7/8 } }] }] }')]), ['warning host-bits'])
})
