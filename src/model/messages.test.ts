import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accepted, doc, problems } from './testing/set.ts'

const scene = `${doc('Enclave', 'name: e')}${doc('Enclave', 'name: f')}${doc('Workload', 'name: a, enclave: e')}${doc('Workload', 'name: guest, enclave: f')}${
  doc('Workload', 'name: bus, enclave: e', '{broker: nats, ports: [{name: nats, port: 4222}, 8222]}')}${
  doc('Peer', 'name: other', '{trustDomain: other.example.org, bundleEndpoint: {url: https://other.example.org/b}, gateway: other.example.org:8443}')}`
const policy = (spec: string) => doc('ServicePolicy', 'name: p, enclave: e', `{source: a, destination: bus, protocol: nats, ${spec}}`)
const plain = (spec: string) => doc('ServicePolicy', 'name: p, enclave: e', `{source: a, destination: bus, ${spec}}`)
const half = (source: string, spec: string) => doc('FederationPolicy', 'name: x, enclave: e', `{exports: [{source: '${source}', destination: bus, protocol: nats, ${spec}}]}`)

test('messages are tcp to the port of the broker, for subjects that are sorted and never said twice', () => {
  const platform = accepted(scene + policy('publish: [orders.new, orders.*, audit], subscribe: orders.done'))
  const [read] = platform.servicePolicies
  assert.deepEqual(read?.traffic.messages, { publish: ['audit', 'orders.*'], subscribe: ['orders.done'] })
  assert.equal(read.traffic.protocol, 'tcp')
  assert.deepEqual(read.traffic.ports.map((item) => item.kind === 'name' && item.name), ['nats'])
  assert.equal(platform.workloads.get('e/bus')?.broker, 'nats')
  assert.equal(platform.workloads.get('e/a')?.broker, undefined)
})

const refused: readonly (readonly [says: string, given: string, code: string])[] = [
  ['no subjects', policy(''), 'missing-field'],
  ['a port, which the broker declares', policy('publish: x, port: 4222'), 'needless-port'],
  ['subjects without nats', plain('protocol: tcp, port: 8222, publish: x'), 'conflicting-fields'],
  ['encryption by gateways, which the broker does itself', policy('publish: x, encryption: required'), 'encryption-needs-tcp'],
  ['everything', policy("publish: '>'"), 'wrong-value'],
  ['a wildcard that holds the inboxes of others', policy("subscribe: '*.>'"), 'wrong-value'],
  ['an inbox', policy("subscribe: '_INBOX.e.other.>'"), 'wrong-value'],
  ['what the broker says of itself', policy("subscribe: '$SYS.>'"), 'wrong-value'],
  ['an empty list', policy('publish: []'), 'wrong-value'],
  ['a destination that is no broker', doc('ServicePolicy', 'name: p, enclave: e', '{source: bus, destination: a, protocol: nats, publish: x}'), 'wrong-value'],
  ['a broker without a port', doc('Workload', 'name: b, enclave: e', '{broker: nats, ports: [4222]}'), 'conflicting-fields'],
  ['a broker with two ports', doc('Workload', 'name: b, enclave: e', '{broker: nats, ports: [{name: nats, port: 1}, {name: nats, port: 2}]}'), 'conflicting-fields'],
  ['a broker of another kind', doc('Workload', 'name: b, enclave: e', '{broker: kafka}'), 'wrong-value'],
  ['messages of another platform', half('peer:other/x/y', 'publish: x'), 'conflicting-fields'],
  ['nats outward', doc('EgressPolicy', 'name: p, enclave: e', '{source: a, destination: external:x, protocol: nats, port: 1}') + doc('External', 'name: x', '{domains: [a.example]}'), 'wrong-value'],
]

for (const [says, given, code] of refused) {
  test(`refused: ${says}`, () => {
    assert.deepEqual(problems(scene + given).map((text) => text.split(' ')[1]), [code])
  })
}

test('half an agreement about messages between enclaves is read as any other', () => {
  const platform = accepted(scene + half('f/guest', 'subscribe: news.>'))
  assert.deepEqual(platform.federationPolicies[0]?.exports[0]?.traffic.messages, { publish: [], subscribe: ['news.>'] })
})

test('two bare policies about other subjects are two policies', () => {
  const bare = (spec: string) => `---\npolicy: {source: a, destination: bus, protocol: nats, ${spec}}\n`
  const platform = accepted(scene + bare('publish: x') + bare('publish: y'))
  assert.equal(platform.servicePolicies.length, 2)
})
