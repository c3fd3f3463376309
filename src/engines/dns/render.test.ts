import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { capabilities } from './capabilities.ts'
import { canonicalJson } from '../../base/canonical-json.ts'
import { addressOf, hostV4, hostV6, loaded, placesOf, rendered, testNow } from './testing.ts'
import { readZones } from './read.ts'
import { viewOf } from './view.ts'
import { setContains } from '../../net/address-set.ts'
import { render } from './render.ts'

/** With UPDATE=1 in the environment the file is written anew; read the difference before it is committed. */
function expected(name: string, text: string): string {
  const file = new URL(`testdata/${name}.json`, import.meta.url)
  if (process.env['UPDATE'] === '1') writeFileSync(file, text)
  return readFileSync(file, 'utf8')
}

const documents = `
apiVersion: bulkhead.dev/v1
kind: Enclave
metadata: { name: research }
spec: {}
---
apiVersion: bulkhead.dev/v1
kind: Enclave
metadata: { name: shared }
spec: {}
---
apiVersion: bulkhead.dev/v1
kind: Workload
metadata: { name: api, enclave: research }
spec: { ports: [80] }
---
apiVersion: bulkhead.dev/v1
kind: Workload
metadata: { name: postgres-db, enclave: research }
spec: { ports: [5432], replicas: 2 }
---
apiVersion: bulkhead.dev/v1
kind: Workload
metadata: { name: mirror, enclave: shared }
spec: { ports: [443] }
---
apiVersion: bulkhead.dev/v1
kind: External
metadata: { name: pypi }
spec: { domains: [pypi.org, "*.pythonhosted.org"] }
---
apiVersion: bulkhead.dev/v1
kind: External
metadata: { name: licences }
spec: { domains: [licence.example.com], cidrs: [10.20.0.0/16, 203.0.113.0/24] }
---
apiVersion: bulkhead.dev/v1
kind: Peer
metadata: { name: north }
spec: { trustDomain: north.example, bundleEndpoint: { url: "https://north.example/bundle" }, gateway: "gw.north.example:15443" }
---
policy: { source: api, destination: postgres-db, protocol: tcp, port: 5432, action: allow }
---
apiVersion: bulkhead.dev/v1
kind: EgressPolicy
metadata: { name: packages, enclave: shared }
spec: { source: mirror, destination: external:pypi, protocol: tcp, port: 443 }
---
apiVersion: bulkhead.dev/v1
kind: EgressPolicy
metadata: { name: licences, enclave: research }
spec: { source: api, destination: external:licences, protocol: tcp, port: 443, expires: 2030-02-01T00:00:00Z }
---
apiVersion: bulkhead.dev/v1
kind: EgressPolicy
metadata: { name: over, enclave: research }
spec: { source: postgres-db, destination: external:pypi, protocol: tcp, port: 443, expires: 2029-01-01T00:00:00Z }
---
apiVersion: bulkhead.dev/v1
kind: FederationPolicy
metadata: { name: north, enclave: research }
spec:
  imports:
    - { source: api, destination: peer:north/lab/catalogue, protocol: tcp, port: 443 }
    - { source: api, destination: peer:north/lab/unknown, protocol: tcp, port: 443 }
    - { source: api, destination: "peer:north/vault/*", protocol: tcp, port: 443 }
`

const rest = {
  peers: [{ peer: 'north', enclave: 'lab', workload: 'catalogue', ipv4: addressOf('10.128.0.200'), ipv6: addressOf('fdbb:1::c8') }],
  gateways: [
    { name: 'outbound', addresses: [addressOf('10.128.0.3'), addressOf('fdbb:1::3')], names: [] },
    { name: 'inbound', addresses: [addressOf('10.128.0.4'), addressOf('fdbb:1::4')], names: ['issuer.example.com', '203.0.113.9'] },
  ],
} as const

test('one set of documents has one text of zones', () => {
  const { zones } = rendered(documents, rest)
  const text = `${canonicalJson(zones, 2)}\n`
  assert.equal(text, expected('everything', text))
})

test('the order of paths and places does not change the text', () => {
  const { platform, intent } = loaded(documents)
  const places = placesOf(platform, hostV4, hostV6)
  const one = render(platform, intent, { places, ...rest }, { now: testNow })
  const other = render(
    platform, { ...intent, paths: [...intent.paths].reverse() },
    { places: [...places].reverse(), peers: rest.peers, gateways: [...rest.gateways].reverse() }, { now: testNow },
  )
  assert.equal(canonicalJson(one.zones), canonicalJson(other.zones))
})

test('what cannot be named is refused by name, and not told', () => {
  const { refused, zones } = rendered(documents, rest)
  assert.deepEqual(refused.map(({ code }) => code).sort(), ['peer-unaddressed', 'peer-wildcard'])
  assert.doesNotMatch(JSON.stringify(zones), /unknown|vault/)
  assert.ok(capabilities.some(({ carried }) => !carried))
})

test('a peer whose name is that of a workload here does not take it', () => {
  const taken = documents.replace('trustDomain: north.example,', 'trustDomain: internal,').replaceAll('peer:north/lab/catalogue', 'peer:north/research/postgres-db')
  const { refused, zones } = rendered(taken, { peers: [{ ...rest.peers[0], enclave: 'research', workload: 'postgres-db' }] })
  assert.ok(refused.some(({ code }) => code === 'name-taken'))
  assert.deepEqual(zones.hosts.find(({ name }) => name === 'postgres-db.research.internal')?.addresses, ['10.128.0.17', '10.128.0.18', 'fdbb:1::11', 'fdbb:1::12'])
})

test('zones are frozen through and through', () => {
  const check = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    assert.ok(Object.isFrozen(value), JSON.stringify(value))
    Object.values(value).forEach(check)
  }
  check(rendered(documents, rest))
})

test('a shadow asks as its identity does, and nobody is led to it', () => {
  const { platform, intent } = loaded(documents)
  const places = placesOf(platform, hostV4, hostV6)
  const shadow = { workload: 'research/postgres-db', phase: 'running', ipv4: addressOf('10.128.0.99'), ipv6: addressOf('fdbb:1::63'), probe: true } as const
  const { zones } = render(platform, intent, { places: [...places, shadow], peers: [], gateways: [] }, { now: testNow })
  assert.ok(zones.askers.find(({ asker }) => asker === 'research/postgres-db@running')?.places.some((place) => place.includes('10.128.0.99')))
  assert.ok(zones.hosts.every(({ addresses }) => !addresses.includes('10.128.0.99')))
})

test('zones read back say who may be told what', () => {
  const read = new Map(readZones(JSON.stringify(rendered(documents, rest).zones)).map((each) => [each.asker, each]))
  const api = read.get('research/api@running')
  assert.deepEqual([...(api?.inside(testNow).keys() ?? [])].sort(), ['api', 'api.research.internal', 'catalogue.lab.north.example', 'postgres-db', 'postgres-db.research.internal'])
  assert.equal(api?.asksOutside('Licence.example.com.', testNow), true)
  assert.equal(api?.asksOutside('licence.example.com', Date.UTC(2030, 1, 1)), false)
  assert.equal(api?.asksOutside('pypi.org', testNow), false)
  assert.equal(read.get('research/postgres-db@running')?.asksOutside('pypi.org', testNow), false)
  assert.equal(read.get('shared/mirror@running')?.asksOutside('files.pythonhosted.org', testNow), true)
  assert.equal(read.get('gateway/outbound')?.asksOutside('gw.north.example', testNow), true)
  assert.equal(read.get('gateway/outbound')?.asksOutside('licence.example.com', testNow), true)
  assert.equal(read.get('gateway/outbound')?.asksOutside('licence.example.com', Date.UTC(2030, 1, 1)), false, 'with the last policy its gateway stops asking')
  assert.equal(read.get('gateway/inbound')?.asksOutside('issuer.example.com', testNow), true)
  assert.equal(read.get('gateway/inbound')?.asksOutside('pypi.org', testNow), false)
  assert.throws(() => readZones('{"kind":"dns-zones"}'), /not zones/)
})

test('names that the operator gave the outbound gateway may lead into private networks, but not to machinery', () => {
  const { zones } = rendered(documents, { gateways: [{ name: 'outbound', addresses: [addressOf('10.128.0.3')], names: ['proxy.example.com'] }] })
  const held = zones.askers.find(({ asker }) => asker === 'gateway/outbound')?.outside.filter(({ external }) => external === 'gateway outbound') ?? []
  assert.deepEqual(held.map(({ domain }) => domain), ['gw.north.example', 'proxy.example.com'])
  const view = viewOf(zones).asker('gateway/outbound')?.outside('proxy.example.com')[0]
  for (const [address, held] of [['10.0.0.8', true], ['192.168.3.1', true], ['fd12::1', true], ['10.128.0.16', false], ['fdbb:1::10', false], ['127.0.0.1', false], ['fd00:ec2::254', false], ['169.254.169.254', false]] as const) {
    assert.equal(setContains(view?.holds ?? [], addressOf(address)), held, address)
  }
})
