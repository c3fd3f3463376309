import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everything, intentOf, inventoryOf } from './testing.ts'
import { listeningPorts, readMeshDoors, readMeshRoutes } from './read/mesh.ts'
import { meshPort } from './inventory.ts'
import { mostTried } from './mesh.ts'
import { readTls } from './read/tls-context.ts'
import { render } from './render.ts'
import { addressFromBits } from '../../net/address.ts'
import { platformOf, service, workload } from '../../model/testing.ts'

const platform = everything()
const { outbound, inbound } = render(platform, intentOf(platform), inventoryOf(platform), { now: 0 })

test('who is led where, and as whom, is read from the outbound gateway\'s files', () => {
  const { allowed, problems } = readMeshRoutes(outbound.files, meshPort)
  assert.deepEqual(problems, [])
  const [first] = allowed.filter(({ source, destination }) => source === '10.128.0.16' && destination === '10.128.0.17')
  assert.deepEqual([first?.port, first?.to, first?.tls.shows, first?.tls.names, first?.tls.weak], [5432, ['10.128.0.4:15443'], 'sds-svid-a.api.json', [{ exact: 'spiffe://bulkhead.internal/enclave/a/workload/db' }], []])
  assert.deepEqual([...new Set(allowed.filter(({ destination }) => destination === '10.128.16.0').map(({ port, to }) => `${port} ${to.join()}`))].sort(), [9000, 9001, 9002].map((port) => `${port} gateway.north.example.org:15443`))
})

test('who is let in, and to whom, is read from the inbound gateway\'s files', () => {
  const { allowed, problems } = readMeshDoors(inbound.files, 15_443)
  assert.deepEqual(problems, [])
  assert.deepEqual([...new Set(allowed.filter(({ to }) => to.join() === '10.128.0.17:5432').flatMap(({ tls }) => tls.names.map((name) => JSON.stringify(name))))].sort(), [
    '{"exact":"spiffe://bulkhead.internal/enclave/a/workload/api"}', '{"exact":"spiffe://south.example/enclave/lab/workload/store"}', '{"prefix":"spiffe://north.example/enclave/lab/workload/"}',
  ])
  assert.deepEqual([...listeningPorts(inbound.files)].sort((a, b) => a - b), [6432, 9080, 9443, 15_443])
})

test('a name that is compared in a way that is not understood counts as every name', () => {
  const context = (matcher: object): object => ({ typed_config: { '@type': 'type.googleapis.com/x.UpstreamTlsContext', common_tls_context: { combined_validation_context: { default_validation_context: { match_typed_subject_alt_names: [matcher] } } } } })
  for (const matcher of [{ san_type: 'URI', matcher: { suffix: 'x' } }, { san_type: 'DNS', matcher: { exact: 'x' } }, { san_type: 'URI', matcher: { exact: 'x', ignore_case: true } }]) {
    assert.deepEqual(readTls(context(matcher), 'client').names, [{ prefix: '' }])
  }
  assert.deepEqual(readTls({ name: 'raw' }, 'server').weak, ['goes in the clear'])
})

test('stand-ins have ways of their own, of which there are never more than a hundred', () => {
  const many = platformOf({ workloads: Array.from({ length: 20 }, (_, i) => workload(`a/w${i}`, { ports: [80] })), servicePolicies: [service('a/all', 'a/*', 'a/*', 'tcp 80', { encryption: 'required' })] })
  const inventory = inventoryOf(many)
  const shadows = inventory.workloads.map(({ workload: id, phase }, i) => ({ workload: id, phase, addresses: [addressFromBits(4, 0x0a80_ff00n + BigInt(i))] }))
  const made = render(many, intentOf(many), { ...inventory, shadows }, { now: 0 })
  assert.equal(made.tried.length, mostTried)
  assert.ok(new Set(made.tried.map(({ source }) => source)).size === 20, 'spread over all')
  assert.equal(render(many, intentOf(many), inventory, { now: 0 }).tried.length, 0)
  const plain = readMeshRoutes(made.outbound.files, meshPort).allowed.filter(({ source }) => !source.startsWith('10.128.255.'))
  assert.ok(plain.every(({ destination, cluster }) => !destination.startsWith('10.128.255.') && !cluster.startsWith('try')))
})
