import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adminPolicy, baselinePolicy, clusterPolicy, deployment, matrixLines, networkPolicy, problems, read } from './testing.ts'

const all = 'subject: { namespaces: {} }'
const pods = [deployment('a'), deployment('s', { ports: '{ name: web, containerPort: 8080 }, { name: dns, containerPort: 53, protocol: UDP }' })]

/** What reaches `s` from `a`; empty when nothing does. */
function toS(...policies: readonly string[]): string {
  return matrixLines(...pods, ...policies).find((line) => line.startsWith('default/a[Deployment] => default/s[Deployment] : '))?.split(' : ')[1] ?? ''
}

const from = (action: string, ports = ''): string => `{ action: ${action}, from: [{ namespaces: {} }]${ports === '' ? '' : `, ports: [${ports}]`} }`
const port = (number: number, protocol = 'TCP'): string => `{ portNumber: { port: ${number}, protocol: ${protocol} } }`

test('the rule that is written first decides, and a lower priority is judged first', () => {
  assert.equal(toS(adminPolicy('p', 5, `${all}, ingress: [${from('Allow', port(80))}, ${from('Deny')}]`)), 'TCP 80')
  assert.equal(toS(adminPolicy('late', 9, `${all}, ingress: [${from('Allow', port(80))}]`), adminPolicy('early', 1, `${all}, ingress: [${from('Deny')}]`)), '')
})

test('an allow goes before every NetworkPolicy, and a deny cannot be undone by one', () => {
  const deny = networkPolicy('deny', '{ podSelector: {} }')
  const open = networkPolicy('open', '{ podSelector: {}, ingress: [{}] }')
  assert.equal(toS(deny, adminPolicy('p', 1, `${all}, ingress: [${from('Allow', port(80))}]`)), 'TCP 80')
  assert.equal(toS(open, adminPolicy('p', 1, `${all}, ingress: [${from('Deny', port(80))}]`)), 'SCTP 1-65535,TCP 1-79,81-65535,UDP 1-65535')
})

test('a pass leaves the traffic to NetworkPolicies, past every later rule of its tier', () => {
  const web = networkPolicy('web', '{ podSelector: {}, ingress: [{ ports: [{ port: 80 }, { port: 81 }] }] }')
  const passes = adminPolicy('p', 1, `${all}, ingress: [${from('Pass', port(80))}, ${from('Deny')}]`)
  assert.equal(toS(web, passes), 'TCP 80')
  assert.equal(toS(passes), 'TCP 80', 'without a NetworkPolicy what is passed is open')
})

test('the baseline counts only for pods that no NetworkPolicy selects', () => {
  const baseline = baselinePolicy(`${all}, ingress: [${from('Allow', port(443))}, ${from('Deny')}]`)
  assert.equal(toS(baseline), 'TCP 443')
  assert.equal(toS(baseline, networkPolicy('p', '{ podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] }')), 'TCP 80')
  assert.equal(toS(baseline, adminPolicy('p', 1, `${all}, ingress: [${from('Pass', port(443))}, ${from('Allow', port(7))}]`)), 'TCP 7,443')
})

test('a direction without rules is not touched, and egress and ingress must both allow', () => {
  assert.equal(toS(adminPolicy('p', 1, `${all}, egress: [{ action: Deny, to: [{ namespaces: {} }], ports: [${port(80)}] }], ingress: []`)), 'SCTP 1-65535,TCP 1-79,81-65535,UDP 1-65535')
})

test('ports by range and by name, which stands for whatever protocol the destination declares', () => {
  const deny = from('Deny')
  assert.equal(toS(adminPolicy('p', 1, `${all}, ingress: [${from('Allow', '{ portRange: { start: 80, end: 90 } }, { namedPort: web }, { namedPort: dns }')}, ${deny}]`)), 'TCP 80-90,8080,UDP 53')
  const egress = `{ action: Allow, to: [{ pods: { namespaceSelector: {}, podSelector: {} } }], ports: [{ namedPort: web }] }, { action: Deny, to: [{ namespaces: {} }] }`
  assert.equal(toS(adminPolicy('p', 1, `${all}, egress: [${egress}]`)), 'TCP 8080')
})

test('networks mean the outside, cut at each of them', () => {
  const lines = matrixLines(deployment('a'), adminPolicy('p', 1, `${all}, egress: [{ action: Allow, to: [{ networks: [10.0.0.0/25, 10.0.0.128/25] }], ports: [${port(443)}] }, { action: Deny, to: [{ networks: [0.0.0.0/0] }] }]`))
  assert.deepEqual(lines.filter((line) => line.startsWith('default/a')), [
    'default/a[Deployment] => 10.0.0.0-10.0.0.127[External] : TCP 443', 'default/a[Deployment] => 10.0.0.128-10.0.0.255[External] : TCP 443',
  ])
})

test('a ClusterNetworkPolicy is judged in its tier: Admin before NetworkPolicies, Baseline after', () => {
  const rule = (action: string, protocols = ''): string => `{ action: ${action}, from: [{ namespaces: {} }]${protocols === '' ? '' : `, protocols: [${protocols}]`} }`
  const deny = networkPolicy('deny', '{ podSelector: {} }')
  const accept = rule('Accept', '{ tcp: { destinationPort: { number: 80 } } }, { sctp: { destinationPort: { range: { start: 5, end: 9 } } } }, { destinationNamedPort: dns }')
  assert.equal(toS(deny, clusterPolicy('p', 'Admin', 1, `${all}, ingress: [${accept}]`)), 'SCTP 5-9,TCP 80,UDP 53')
  assert.equal(toS(deny, clusterPolicy('p', 'Baseline', 1, `${all}, ingress: [${accept}]`)), '')
  assert.equal(toS(clusterPolicy('p', 'Baseline', 1, `${all}, ingress: [${accept}, ${rule('Pass', '{ tcp: { destinationPort: { number: 81 } } }')}, ${rule('Deny')}]`)), 'SCTP 5-9,TCP 80-81,UDP 53')
})

test('networks judge pods too, by addresses that manifests rarely tell: who reads an answer about the outside alone is warned', () => {
  const told = read([...pods, adminPolicy('p', 1, `${all}, egress: [{ action: Deny, to: [{ networks: [0.0.0.0/0] }] }]`)]).diagnostics
  assert.deepEqual(told.map((d) => [d.severity, d.message]), [['warning', 'in a cluster `networks` holds of pods too, by their addresses; the matrix is about the outside alone']])
  assert.deepEqual(problems([...pods, networkPolicy('p', '{ podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: 0.0.0.0/0 } }] }] }')]), [])
})

test('subjects by pods and namespaces', () => {
  const only = (subject: string): string => toS(adminPolicy('p', 1, `subject: ${subject}, ingress: [${from('Deny')}]`))
  assert.equal(only('{ pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: s } } } }'), '')
  assert.equal(only('{ pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: a } } } }'), 'All Connections')
  assert.equal(only('{ namespaces: { matchLabels: { kubernetes.io/metadata.name: default } } }'), '')
})

test('pods of the host\'s network are neither subjects nor peers of cluster-wide policies', () => {
  const onHost = 'apiVersion: v1\nkind: Pod\nmetadata: { name: h }\nspec: { hostNetwork: true, containers: [{ name: c, image: i }] }\n'
  const lines = (policy: string): readonly string[] => matrixLines(...pods, onHost, policy).filter((line) => line.includes('h[Pod]') && !line.includes('[External]'))
  const open = ['default/a[Deployment] => default/h[Pod] : All Connections', 'default/h[Pod] => default/a[Deployment] : All Connections', 'default/h[Pod] => default/s[Deployment] : All Connections', 'default/s[Deployment] => default/h[Pod] : All Connections']
  assert.deepEqual(lines(adminPolicy('p', 1, `${all}, ingress: [${from('Deny')}]`)), open)
  assert.deepEqual(lines(baselinePolicy(`${all}, ingress: [${from('Deny')}]`)), open)
  assert.deepEqual(lines(networkPolicy('deny', '{ podSelector: {} }')), [])
})

test('two policies of one priority that judge the same pods are refused, and left alone when they do not', () => {
  const policy = (name: string, app: string): string => adminPolicy(name, 7, `subject: { pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: ${app} } } } }, ingress: [${from('Deny')}]`)
  assert.deepEqual(problems([...pods, policy('p', 'a'), policy('q', 's')]), [])
  assert.deepEqual(problems([...pods, policy('p', 'a'), policy('q', 'a')]), ['error 3.yaml:1 equal-priorities'])
})
