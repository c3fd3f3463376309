import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conclude, decide } from './answer.ts'
import { readQuery } from './question.ts'
import { addressOf, queryBytes, rendered, testNow } from './testing.ts'
import { viewOf } from './view.ts'
import { fitsWildcard } from './wildcard.ts'
import type { Decision, Forward, UpstreamAnswer } from './answer.ts'

const documents = `
{ apiVersion: bulkhead.dev/v1, kind: Enclave, metadata: { name: research }, spec: {} }
---
{ apiVersion: bulkhead.dev/v1, kind: Enclave, metadata: { name: shared }, spec: {} }
---
{ apiVersion: bulkhead.dev/v1, kind: Workload, metadata: { name: api, enclave: research }, spec: { ports: [80] } }
---
{ apiVersion: bulkhead.dev/v1, kind: Workload, metadata: { name: db, enclave: research }, spec: { ports: [5432], replicas: 3 } }
---
{ apiVersion: bulkhead.dev/v1, kind: Workload, metadata: { name: mirror, enclave: shared }, spec: { ports: [443] } }
---
{ apiVersion: bulkhead.dev/v1, kind: External, metadata: { name: pypi }, spec: { domains: [pypi.org, "*.cdn.example.com"] } }
---
{ apiVersion: bulkhead.dev/v1, kind: External, metadata: { name: internal-wiki }, spec: { domains: [wiki.example.com], cidrs: [10.20.0.0/16] } }
---
{ apiVersion: bulkhead.dev/v1, kind: External, metadata: { name: machine }, spec: { domains: [meta.example.com], cidrs: [169.254.169.254/32, 10.128.0.0/16], infrastructure: true } }
---
policy: { source: api, destination: db, protocol: tcp, port: 5432, action: allow }
---
apiVersion: bulkhead.dev/v1
kind: EgressPolicy
metadata: { name: out, enclave: research }
spec: { source: api, destination: [external:pypi, external:internal-wiki, external:machine], protocol: tcp, port: 443 }
---
apiVersion: bulkhead.dev/v1
kind: EgressPolicy
metadata: { name: brief, enclave: shared }
spec: { source: mirror, destination: external:pypi, protocol: tcp, port: 443, expires: 2030-01-02T00:00:00Z }
`
const view = viewOf(rendered(documents, { gateways: [] }).zones)
const [api, db, mirror] = ['10.128.0.16', '10.128.0.17', '10.128.0.20']

function ask(from: string, name: string, type: string, at = testNow, turn = 0): Decision {
  const query = readQuery(queryBytes(name, type))
  assert.ok(query.kind === 'query')
  return decide(view, from, query, at, turn)
}

function answered(decision: Decision): string {
  assert.equal(decision.kind, 'answer')
  if (decision.kind !== 'answer') return ''
  return [decision.reply.rcode, decision.verdict, decision.reason, ...decision.reply.records.map(({ data }) => data)].join(' ')
}

function forwarded(decision: Decision): Forward {
  assert.ok(decision.kind === 'forward', decision.kind === 'answer' ? answered(decision) : '')
  return decision
}

test('a workload is told of what it may reach, by its short name in its own enclave and by its full name', () => {
  assert.equal(answered(ask(api, 'db.research.internal', 'A')), 'NOERROR allow policy 10.128.0.17 10.128.0.18 10.128.0.19')
  assert.equal(answered(ask(api, 'DB', 'AAAA')), 'NOERROR allow policy fdbb:1::11 fdbb:1::12 fdbb:1::13')
  assert.equal(answered(ask(api, 'db', 'TXT')), 'NOERROR allow policy')
  assert.equal(answered(ask('fdbb:1::10', 'db', 'A')), 'NOERROR allow policy 10.128.0.17 10.128.0.18 10.128.0.19')
})

test('replicas take turns', () => {
  const first = [0, 1, 2, 3].map((turn) => answered(ask(api, 'db', 'A', testNow, turn)).split(' ')[3])
  assert.deepEqual(first, ['10.128.0.17', '10.128.0.18', '10.128.0.19', '10.128.0.17'])
})

test('a replica knows itself, and no other', () => {
  assert.equal(answered(ask(api, 'api', 'A')), 'NOERROR allow self 10.128.0.16')
  assert.equal(answered(ask(db, 'db', 'A')), 'NOERROR allow self 10.128.0.17')
})

test('what a workload may not reach is refused as what does not exist is', () => {
  for (const [from, name] of [[db, 'api'], [db, 'api.research.internal'], [mirror, 'db.research.internal'], [mirror, 'db'], [api, 'ghost'], [api, 'mirror.shared.internal']] as const) {
    assert.equal(answered(ask(from, name, 'A')), 'REFUSED deny no-policy', `${from} ${name}`)
  }
  assert.equal(answered(ask('10.128.0.77', 'db', 'A')), 'REFUSED deny unknown-asker')
})

test('addresses are told back as names to whom they are told at all', () => {
  assert.equal(answered(ask(api, '17.0.128.10.in-addr.arpa', 'PTR')), 'NOERROR allow policy db.research.internal')
  const six = '1.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.b.b.d.f.ip6.arpa'
  assert.equal(answered(ask(api, six, 'PTR')), 'NOERROR allow policy db.research.internal')
  assert.equal(answered(ask(api, '16.0.128.10.in-addr.arpa', 'PTR')), 'NOERROR allow self api.research.internal')
  assert.equal(answered(ask(db, '16.0.128.10.in-addr.arpa', 'PTR')), 'REFUSED deny no-policy')
  assert.equal(answered(ask(api, '1.2.0.192.in-addr.arpa', 'PTR')), 'REFUSED deny no-policy')
})

test('a name that a policy allows is asked upstream in lower case, with the policy', () => {
  const forward = forwarded(ask(api, 'PyPI.ORG', 'A'))
  assert.deepEqual([forward.name, forward.type, forward.wildcard, forward.policies], ['pypi.org', 'A', false, ['EgressPolicy research/out']])
  assert.equal(forwarded(ask(api, 'edge.cdn.example.com', 'AAAA')).wildcard, true)
})

test('other names never leave: neighbours, parents, children, and names that only look alike', () => {
  for (const name of ['org', 'xpypi.org', 'www.pypi.org', 'pypi.org.evil.example', 'cdn.example.com', 'example.com', 'pypi.org.research.internal']) {
    assert.equal(answered(ask(api, name, 'A')), 'REFUSED deny no-policy', name)
  }
})

test('an allowed name has no other kinds of records, and they are not asked for', () => {
  for (const type of ['TXT', 'MX', 'NULL', 'CNAME', 'SRV', 'CAA', 'UNKNOWN_65', 'UNKNOWN_64', 'UNKNOWN_12345', 'NS', 'SOA', 'DS']) {
    assert.equal(answered(ask(api, 'pypi.org', type)), 'NOERROR deny type', type)
  }
  for (const type of ['ANY', 'AXFR', 'IXFR', 'TKEY', 'TSIG']) assert.equal(answered(ask(api, 'pypi.org', type)), 'REFUSED deny type', type)
})

test('classes other than the internet are refused', () => {
  const query = readQuery(queryBytes('version.bind', 'TXT', { questions: [{ name: 'version.bind', type: 'TXT', class: 'CH' }] }))
  assert.ok(query.kind === 'query')
  assert.equal(answered(decide(view, api, query, testNow, 0)), 'REFUSED deny class')
})

test('a policy that ends takes its names with it', () => {
  const end = Date.UTC(2030, 0, 2)
  assert.equal(ask(mirror, 'pypi.org', 'A', end - 1).kind, 'forward')
  assert.equal(answered(ask(mirror, 'pypi.org', 'A', end)), 'REFUSED deny no-policy')
})

const upstream = (...addresses: readonly string[]): UpstreamAnswer => ({ rcode: 'NOERROR', addresses, ttl: 60 })

function concluded(name: string, type: 'A' | 'AAAA', ...addresses: readonly string[]): string {
  const judged = conclude(view, forwarded(ask(api, name, type)), upstream(...addresses), 60, 0)
  return [judged.reply.rcode, judged.reason, ...(judged.detail === undefined ? [] : [judged.detail]), ...judged.reply.records.map(({ data }) => data)].join(' ')
}

test('public addresses are told', () => {
  assert.equal(concluded('pypi.org', 'A', '151.101.0.223', '203.0.113.7'), 'NOERROR policy 151.101.0.223 203.0.113.7')
  assert.equal(concluded('pypi.org', 'AAAA', '2a04:4e42::223'), 'NOERROR policy 2a04:4e42::223')
})

test('a name outside leads to no address that is not public, not even among good ones', () => {
  const four = ['127.0.0.1', '10.0.0.1', '192.168.1.1', '172.31.255.255', '100.64.0.1', '169.254.169.254', '0.0.0.0', '224.0.0.1', '255.255.255.255', '10.128.0.17', '198.18.0.1', '240.0.0.1']
  for (const address of four) assert.equal(concluded('pypi.org', 'A', '151.101.0.223', address), `REFUSED rebinding ${address}`)
  const six = ['::1', '::', 'fe80::1', 'fd00:ec2::254', 'fdbb:1::11', 'fc00::1', 'ff02::1', '::ffff:10.0.0.1', '::ffff:151.101.0.223', '64:ff9b::a00:1', '2002:a00:1::', '::a00:1', '2001::1', 'fec0::1']
  for (const address of six) assert.equal(concluded('pypi.org', 'AAAA', address), `REFUSED rebinding ${address}`)
})

test('an address of the other family, or a text that is none, is not told', () => {
  assert.equal(concluded('pypi.org', 'A', '2a04:4e42::223'), 'REFUSED rebinding 2a04:4e42::223')
  assert.equal(concluded('pypi.org', 'A', 'evil'), 'REFUSED rebinding evil')
})

test('an External that names both a domain and the private addresses behind it may lead there, and only there', () => {
  assert.equal(concluded('wiki.example.com', 'A', '10.20.3.4'), 'NOERROR policy 10.20.3.4')
  assert.equal(concluded('wiki.example.com', 'A', '10.21.3.4'), 'REFUSED rebinding 10.21.3.4')
  assert.equal(concluded('pypi.org', 'A', '10.20.3.4'), 'REFUSED rebinding 10.20.3.4')
})

test('a gateway is led to private addresses only where every External that has the name holds them', () => {
  const gateways = [{ name: 'outbound', addresses: [addressOf('10.128.0.3')], names: [] }] as const
  const asked = (text: string): string => {
    const shared = viewOf(rendered(text, { gateways }).zones)
    const query = readQuery(queryBytes('wiki.example.com', 'A'))
    assert.ok(query.kind === 'query')
    const { reply, reason } = conclude(shared, forwarded(decide(shared, '10.128.0.3', query, testNow, 0)), upstream('10.20.3.4'), 60, 0)
    return `${reply.rcode} ${reason}`
  }
  const another = (domain: string, rest = '', expires = '2031-01-01T00:00:00Z'): string => `${documents}---
{ apiVersion: bulkhead.dev/v1, kind: External, metadata: { name: other }, spec: { domains: ["${domain}"]${rest} } }
---
{ apiVersion: bulkhead.dev/v1, kind: EgressPolicy, metadata: { name: other, enclave: shared }, spec: { source: mirror, destination: external:other, protocol: tcp, port: 443, expires: ${expires} } }
`
  assert.equal(asked(documents), 'NOERROR gateway')
  assert.equal(asked(another('wiki.example.com')), 'REFUSED rebinding')
  assert.equal(asked(another('*.example.com')), 'REFUSED rebinding')
  assert.equal(asked(another('wiki.example.com', ', cidrs: [10.20.3.0/24]')), 'NOERROR gateway')
  assert.equal(asked(another('wiki.example.com', ', cidrs: [10.21.0.0/16]')), 'REFUSED rebinding')
  assert.equal(asked(another('wiki.example.com', '', new Date(testNow - 1).toISOString())), 'NOERROR gateway', 'nobody has it by that any more')
})

test('infrastructure is reached by name only where an External says so, and workloads not even then', () => {
  assert.equal(concluded('meta.example.com', 'A', '169.254.169.254'), 'NOERROR policy 169.254.169.254')
  assert.equal(concluded('pypi.org', 'A', '169.254.169.254'), 'REFUSED rebinding 169.254.169.254')
  assert.equal(concluded('meta.example.com', 'A', '10.128.0.17'), 'REFUSED rebinding 10.128.0.17')
})

test('names under a wildcard carry little', () => {
  const below = 'cdn.example.com'
  for (const [free, fits] of [
    ['edge', true], ['a.b.c', true], ['a.b.c.d', false], ['x'.repeat(40), true], ['x'.repeat(41), false], [`${'x'.repeat(31)}.${'y'.repeat(31)}`, true], [`${'x'.repeat(32)}.${'y'.repeat(31)}`, false],
  ] as const) {
    assert.equal(fitsWildcard(`${free}.${below}`, below), fits, free)
    const decision = ask(api, `${free}.${below}`, 'A')
    if (fits) assert.equal(decision.kind, 'forward')
    else assert.equal(answered(decision), 'REFUSED deny wildcard-shape')
  }
})
