/** Comparisons with readings made by hand. What real kernels list is compared in test/kernel/equivalence.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareWithReference, formatDifference } from './equivalence.ts'
import { addressSet } from '../net/address-set.ts'
import { address, egress, external, ingress, platformOf, service, workload } from '../model/testing.ts'
import { portSet } from '../net/ports.ts'
import { prefix } from '../net/prefix.ts'
import type { RefusedPath } from './equivalence.ts'
import type { Inventory } from '../engines/nftables/inventory.ts'
import type { Leak, ReadEnd, ReadPath, ReadResult } from '../engines/nftables/read.ts'

const now = Date.UTC(2030, 0, 1)
const platform = platformOf({
  workloads: [workload('e/a'), workload('e/b')],
  externals: [external('partner', ['198.51.100.0/24'])],
  servicePolicies: [service('e/p', 'e/a', 'e/b', 'tcp 5432')],
  egressPolicies: [egress('e/out', 'e/a', 'external:partner', 'tcp 443')],
  ingressPolicies: [ingress('e/in', 'external:partner', 'e/b', 'tcp 8443', '203.0.113.7:443')],
})
const inventory: Inventory = {
  groups: new Map([['e/a@running', 16], ['e/b@running', 17], ['e/b@staging', 18]]),
  attachments: (['e/a', 'e/b'] as const).map((id, i) => ({
    interface: `w${i}`, workload: id, phase: 'running', replica: 0, ipv4: address(`10.128.0.${i + 2}`), ipv6: address(`fdbb:1::${i + 2}`), probe: false,
  })),
  uplink: { interface: 'up' },
}

const end = (group: ReadEnd['group'], ...cidrs: readonly string[]): ReadEnd => ({ group, addresses: cidrs.length === 0 ? undefined : addressSet(cidrs.map(prefix)) })

function path(source: ReadEnd, destination: ReadEnd, port: number, rest: Partial<ReadPath> = {}): ReadPath {
  return {
    source, destination, families: [4, 6], protocol: 'tcp', ports: portSet([{ from: port, to: port }]), published: undefined, mark: undefined, expires: undefined, since: 0,
    rule: 'inet t c handle 1', conditions: [], continues: true, replies: true, approximate: false, ...rest,
  }
}

const inside = path(end(16), end(17), 5432)
const outward = path(end(16), end(1, '198.51.100.0/24'), 443, { families: [4] })
const inward = path(end(1, '198.51.100.0/24'), end(17), 8443, {
  families: [4], published: { addresses: addressSet([prefix('203.0.113.7')]), ports: portSet([{ from: 443, to: 443 }]) },
})
const meant = [inside, outward, inward]

function reading(paths: readonly ReadPath[], rest: Partial<ReadResult> = {}): ReadResult {
  return {
    kind: 'read', paths, leaks: [], unreadable: [], forward: { ipv4: 'drop', ipv6: 'drop' }, noTable: false, survivesRevocation: false, blocked: [], ...rest,
  }
}

function told(paths: readonly ReadPath[], rest: Partial<ReadResult> = {}, refused: readonly RefusedPath[] = []): readonly string[] {
  const { verdict, acceptable, differences } = compareWithReference(platform, reading(paths, rest), inventory, now, refused)
  return [`${verdict}${acceptable ? ', acceptable' : ''}`, ...differences.map(formatDifference)]
}

test('a ruleset that opens what is meant is equal', () => {
  assert.deepEqual(told(meant), ['equal, acceptable'])
})

test('what is open and not meant is wider, with the rule that opens it', () => {
  assert.deepEqual(told([...meant, path(end(17), end(16), 22, { families: [6] })]), ['wider', 'wider: e/b@running -> e/a@running 22/tcp over IPv6: inet t c handle 1'])
  assert.deepEqual(told([...meant, path(end(16), end(18), 5432)]), ['equal, acceptable'], 'the phase of the destination never matters')
  assert.deepEqual(told([...meant, path(end(18), end(16), 5432)]), ['wider', 'wider: e/b@staging -> e/a@running 5432/tcp: inet t c handle 1'])
  assert.deepEqual(told([...meant, path(end(16), end(1, '192.0.2.0/25'), 443, { families: [4] })]), ['wider', 'wider: e/a@running -> 192.0.2.0/25 443/tcp over IPv4: inet t c handle 1'])
  assert.deepEqual(told([...meant, path(end(16), end('other'), 1)])[1], 'wider: e/a@running -> a group without a meaning 1/tcp: no policy can mean this (inet t c handle 1: 16 -> other tcp 1)')
})

test('what is meant and closed is narrower, with the policy, and acceptable only when it was declared', () => {
  const missing = 'narrower: e/a@running -> e/b@running 5432/tcp: ServicePolicy e/p: does not pass'
  const [verdict, line] = told([outward, inward])
  assert.deepEqual([verdict, line], ['narrower', missing])
  const refused: RefusedPath = {
    source: { kind: 'workload', workload: 'e/a' }, destination: { kind: 'workload', workload: 'e/b' }, protocol: 'tcp', ports: inside.ports, phases: ['running'],
  }
  assert.equal(told([outward, inward], {}, [refused])[0], 'narrower, acceptable')
  assert.equal(told([inside, inward], {}, [refused])[0], 'narrower')
  const outside: RefusedPath = { ...refused, destination: { kind: 'external', external: 'partner' }, ports: outward.ports }
  assert.equal(told([inside, inward], {}, [outside])[0], 'narrower, acceptable')
})

test('a path is served only when its connections go on and are answered, for every packet of it', () => {
  for (const part of [{ replies: false }, { continues: false }, { conditions: ['sourcePort'] }]) {
    const [verdict, line] = told([{ ...inside, ...part }, outward, inward])
    assert.equal(verdict, 'narrower')
    assert.match(line ?? '', /only part of a connection passes$/)
  }
})

test('a published address answers its sources on its port, leads where the policy does, and the private one answers nobody', () => {
  assert.match(told([inside, outward])[1] ?? '', /^narrower: 198\.51\.100\.0\/24 -> 203\.0\.113\.7 443\/tcp over IPv4: IngressPolicy e\/.*: does not pass$/)
  assert.match(told([...meant, { ...inward, source: end(1) }])[1] ?? '', /^wider: .* -> 203\.0\.113\.7 443\/tcp over IPv4/)
  assert.match(told([...meant, { ...inward, destination: end(16) }]).join('\n'), /wider: outside -> e\/a@running 8443\/tcp over IPv4: a published address leads where no policy does/)
  assert.match(told([...meant, { ...inward, published: undefined }]).join('\n'), /wider: outside -> e\/b@running 8443\/tcp over IPv4: a private address answers the outside/)
})

test('what passes beside the paths, what is not understood and a table that is not there are wider', () => {
  const leak: Leak = { kind: 'reply', path: path(end(17), end('any'), 1) }
  assert.deepEqual(told(meant, { leaks: [leak] }), ['wider', 'wider: e/b@running -> any 1/tcp: replies pass although no path is open for their connection (inet t c handle 1)'])
  assert.deepEqual(told(meant, { unreadable: [{ at: 'inet t c', what: 'xt' }] }), ['wider', 'wider: any -> any any: not understood at inet t c: xt'])
  assert.deepEqual(told(meant, { noTable: true }), ['wider', 'wider: any -> any any: no base chain judges forwarded packets'])
  assert.deepEqual(told(meant, { blocked: [{ interface: 'w0', family: 6 }] }), ['narrower', 'narrower: e/a@running -> any any over IPv6: what comes from `w0` does not get as far as the policies'])
})

test('a path ends when its policy does', () => {
  const hour = { ...platform, servicePolicies: platform.servicePolicies.map((policy) => ({ ...policy, expires: now + 3_600_000 })) }
  const compare = (expires: number | undefined): readonly string[] =>
    compareWithReference(hour, reading([{ ...inside, expires }, outward, inward]), inventory, now).differences.map(formatDifference)
  assert.deepEqual(compare(3_599), [])
  assert.deepEqual(compare(undefined), ['wider: e/a@running -> e/b@running 5432/tcp: inet t c handle 1 3605 s from now'])
  assert.deepEqual(compareWithReference(hour, reading(meant.slice(1)), inventory, now + 3_600_000).differences, [])
})
