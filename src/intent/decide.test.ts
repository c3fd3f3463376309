import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { setContains } from '../net/address-set.ts'
import { domainMatches, parseDomain } from '../net/domain.ts'
import { hasPort } from '../net/ports.ts'
import { egress, external, federation, flow, group, ingress, place, platformOf, service, workload } from '../model/testing.ts'
import { compile } from './compile.ts'
import { decide, decider } from './decide.ts'
import { externalAddresses, publishedAddresses } from './externals.ts'
import { anyFlow, anyInstant, anyPlatform } from './testing.ts'
import type { Flow, FlowEnd, Platform } from '../model/platform.ts'
import type { Intent, PathEnd } from './intent.ts'

const platform = platformOf({
  workloads: [workload('a/api'), workload('a/web'), workload('a/db', { phase: 'task' }), workload('b/model'), workload('b/gpu')],
  externals: [external('net', ['203.0.113.0/24']), external('gone', ['192.0.2.0/24'])],
  groups: [group('a/g', [])],
  servicePolicies: [
    service('a/api-to-db', 'a/api', 'a/db', 'tcp 5432', { at: place(10, 'research.yaml') }),
    service('a/old', 'a/web', 'a/db', 'tcp 5432', { at: place(20, 'research.yaml'), expires: 1000 }),
  ],
  egressPolicies: [
    egress('a/out', 'a/*', 'external:net', 'tcp 443', { phases: ['running'], at: place(30, 'research.yaml') }),
    egress('a/get', 'a/*', 'external:gone', 'tcp 443', { http: { methods: ['GET'], paths: [] }, at: place(35, 'research.yaml') }),
  ],
  ingressPolicies: [ingress('a/in', 'external:net', 'a/web', 'tcp 80', '198.51.100.1:443', { at: place(40, 'research.yaml') })],
  federationPolicies: [
    federation('a/use', { imports: [['a/api', 'b/model', 'tcp 80']] }, { at: place(50, 'research.yaml') }),
    federation('b/offer', { exports: [['a/*', 'b/gpu', 'tcp 80']] }, { at: place(5, 'inference.yaml') }),
  ],
})
const { intent } = compile(platform)

const reasons: readonly (readonly [asked: string, reason: string])[] = [
  ['a/api -> a/db tcp 5432', 'allowed by ServicePolicy a/api-to-db (research.yaml:10)'],
  [
    'a/api -> a/db tcp 5433',
    'no policy opens `a/api` to `a/db` on tcp 5433; nearest: ServicePolicy a/api-to-db (research.yaml:10), but its `port` is 5432, not 5433',
  ],
  [
    'a/api -> a/db udp 5432',
    'no policy opens `a/api` to `a/db` on udp 5432; nearest: ServicePolicy a/api-to-db (research.yaml:10), but its `protocol` is tcp, not udp',
  ],
  [
    'a/web -> a/db tcp 5432',
    'no policy opens `a/web` to `a/db` on tcp 5432; nearest: ServicePolicy a/old (research.yaml:20), but it `expires` at 1970-01-01T00:00:01.000Z, which has passed',
  ],
  [
    'b/gpu -> a/db tcp 5432',
    'no policy opens `b/gpu` to `a/db` on tcp 5432; nearest: ServicePolicy a/api-to-db (research.yaml:10), but its `source` (here `a/api`) does not hold `b/gpu`',
  ],
  [
    'a/api -> a/web tcp 5432',
    'no policy opens `a/api` to `a/web` on tcp 5432; nearest: ServicePolicy a/api-to-db (research.yaml:10), but its `destination` (here `a/db`) does not hold `a/web`',
  ],
  [
    'a/db -> 203.0.113.1 tcp 443',
    'no policy opens `a/db` to `203.0.113.1` on tcp 443; nearest: EgressPolicy a/out (research.yaml:30), but its `phases` are running, and `a/db` is in task',
  ],
  [
    'a/api -> 192.0.2.1 tcp 443',
    'no policy opens `a/api` to `192.0.2.1` on tcp 443; nearest: EgressPolicy a/get (research.yaml:35), but its `http` can only be judged at the gateway, by name; to a bare address it stays closed',
  ],
  [
    '203.0.113.1 -> 198.51.100.1 tcp 80',
    'no policy opens `203.0.113.1` to `198.51.100.1` on tcp 80; nearest: IngressPolicy a/in (research.yaml:40), but its published `port` is 443, not 80',
  ],
  [
    'a/api -> b/model tcp 80',
    'no policy opens `a/api` to `b/model` on tcp 80; nearest: FederationPolicy a/use (research.yaml:50), but no FederationPolicy of enclave `b` exports it',
  ],
  [
    'a/web -> b/gpu tcp 80',
    'no policy opens `a/web` to `b/gpu` on tcp 80; nearest: FederationPolicy b/offer (inference.yaml:5), but no FederationPolicy of enclave `a` imports it',
  ],
  ['a/ghost -> a/db tcp 5432', 'no workload is called `a/ghost`'],
  ['a/api -> 10.128.0.1 tcp 5432', '`10.128.0.1` is in the platform\'s own addresses, which are never outside: ask for the workload by its name'],
  ['a/api -> 198.51.100.1 tcp 443', '`198.51.100.1` is a published address, which answers only from outside: workloads use private names'],
  ['203.0.113.1 -> a/web tcp 80', 'nothing outside reaches a workload itself: outside clients use a published address or a gateway'],
  ['203.0.113.1 -> 203.0.113.2 tcp 80', 'both ends are outside the platform'],
  ['b/gpu -> b/model tcp 22', 'no policy opens `b/gpu` to `b/model` on tcp 22'],
]

for (const [asked, reason] of reasons) {
  test(`the reason for ${asked} names what decides it`, () => {
    assert.equal(decide(platform, intent, flow(asked), 2000).reason, reason)
  })
}

test('an allowed flow names every policy that allows it', () => {
  const twice = platformOf({ workloads: [workload('a/x'), workload('a/y')], servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 1'), service('a/q', 'a/*', 'a/*', 'any')] })
  const decision = decide(twice, compile(twice).intent, flow('a/x -> a/y tcp 1'), 0)
  assert.equal(decision.reason, 'allowed by ServicePolicy a/p (test.yaml:1); ServicePolicy a/q (test.yaml:1)')
})

test('decisions agree with a plain reading of every path, whatever is asked and when', () => {
  fc.assert(
    fc.property(anyPlatform, fc.array(anyFlow, { minLength: 40, maxLength: 40 }), anyInstant, (set, flows, now) => {
      const compiled = compile(set).intent
      const fast = decider(set, compiled)
      for (const asked of flows) {
        const expected = plainly(set, compiled, asked, now)
        assert.equal(fast.allows(asked, now), expected)
        const decision = fast.decide(asked, now)
        assert.equal(decision.verdict, expected ? 'allow' : 'deny')
        if (decision.verdict === 'allow') assert.ok(decision.paths.length > 0)
        else assert.ok(decision.nearest === undefined || decision.nearest.mismatches.length > 0)
      }
    }),
    { numRuns: 300 },
  )
})

test('decisions do not depend on the order of paths, and are prepared once for one Intent of one platform', () => {
  fc.assert(
    fc.property(anyPlatform, fc.array(anyFlow, { minLength: 20, maxLength: 20 }), anyInstant, (set, flows, now) => {
      const compiled = compile(set).intent
      const backwards = decider(set, { ...compiled, paths: compiled.paths.toReversed() })
      for (const asked of flows) assert.equal(backwards.allows(asked, now), decider(set, compiled).allows(asked, now))
      assert.equal(decider(set, compiled), decider(set, compiled))
      assert.notEqual(decider({ ...set }, compiled), decider(set, compiled))
    }),
    { numRuns: 100 },
  )
})

/** Every path, one after the other, without index. */
function plainly(set: Platform, { paths }: Intent, asked: Flow, now: number): boolean {
  const { source, destination, protocol, port } = asked
  const addresses = externalAddresses(set)
  for (const end of [source, destination]) {
    if (end.kind === 'workload' && !set.workloads.has(end.workload)) return false
    if (end.kind === 'address' && setContains(set.addresses, end.address)) return false
  }
  const isPublished = destination.kind === 'address' && setContains(publishedAddresses(set), destination.address)
  if (source.kind === 'workload' && isPublished) return false
  if ((protocol === 'icmp') !== (port === undefined)) return false
  const phase = source.kind === 'workload' ? (asked.phase ?? set.workloads.get(source.workload)?.phase) : undefined

  function holds(end: PathEnd, asks: FlowEnd): boolean {
    if (end.kind === 'external') {
      const known = set.externals.get(end.external)
      if (known === undefined) return false
      if (asks.kind === 'address') return setContains(addresses(known), asks.address)
      if (asks.kind === 'name') return known.domains.some((pattern) => domainMatches(pattern, parseDomain(asks.name) ?? ''))
      return asks.kind === 'external' && asks.external === end.external
    }
    if (end.kind === 'peer') {
      return asks.kind === 'peer' && asks.peer === end.peer && asks.enclave === end.enclave && [asks.workload, '*'].includes(end.workload)
    }
    return asks.kind === 'workload' && asks.workload === end.workload
  }

  return paths.some((path) => {
    if (path.protocol !== protocol || (path.expires !== undefined && path.expires <= now)) return false
    if (phase !== undefined && !path.phases.includes(phase)) return false
    if (source.kind === 'address') {
      if (destination.kind !== 'address' || path.via.kind !== 'publish') return false
      const { addresses: published, port: outer } = path.via
      return holds(path.source, source) && outer === port && published.some((a) => a.family === destination.address.family && a.bits === destination.address.bits)
    }
    if (source.kind === 'name' || !holds(path.source, source) || !holds(path.destination, destination)) return false
    if (path.via.kind === 'egress' && path.via.http !== undefined && destination.kind === 'address') return false
    return port === undefined || hasPort(path.ports, port)
  })
}
