import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parsePrefix } from '../../net/prefix.ts'
import { addressSet } from '../../net/address-set.ts'
import { formatAddress, parseAddress } from '../../net/address.ts'
import { documentSet } from '../document-set.ts'
import { checkDocuments } from '../documents.ts'
import { replaceIfOther } from './files.ts'
import { gatewayNeeds, peersReached, takesEnvoy } from './needs.ts'
import { gatewayRules } from './own-table.ts'
import { gatewayInventory, gatewaySeats } from './places.ts'
import { removeSecrets } from './secrets.ts'
import { gatewaysFromJson, gatewaysToJson } from './state.ts'
import { machineServers, nameServers } from './upstream.ts'
import type { CheckedSet } from '../documents.ts'

const workload = (name: string): string => `apiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: { name: ${name}, enclave: lab }\nspec: { ports: [80] }`
const setOf = (...documents: readonly string[]): CheckedSet => {
  const text = ['apiVersion: bulkhead.dev/v1\nkind: Enclave\nmetadata: { name: lab }\nspec: {}', workload('a'), workload('b'), ...documents].join('\n---\n')
  const { set, diagnostics } = checkDocuments(documentSet('/set', [{ path: 'set.yaml', absolute: '/set/set.yaml', text }]), 0)
  assert.ok(set, JSON.stringify(diagnostics))
  return set
}
const service = (extra = ''): string => `apiVersion: bulkhead.dev/v1\nkind: ServicePolicy\nmetadata: { name: one, enclave: lab }\nspec: { source: a, destination: b, protocol: tcp, port: 80${extra} }`
const external = (spec: string): string => `apiVersion: bulkhead.dev/v1\nkind: External\nmetadata: { name: world }\nspec: ${spec}`
const egress = (extra = ''): string => `apiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: { name: out, enclave: lab }\nspec: { source: a, destination: external:world, protocol: tcp, port: 443${extra} }`
const needs = (set: CheckedSet, now = 0, envoy = true): string =>
  Object.entries(gatewayNeeds(set.platform, set.intent, now, envoy)).flatMap(([name, needed]) => (needed === true ? [name] : [])).join(' ')
const space = addressSet(['10.128.0.0/16', 'fdbb:1::/64'].map((text) => {
  const parsed = parsePrefix(text)
  assert.equal(parsed.kind, 'prefix')
  return parsed as Extract<typeof parsed, { kind: 'prefix' }>
}))
const all = { outbound: true, inbound: true, resolver: true }

test('a set has exactly the gateways that its paths take', () => {
  assert.equal(needs(setOf(service())), '')
  assert.equal(needs(setOf(external('{ cidrs: [203.0.113.0/24] }'), egress())), '')
  assert.equal(needs(setOf(external('{ domains: [pypi.example.org] }'), egress())), 'outbound resolver')
  assert.equal(needs(setOf(service(', encryption: required'))), 'outbound inbound')
  assert.equal(needs(setOf(external('{ domains: [pypi.example.org] }'), egress(', expires: 2000-01-01T00:00:00Z')), Date.parse('2001-01-01')), '')
  assert.equal(needs(setOf(service(', encryption: required')), 0, false), '', 'none without an Envoy')
})

test('which paths an Envoy has to carry is known without one', () => {
  const carried = (set: CheckedSet): readonly boolean[] => set.intent.paths.map((path) => takesEnvoy(set.platform, path))
  assert.deepEqual(carried(setOf(service())), [false])
  assert.deepEqual(carried(setOf(service(', encryption: required'))), [true])
  assert.deepEqual(carried(setOf(external('{ domains: [pypi.example.org] }'), egress())), [true])
  assert.deepEqual(peersReached(setOf(service()).intent), [])
})

test('gateways have addresses, links and namespaces that are the same in every set', () => {
  const seats = gatewaySeats(gatewayInventory(space, all, new Map(), []), 'bh-x-')
  assert.deepEqual(seats.map((s) => `${s.netns} ${s.interface} ${s.group} ${formatAddress(s.ipv4)} ${formatAddress(s.ipv6)} ${s.mac}`), [
    'bh-x-gateway-out bhg-out 3 10.128.0.3 fdbb:1::3 02:b5:00:00:00:03',
    'bh-x-gateway-in bhg-in 4 10.128.0.4 fdbb:1::4 02:b5:00:00:00:04',
    'bh-x-resolver bhg-dns 5 10.128.0.5 fdbb:1::5 02:b5:00:00:00:05',
  ])
  assert.equal(gatewayInventory(space, { outbound: false, inbound: false, resolver: false }, new Map(), []), undefined)
})

test('gateways are remembered as they were', () => {
  const address = parseAddress('10.128.0.40')
  const six = parseAddress('fdbb:1::40')
  const server = parseAddress('198.51.100.53')
  assert.ok(address !== undefined && six !== undefined && server !== undefined)
  const before = gatewayInventory(space, all, new Map([['north/lab/store', { ipv4: address, ipv6: six }]]), [{ address: server, port: 53 }])
  const after = gatewaysFromJson(JSON.parse(JSON.stringify(gatewaysToJson(before))))
  assert.deepEqual(gatewaysToJson(after), gatewaysToJson(before))
  assert.equal(gatewaysFromJson(JSON.parse(JSON.stringify(gatewaysToJson(undefined)))), undefined)
  for (const damaged of [{ outbound: {} }, { outbound: { interface: 'bhg-out', ipv4: 'x', ipv6: 'fdbb::1' } }, { resolver: { interface: 3 } }]) assert.throws(() => gatewaysFromJson(damaged), TypeError)
})

test('in its own namespace the outbound gateway takes what was meant for others, and nothing that is meant for itself', () => {
  const [outbound, inbound, resolver] = gatewaySeats(gatewayInventory(space, all, new Map(), []), '')
  assert.ok(outbound !== undefined && inbound !== undefined && resolver !== undefined)
  const rules = gatewayRules(outbound, space)
  assert.match(rules, /ip daddr 10\.128\.0\.3 return\n.*ip daddr \{ 10\.128\.0\.0\/16 \} redirect to :15002\n.*meta nfproto ipv4 meta l4proto tcp redirect to :ip saddr & 0\.0\.0\.15 map { 0\.0\.0\.0 : 15100, .*0\.0\.0\.15 : 15115 }/)
  assert.match(rules, /policy drop;\n\s+ct status dnat accept/)
  assert.doesNotMatch(gatewayRules(inbound, space), /redirect|udp/)
  assert.match(gatewayRules(resolver, space), /udp dport 53 accept/)
})

test('the machine\'s servers are those that a namespace of its own can reach', () => {
  const servers = (text: string): readonly string[] => nameServers(text).map(({ address, port }) => `${formatAddress(address)} ${port}`)
  assert.deepEqual(servers('# none\nnameserver 127.0.0.53\noptions edns0\n'), [])
  assert.deepEqual(servers('nameserver 192.0.2.1\nnameserver ::1\nnameserver 2001:db8::53\nnameserver fe80::1%eth0\nnameserver rubbish\n'), ['192.0.2.1 53', '2001:db8::53 53'])
  const files: Readonly<Record<string, string>> = { '/etc/resolv.conf': 'nameserver 127.0.0.53\n', '/run/systemd/resolve/resolv.conf': 'nameserver 192.0.2.9\n' }
  assert.equal(machineServers((path) => files[path] ?? '').length, 1)
  assert.deepEqual(machineServers(() => { throw new Error('no file') }), [])
})

test('a gateway\'s files are replaced whole, only when they change, and are nobody else\'s to read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-gateway-'))
  try {
    assert.deepEqual([replaceIfOther(folder, 'sds-svid-a.json', 'one', undefined), replaceIfOther(folder, 'sds-svid-a.json', 'one', undefined), replaceIfOther(folder, 'sds-svid-a.json', 'two', undefined)], [true, false, true])
    assert.equal(readFileSync(join(folder, 'sds-svid-a.json'), 'utf8'), 'two')
    assert.equal(statSync(join(folder, 'sds-svid-a.json')).mode & 0o777, 0o600)
    replaceIfOther(folder, 'lds.json', '{}', undefined)
    removeSecrets(folder, [])
    assert.deepEqual(readdirSync(folder), ['lds.json'], 'keys that nothing names any more are gone')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
