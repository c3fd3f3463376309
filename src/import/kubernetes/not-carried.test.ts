/** What the import leaves closed is told, each with its place and a way out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadPlatform } from '../../model/load.ts'
import { importCluster } from './documents.ts'
import { cluster, deployment, namespace, networkPolicy } from './testing.ts'

function told(...texts: readonly string[]): readonly string[] {
  return importCluster(cluster(...texts), { run: false }).diagnostics.map(({ severity, code, message }) => `${severity} ${code}: ${message}`)
}

const closed = networkPolicy('closed', '{ podSelector: {}, policyTypes: [Ingress, Egress] }')
const to = (...blocks: readonly string[]): string =>
  networkPolicy('p', `{ podSelector: {}, policyTypes: [Ingress, Egress], egress: [{ to: [${blocks.map((block) => `{ ipBlock: ${block} }`).join(', ')}] }] }`)

test('a closed cluster leaves nothing to tell', () => {
  assert.deepEqual(told(deployment('a'), closed), [])
})

test('what outside addresses may reach is told, and what an Ingress exposes to nobody but its controller too', () => {
  assert.deepEqual(told(deployment('a'), networkPolicy('p', '{ podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{ ports: [{ port: 80 }] }] }')), [
    'warning not-carried: `default/a[Deployment]` may be reached from outside on TCP 80; the import leaves that closed',
  ])
  const web = [
    deployment('a', { ports: '{ containerPort: 8080 }' }),
    'apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { selector: { app: a }, ports: [{ port: 80, targetPort: 8080 }] }\n',
    'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: in }\nspec: { defaultBackend: { service: { name: a, port: { number: 80 } } } }\n',
  ]
  const from = (peer: string): string => networkPolicy('p', `{ podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{ from: [${peer}] }] }`)
  assert.deepEqual(told(...web, from('{ namespaceSelector: {} }')), ['warning not-carried: `default/a[Deployment]` is exposed by an Ingress or a route on TCP 8080; the import leaves that closed'])
  assert.deepEqual(told(...web, from('{ podSelector: {} }')), [])
  assert.equal(told(...web, networkPolicy('p', '{ podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}] }')).length, 1, 'once is enough')
})

test('the part of a block that is never outside is told, whole or not; of most of a family everybody knows it', () => {
  assert.deepEqual(told(deployment('a'), to('{ cidr: 169.254.169.254/32 }')), ['warning not-carried: 169.254.169.254/32 is never outside: the import leaves it closed'])
  assert.deepEqual(told(deployment('a'), to('{ cidr: 169.254.0.0/15 }')), ['warning not-carried: 169.254.0.0/16 is never outside: the import leaves it closed'])
  assert.deepEqual(told(deployment('a'), to('{ cidr: 10.128.0.0/14 }', '{ cidr: 192.0.2.0/24 }')), ['warning not-carried: 10.128.0.0/16 is where the platform\'s own workloads are: the import leaves it closed'])
  assert.deepEqual(told(deployment('a'), to('{ cidr: 0.0.0.0/0, except: [10.0.0.0/8] }', '{ cidr: "::/0" }')), [])
})

test('more replicas than a Workload can have are told, and a name that had to change says whose it is', () => {
  const many = deployment('a').replace('spec:\n', 'spec:\n  replicas: 5000\n')
  assert.deepEqual(told(many, closed), ['warning not-carried: `default/a[Deployment]` has 5000 replicas, and a Workload at most 1000: the import writes 1000'])
  const { files } = importCluster(cluster(namespace('default'), deployment('a-b'), deployment('a.b'), closed), { run: false })
  const { platform } = loadPlatform(files.map(({ path, text }) => ({ path, absolute: `/${path}`, text })), { now: 0 })
  assert.deepEqual([...(platform?.workloads.keys() ?? [])], ['default/a-b', 'default/a-b-2'])
  assert.match(files[0]?.text ?? '', /name: a-b-2\n {2}enclave: default\n {2}annotations:\n {4}imported: default\/a\.b\[Deployment\]\n/)
  assert.equal(files[0]?.text.match(/imported:/g)?.length, 1)
})
