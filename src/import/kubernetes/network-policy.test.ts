import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployment, matrixLines, namespace, networkPolicy, pod, problems } from './testing.ts'

const outside = '0.0.0.0-255.255.255.255[External]'
const [a, b, c] = ['default/a[Deployment]', 'default/b[Deployment]', 'other/c[Deployment]']
const abc = [deployment('a'), deployment('b'), deployment('c', { namespace: 'other' })]

/** Only the lines that end at this workload. */
function into(workload: string, lines: readonly string[]): readonly string[] {
  return lines.filter((line) => line.includes(` => ${workload} : `)).map((line) => line.replace(` => ${workload}`, ''))
}

function outOf(workload: string, lines: readonly string[]): readonly string[] {
  return lines.filter((line) => line.startsWith(`${workload} => `)).map((line) => line.slice(`${workload} => `.length))
}

test('two Deployments behind a default deny reach just what their policies name', () => {
  assert.deepEqual(
    matrixLines(
      deployment('frontend', { ports: '{ containerPort: 8080 }' }),
      deployment('backend', { ports: '{ containerPort: 9090 }' }),
      networkPolicy('default-deny', '{ podSelector: {}, policyTypes: [Ingress, Egress] }'),
      networkPolicy('frontend', `{ podSelector: { matchLabels: { app: frontend } }, policyTypes: [Ingress, Egress], ingress: [{ ports: [{ port: 8080 }] }],
        egress: [{ to: [{ podSelector: { matchLabels: { app: backend } } }], ports: [{ port: 9090 }] }, { ports: [{ port: 53, protocol: UDP }] }] }`),
      networkPolicy('backend', '{ podSelector: { matchLabels: { app: backend } }, ingress: [{ from: [{ podSelector: { matchLabels: { app: frontend } } }], ports: [{ port: 9090 }] }] }'),
    ),
    [
      '0.0.0.0-255.255.255.255[External] => default/frontend[Deployment] : TCP 8080',
      'default/frontend[Deployment] => 0.0.0.0-255.255.255.255[External] : UDP 53',
      'default/frontend[Deployment] => default/backend[Deployment] : TCP 9090',
    ],
  )
})

test('pods that no policy selects are open in both directions, and no workload is paired with itself', () => {
  assert.deepEqual(matrixLines(deployment('a'), deployment('b')), [
    `${outside} => ${a} : All Connections`, `${outside} => ${b} : All Connections`,
    `${a} => ${outside} : All Connections`, `${a} => ${b} : All Connections`,
    `${b} => ${outside} : All Connections`, `${b} => ${a} : All Connections`,
  ])
})

test('an empty selector selects the whole namespace of the policy and nothing of another', () => {
  const lines = matrixLines(...abc, networkPolicy('deny', '{ podSelector: {} }'))
  assert.deepEqual([into(a, lines), into(b, lines), into(c, lines).length], [[], [], 3])
  assert.equal(outOf(a, lines).length, 2, 'without types and egress rules a policy is about ingress alone')
})

test('a policy with egress rules is about egress too when it names no types, and an empty list of them is none', () => {
  assert.deepEqual(outOf(a, matrixLines(...abc, networkPolicy('p', '{ podSelector: {}, egress: [{ ports: [{ port: 53 }] }] }'))), [`${outside} : TCP 53`, `${c} : TCP 53`])
  assert.equal(outOf(a, matrixLines(...abc, networkPolicy('p', '{ podSelector: {}, egress: [] }'))).length, 2)
  assert.equal(outOf(a, matrixLines(...abc, networkPolicy('p', '{ podSelector: {}, policyTypes: [Egress], egress: [] }'))).length, 0)
})

test('rules of a direction that the types leave out count for nothing', () => {
  const lines = matrixLines(...abc, networkPolicy('p', '{ podSelector: {}, policyTypes: [Egress], ingress: [{ ports: [{ port: 1 }] }], egress: [{}] }'))
  assert.deepEqual(into(a, lines), [`${outside} : All Connections`, `${b} : All Connections`, `${c} : All Connections`])
  assert.deepEqual(problems([networkPolicy('p', '{ podSelector: {}, policyTypes: [Egress], ingress: [{}], egress: [{}] }')]), ['warning 0.yaml:4 opens-nothing'], 'and that is told')
  assert.deepEqual(problems([networkPolicy('p', '{ podSelector: {}, policyTypes: [Egress], ingress: [], egress: [{}] }')]), [])
})

test('an empty rule allows everybody; an empty list of peers is everybody too', () => {
  for (const rule of ['{}', '{ from: [] }', '{ from: [], ports: [] }']) {
    assert.equal(into(a, matrixLines(...abc, networkPolicy('p', `{ podSelector: {}, ingress: [${rule}] }`))).length, 3, rule)
  }
})

test('selectors of pods mean the own namespace; with a selector of namespaces, pods in those', () => {
  const ingress = (from: string): readonly string[] => into(a, matrixLines(...abc, networkPolicy('p', `{ podSelector: {}, ingress: [{ from: [${from}] }] }`)))
  assert.deepEqual(ingress('{ podSelector: {} }'), [`${b} : All Connections`])
  assert.deepEqual(ingress('{ podSelector: { matchLabels: { app: c } } }'), [])
  assert.deepEqual(ingress('{ namespaceSelector: {} }'), [`${b} : All Connections`, `${c} : All Connections`])
  assert.deepEqual(ingress('{ namespaceSelector: {}, podSelector: { matchLabels: { app: c } } }'), [`${c} : All Connections`])
  assert.deepEqual(ingress('{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: other } } }'), [`${c} : All Connections`])
  assert.deepEqual(ingress('{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: other } } }, { podSelector: { matchLabels: { app: b } } }'), [`${b} : All Connections`, `${c} : All Connections`])
})

test('match expressions: In, NotIn, Exists, DoesNotExist; NotIn holds of what has no such label', () => {
  const pods = [deployment('a'), deployment('x', { labels: 'tier: web' }), deployment('y', { labels: 'tier: db' }), deployment('z', { labels: 'other: z' })]
  const sources = (expression: string): string =>
    into(a, matrixLines(...pods, networkPolicy('p', `{ podSelector: { matchLabels: { app: a } }, ingress: [{ from: [{ podSelector: { matchExpressions: [${expression}] } }] }] }`)))
      .map((line) => line.slice('default/'.length, 'default/'.length + 1)).join('')
  assert.equal(sources('{ key: tier, operator: In, values: [web, db] }'), 'xy')
  assert.equal(sources('{ key: tier, operator: NotIn, values: [db] }'), 'xz')
  assert.equal(sources('{ key: tier, operator: Exists }'), 'xy')
  assert.equal(sources('{ key: tier, operator: DoesNotExist }'), 'z')
  assert.equal(sources('{ key: tier, operator: Exists }, { key: tier, operator: NotIn, values: [db] }'), 'x')
})

test('policies add up, and an allow-all takes precedence over every other', () => {
  const one = networkPolicy('one', '{ podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] }')
  const two = networkPolicy('two', '{ podSelector: { matchLabels: { app: a } }, ingress: [{ ports: [{ port: 81 }, { port: 443, protocol: UDP }] }] }')
  const all = networkPolicy('all', '{ podSelector: {}, ingress: [{}] }')
  assert.equal(into(a, matrixLines(...abc, one, two))[0], `${outside} : TCP 80-81,UDP 443`)
  assert.equal(into(a, matrixLines(...abc, one, two, all))[0], `${outside} : All Connections`)
})

test('ports: ranges, whole protocols, names that each destination resolves by itself', () => {
  const named = [deployment('s', { ports: '{ name: web, containerPort: 8080 }, { name: dns, containerPort: 53, protocol: UDP }' }), deployment('t', { ports: '{ name: web, containerPort: 9090 }' }), deployment('a')]
  const to = (ports: string): readonly string[] => outOf(a, matrixLines(...named, networkPolicy('p', `{ podSelector: { matchLabels: { app: a } }, policyTypes: [Egress], egress: [{ ports: [${ports}] }] }`)))
  const [s, t] = ['default/s[Deployment]', 'default/t[Deployment]']
  assert.deepEqual(to('{ port: web }'), [`${s} : TCP 8080`, `${t} : TCP 9090`])
  assert.deepEqual(to('{ port: web, protocol: UDP }'), [])
  assert.deepEqual(to('{ port: dns, protocol: UDP }'), [`${s} : UDP 53`])
  assert.deepEqual(to('{ port: 80, endPort: 90 }, { port: 91 }, { protocol: SCTP }'), [outside, s, t].map((end) => `${end} : SCTP 1-65535,TCP 80-91`))
  assert.deepEqual(to('{ protocol: SCTP }, { protocol: TCP }, { protocol: UDP }'), [outside, s, t].map((end) => `${end} : All Connections`))
  assert.deepEqual(
    matrixLines(...named, networkPolicy('p', '{ podSelector: {}, ingress: [{ ports: [{ port: web }] }] }')).filter((line) => line.startsWith(outside)),
    [`${outside} => ${s} : TCP 8080`, `${outside} => ${t} : TCP 9090`],
  )
})

test('the outside is cut at every edge of a block in that direction, and a block means no pod', () => {
  const block = '{ ipBlock: { cidr: 10.0.0.0/8, except: [10.1.0.0/16] } }'
  const lines = matrixLines(deployment('a'), deployment('b'), networkPolicy('p', `{ podSelector: { matchLabels: { app: a } }, ingress: [{ from: [${block}], ports: [{ port: 80 }] }] }`))
  assert.deepEqual(into(a, lines), ['10.0.0.0-10.0.255.255[External] : TCP 80', '10.2.0.0-10.255.255.255[External] : TCP 80'])
  assert.deepEqual(into(b, lines).filter((line) => line.includes('External')), [
    '0.0.0.0-9.255.255.255[External] : All Connections', '10.0.0.0-10.0.255.255[External] : All Connections', '10.1.0.0-10.1.255.255[External] : All Connections',
    '10.2.0.0-10.255.255.255[External] : All Connections', '11.0.0.0-255.255.255.255[External] : All Connections',
  ])
  assert.deepEqual(outOf(b, lines).filter((line) => line.includes('External')), [`${outside} : All Connections`])
})

test('an address that one block excepts and another holds is allowed', () => {
  const rule = '{ to: [{ ipBlock: { cidr: 10.0.0.0/24, except: [10.0.0.5/32] } }, { ipBlock: { cidr: 10.0.0.5/32 } }] }'
  const lines = outOf(a, matrixLines(deployment('a'), networkPolicy('p', `{ podSelector: {}, policyTypes: [Egress], egress: [${rule}] }`)))
  assert.deepEqual(lines, ['10.0.0.0-10.0.0.4[External] : All Connections', '10.0.0.5-10.0.0.5[External] : All Connections', '10.0.0.6-10.0.0.255[External] : All Connections'])
})

test('IPv6 is part of the outside where some block speaks of it', () => {
  const lines = outOf(a, matrixLines(deployment('a'), networkPolicy('p', '{ podSelector: {}, policyTypes: [Egress], egress: [{ to: [{ ipBlock: { cidr: "2001:db8::/32" } }] }] }')))
  assert.deepEqual(lines, ['2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff[External] : All Connections'])
})

test('pods of one owner are one workload, across ReplicaSets and with what its pods may do together', () => {
  const owned = (name: string, labels: string): string => pod(name, { labels, metadata: 'ownerReferences: [{ apiVersion: apps/v1, kind: ReplicaSet, name: web-1, uid: u, controller: true }]' })
  const replicaSet = `apiVersion: apps/v1
kind: ReplicaSet
metadata: { name: web-1, ownerReferences: [{ apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true }] }
spec: { template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: main, image: x }] } } }
`
  const deny = networkPolicy('p', '{ podSelector: {}, ingress: [{ from: [{ podSelector: { matchLabels: { extra: yes } } }], ports: [{ port: 1 }] }, { from: [{ podSelector: { matchLabels: { app: web } } }], ports: [{ port: 2 }] }] }')
    .replace('yes', '"yes"')
  const lines = matrixLines(replicaSet, owned('web-1-x', 'app: web'), owned('web-1-y', 'app: web, extra: "yes"'), pod('solo'), deny)
  assert.deepEqual(into('default/solo[Pod]', lines), ['default/web[Deployment] : TCP 1-2'])
  assert.deepEqual(lines.filter((line) => line.includes('ReplicaSet')), [])
})

test('every kind that makes pods is a workload by its own name and kind', () => {
  const template = 'template: { metadata: { labels: { a: b } }, spec: { containers: [{ name: main, image: x }] } }'
  const make = (apiVersion: string, kind: string, spec = template): string => `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: w }\nspec: { ${spec} }\n`
  const lines = matrixLines(
    make('apps/v1', 'ReplicaSet'), make('apps/v1', 'StatefulSet'), make('apps/v1', 'DaemonSet'), make('batch/v1', 'Job'), make('v1', 'ReplicationController'),
    make('batch/v1', 'CronJob', `jobTemplate: { spec: { ${template} } }`),
  )
  const sources = new Set(lines.map((line) => line.split(' => ')[0]).filter((source) => source !== outside))
  assert.deepEqual([...sources].sort(), ['CronJob', 'DaemonSet', 'Job', 'ReplicaSet', 'ReplicationController', 'StatefulSet'].map((kind) => `default/w[${kind}]`))
})

test('streams, Lists and JSON say the same', () => {
  const [one, two] = [deployment('a'), deployment('b')]
  const list = `apiVersion: v1\nkind: List\nitems:\n${[one, two].map((text) => `- ${text.trimEnd().replaceAll('\n', '\n  ')}\n`).join('')}`
  const json = JSON.stringify({ apiVersion: 'apps/v1', kind: 'DeploymentList', items: ['a', 'b'].map((name) => ({ metadata: { name }, spec: { template: { metadata: { labels: { app: name } }, spec: { containers: [] } } } })) })
  const expected = matrixLines(one, two)
  assert.deepEqual(matrixLines(`${one}---\n${two}`), expected)
  assert.deepEqual(matrixLines(list), expected)
  assert.deepEqual(matrixLines(json), expected)
})

test('a namespace has its own name as a label even when no manifest declares it, and no manifest can take it away', () => {
  const byName = networkPolicy('p', '{ podSelector: {}, ingress: [{ from: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: other } } }] }] }')
  assert.deepEqual(into(a, matrixLines(...abc, byName)), [`${c} : All Connections`])
  assert.deepEqual(into(a, matrixLines(...abc, namespace('other', 'kubernetes.io/metadata.name: default'), byName)), [`${c} : All Connections`])
})
