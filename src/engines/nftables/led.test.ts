import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admissionsOf, admit, revokeAdmissions } from './admission.ts'
import { delta } from './delta.ts'
import { lost } from './lost.ts'
import { permits } from './permits.ts'
import { addressOf, everyGateway, lowered, path } from './testing.ts'
import type { Path } from '../../intent/intent.ts'
import type { Lowered } from './lower.ts'
import type { Inventory } from './inventory.ts'

const now = Date.UTC(2030, 0, 1)
const paths = [
  path('e/a', 'external:site', 'tcp 443'), path('e/a', 'external:site', 'tcp 8000-8010'), path('e/a', 'e/b', 'tcp 5432', { via: { kind: 'mutual-tls' } }), path('e/a', 'e/b', 'tcp 22'),
  path('e/b', 'external:site', 'tcp 443'),
]

function host(list: readonly Path[]): Lowered & { readonly inventory: Inventory } {
  return lowered({ workloads: ['e/a', 'e/b'], externals: { site: ['www.example'] }, paths: list, gateways: everyGateway }, now)
}

function connection(destination: string, port: number, oifgroup: number): Parameters<typeof permits>[1] {
  const [source, to] = [addressOf('10.128.0.10'), addressOf(destination)]
  return {
    protocol: 'tcp', iifgroup: 16, oifgroup, original: { source, destination: to, sourcePort: 4000, destinationPort: port },
    reply: { source: to, destination: source, sourcePort: port, destinationPort: 4000 },
  }
}

test('a connection that is led is permitted by the way to the gateway, whoever has its address', () => {
  const { atoms } = host(paths)
  const id = (...of: Parameters<typeof connection>): number | undefined => permits(atoms, connection(...of))?.id
  const way = (port: number): number | undefined => atoms.direct.find((a) => a.source === 16 && a.destination === 3 && a.match.kind === 'port' && a.match.port === port)?.path
  assert.equal(id('8.8.8.8', 443, 1), way(443))
  assert.equal(id('10.128.0.11', 5432, 19), way(5432))
  assert.notEqual(id('8.8.8.8', 8005, 1), undefined)
  assert.notEqual(id('10.128.0.11', 22, 19), undefined)
  for (const [address, port, group] of [['8.8.8.8', 80, 1], ['8.8.8.8', 5432, 1], ['10.128.0.11', 443, 19]] as const) assert.equal(id(address, port, group), undefined)
  assert.equal(permits(atoms, connection('8.8.8.8', 443, 1), () => false), undefined)
})

test('what is led to be encrypted is not answered in the clear, unless it opens later', () => {
  const encrypted = path('e/a', 'e/b', 'tcp 8000-8010', { via: { kind: 'mutual-tls' } })
  const straight = (list: readonly Path[]): readonly unknown[] => host(list).atoms.direct.filter((a) => a.source === 16 && a.destination === 19).map(({ match, expires }) => [match, expires])
  const hour = now + 3_600_000
  const port = path('e/a', 'e/b', 'tcp 8001')
  assert.deepEqual(straight([encrypted, port]), [])
  assert.deepEqual(straight([encrypted, { ...port, expires: hour }]), [])
  assert.deepEqual(straight([{ ...encrypted, expires: hour }, { ...port, expires: hour }]), [])
  assert.deepEqual(straight([{ ...encrypted, expires: hour }, port]), [[{ kind: 'port', port: 8001 }, undefined]])
  assert.deepEqual(straight([{ ...encrypted, phases: ['task'] }, port]), [[{ kind: 'port', port: 8001 }, undefined]])
  assert.deepEqual(straight([encrypted, path('e/a', 'e/b', 'tcp 7999-8000')]), [[{ kind: 'port', port: 7999 }, undefined]])
})

test('what is led no more is lost to the ways that it took', () => {
  const [before, after] = [host(paths), host(paths.filter((p) => p.via.kind !== 'mutual-tls'))]
  assert.deepEqual([...(lost(before.atoms, host(paths).atoms)?.paths ?? [])], [])
  const gone = lost(before.atoms, after.atoms)
  assert.ok(gone === undefined || gone.paths.size > 0)
})

test('a change of what is led is one of elements, while something of its kind stays', () => {
  const [all, fewer, none] = [host(paths), host(paths.slice(1)), host(paths.slice(2, 4))]
  assert.match(delta(all, { ...fewer, inventory: all.inventory }, { now }) ?? '', /^delete element inet bulkhead lead \{ 16 \. 443 \}$/m)
  assert.equal(delta(all, none, { now }), undefined)
  assert.equal(delta(all, { ...all, inventory: { ...all.inventory, gateways: {} } }, { now }), undefined)
})

test('an admission is renewed, and revoked whether it is there or not', () => {
  assert.equal(admit(16, [addressOf('8.8.8.8')], 60), [
    'add element inet bulkhead admitted4 { 16 . 8.8.8.8 timeout 3600s }', 'delete element inet bulkhead admitted4 { 16 . 8.8.8.8 }', 'add element inet bulkhead admitted4 { 16 . 8.8.8.8 timeout 3600s }', '',
  ].join('\n'))
  assert.match(admit(16, [addressOf('2001:db8::1')], 7200.2), /timeout 7201s \}\n$/)
  assert.equal(revokeAdmissions([]), '')
  assert.doesNotMatch(revokeAdmissions([{ group: 16, address: addressOf('8.8.8.8') }]).split('\n')[1] ?? '', /add/)
  assert.deepEqual(admissionsOf({ nftables: [{ set: { family: 'inet', table: 'bulkhead', name: 'admitted4', elem: [{ elem: { val: { concat: [16, '8.8.8.8'] }, timeout: 60, expires: 7 } }] } }] }),
    [{ group: 16, address: addressOf('8.8.8.8'), seconds: 7 }])
  assert.deepEqual(admissionsOf(null), [])
})
