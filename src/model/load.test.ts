import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toPrefixes } from '../net/address-set.ts'
import { formatAddress } from '../net/address.ts'
import { formatPrefix } from '../net/prefix.ts'
import { everyPath } from './ingress-proxy.ts'
import { accepted, doc, load, problems, scene } from './testing/set.ts'

test('no documents at all are a platform that holds nothing, with a default Stack and Environment', () => {
  const { platform, diagnostics, documents } = load({})
  assert.deepEqual([diagnostics.length, documents], [0, 0])
  assert.ok(platform)
  assert.deepEqual([platform.name, platform.trustDomain, [...platform.stacks.keys()], [...platform.environments.keys()]], ['bulkhead', 'bulkhead.internal', ['default'], ['default']])
  assert.deepEqual(toPrefixes(platform.addresses).map(formatPrefix), ['10.128.0.0/16', 'fdbb:1::/64'])
})

test('empty documents and comments count for nothing', () => {
  assert.deepEqual(problems('---\n---\n# nothing\n---\n~\n'), [])
  assert.deepEqual(problems({ 'a.yaml': '', 'b.json': '  \n' }), [])
})

test('the bare form, as an operator pastes it, is a ServicePolicy named after its content', () => {
  const bare = 'policy:\n  source: api\n  destination: web\n  protocol: tcp\n  port: 5432\n  action: allow\n'
  const [policy] = accepted({ 'a.yaml': scene, 'b.yaml': bare }).servicePolicies
  assert.ok(policy)
  assert.deepEqual([policy.name, policy.enclave, policy.at], ['api-to-web-tcp-5432', 'research', { file: 'b.yaml', line: 1, column: 1 }])
  assert.deepEqual(policy.source, [{ kind: 'workload', workload: 'research/api', at: { file: 'b.yaml', line: 2, column: 11 } }])
  assert.deepEqual(policy.traffic, { protocol: 'tcp', ports: [{ kind: 'range', from: 5432, to: 5432 }] })
})

test('the bare form takes qualified names where a name alone is ambiguous, and several in one file', () => {
  const { servicePolicies } = accepted(`${scene}---\npolicy: {source: clinic/db, destination: db, protocol: icmp}\n---\npolicy: {source: api, destination: [db, web], protocol: any, port: any}\n`)
  assert.deepEqual(servicePolicies.map((p) => `${p.enclave}/${p.name}`), ['clinic/clinic-db-to-db-icmp', 'research/api-to-db-web-any-any'])
})

test('a long bare policy has a name of at most 63 characters, and another one another name', () => {
  const names = ['a', 'b'].map((c) => `${'x'.repeat(59)}-${c}`)
  const set = doc('Enclave', 'name: e') + names.map((n) => doc('Workload', `name: ${n}, enclave: e`)).join('') + names.map((n) => `---\npolicy: {source: ${n}, destination: ${names[0] ?? ''}, protocol: icmp}\n`).join('')
  const made = accepted(set).servicePolicies.map((p) => p.name)
  assert.ok(made.every((n) => n.length <= 63) && new Set(made).size === 2)
})

test('every form of reference is resolved', () => {
  const { servicePolicies } = accepted(
    `${scene}${doc('Group', 'name: g, enclave: research', '{members: [api]}')}` +
      doc('ServicePolicy', 'name: p, enclave: research', '{source: [api, research/web, "research/*", "group:g", {labels: {tier: front}}, "spiffe://bulkhead.internal/enclave/research/workload/db"], destination: db, protocol: icmp}'),
  )
  assert.deepEqual(servicePolicies[0]?.source.map(({ at, ...ref }) => (at.line > 0 ? ref : at)), [
    { kind: 'workload', workload: 'research/api' },
    { kind: 'workload', workload: 'research/web' },
    { kind: 'enclave', enclave: 'research' },
    { kind: 'group', group: 'research/g' },
    { kind: 'labels', enclave: 'research', labels: new Map([['tier', 'front']]) },
    { kind: 'workload', workload: 'research/db' },
  ])
})

test('a Peer says who serves its bundle', () => {
  const peer = (rest: string): string => doc('Peer', 'name: north', `{trustDomain: north.example, bundleEndpoint: {url: "https://north.example/b", profile: https_spiffe${rest}}, gateway: "north.example:8443"}`)
  assert.equal(accepted(peer(', spiffeId: "spiffe://north.example/spire/server"')).peers.get('north')?.bundleEndpoint.spiffeId, 'spiffe://north.example/spire/server')
  assert.equal(accepted(peer('')).peers.get('north')?.bundleEndpoint.spiffeId, undefined)
})

test('a SPIFFE ID of a Peer\'s trust domain is that Peer\'s workload', () => {
  const peer = doc('Peer', 'name: north', '{trustDomain: north.example, bundleEndpoint: {url: "https://north.example/b"}, gateway: "[2001:db8::1]:8443"}')
  const { federationPolicies, peers } = accepted(
    scene + peer + doc('FederationPolicy', 'name: p, enclave: research', '{imports: [{source: api, destination: "spiffe://north.example/enclave/lab/workload/w", protocol: tcp, port: 443}]}'),
  )
  const [ref] = federationPolicies[0]?.imports[0]?.destination ?? []
  assert.deepEqual(ref?.kind === 'peer' && [ref.peer, ref.enclave, ref.workload], ['north', 'lab', 'w'])
  assert.deepEqual(peers.get('north')?.gateway, { host: '2001:db8::1', port: 8443 })
  assert.equal(peers.get('north')?.bundleEndpoint.profile, 'https_web')
})

test('ports are numbers, ranges, names and any, alone or in a list', () => {
  const { servicePolicies } = accepted(`${scene}${doc('ServicePolicy', 'name: p, enclave: research', '{source: api, destination: db, protocol: tcp, port: [80, 8000-8100, sql, any]}')}`)
  const [one, range, name, any] = servicePolicies[0]?.traffic.ports ?? []
  assert.deepEqual([one, range, any], [{ kind: 'range', from: 80, to: 80 }, { kind: 'range', from: 8000, to: 8100 }, { kind: 'any' }])
  assert.ok(name?.kind === 'name' && name.name === 'sql' && name.at.line > 0)
})

test('a workload has its defaults, its enclave\'s segment, and mounts relative to its file', () => {
  const set = {
    'sub/w.yaml': doc('Workload', 'name: w, enclave: e', '{run: {command: [node, a.mjs], mounts: [{from: ../app, to: /app}, {from: /opt/x, to: /x}]}}'),
    'e.yaml': doc('IsolationSegment', 'name: s', '{instances: 1, instanceType: t}') + doc('Enclave', 'name: e', '{segment: s}'),
  }
  const workload = accepted(set).workloads.get('e/w')
  assert.ok(workload?.start.kind === 'run')
  assert.deepEqual(workload.start.mounts, [{ from: '/documents/app', to: '/app' }, { from: '/opt/x', to: '/x' }])
  assert.deepEqual([workload.segment, workload.phase, workload.replicas, workload.ports, workload.start.workdir], ['s', 'running', 1, [], undefined])
})

test('attachments are namespaces by name or path, and interfaces', () => {
  const starts = ['{attach: {netns: vm1}}', '{attach: {netns: /proc/12/ns/net}}', '{attach: {interface: tap0}}', '{}'].map(
    (spec) => accepted(doc('Enclave', 'name: e') + doc('Workload', 'name: w, enclave: e', spec)).workloads.get('e/w')?.start,
  )
  assert.deepEqual(starts, [{ kind: 'attach-netns', netns: 'vm1' }, { kind: 'attach-netns', netns: '/proc/12/ns/net' }, { kind: 'attach-interface', interface: 'tap0' }, { kind: 'none' }])
})

test('an ingress policy publishes addresses, or says what a gateway does', () => {
  const policies = accepted(
    scene +
      doc('IngressPolicy', 'name: a, enclave: research', '{source: external:office, destination: api, protocol: tcp, port: 8080, authentication: none, publish: {address: [198.51.100.10, "2001:DB8::10"], port: 80}}') +
      doc('IngressPolicy', 'name: b, enclave: research', '{source: external:pypi, destination: "research/*", protocol: tcp, port: 8080, authentication: {jwt: {issuer: "https://id.example.org", audiences: [x], jwksUri: "https://id.example.org/keys"}}, hosts: App.example.org, tls: {}, routes: [{path: /api/*, destination: api}]}'),
  ).ingressPolicies
  const [a, b] = policies.map((p) => p.gateway)
  assert.ok(a?.kind === 'publish' && b?.kind === 'proxy')
  assert.deepEqual([a.addresses.map(formatAddress), a.port], [['198.51.100.10', '2001:db8::10'], 80])
  assert.deepEqual([b.hosts, b.authentication], [['app.example.org'], 'jwt'])
  assert.deepEqual(b.proxy.routes, [{ ...everyPath, path: '/api/', prefix: true, destination: 'research/api' }])
})

test('one published port may have two policies with different sources', () => {
  const one = (name: string, source: string) => doc('IngressPolicy', `name: ${name}, enclave: research`, `{source: ${source}, destination: api, protocol: tcp, port: 80, authentication: none, publish: {address: 198.51.100.1, port: 80}}`)
  assert.equal(accepted(scene + doc('External', 'name: lab', '{cidrs: [192.0.2.0/24]}') + one('a', 'external:office') + one('b', 'external:lab')).ingressPolicies.length, 2)
})

test('egress holds in all phases unless it names some, and http is kept', () => {
  const egress = (name: string, rest: string) => doc('EgressPolicy', `name: ${name}, enclave: research`, `{source: api, destination: external:pypi, protocol: tcp, port: 443, ${rest}}`)
  const [a, b] = accepted(scene + egress('a', '') + egress('b', 'phases: [task, staging], http: {methods: [HEAD, GET], paths: [/simple/*]}')).egressPolicies
  assert.deepEqual([a?.phases, a?.http], [['running', 'staging', 'task'], undefined])
  assert.deepEqual([b?.phases, b?.http], [['staging', 'task'], { methods: ['GET', 'HEAD'], paths: ['/simple/*'] }])
})

test('instants are read with their zone, and a date is the start of that day in UTC', () => {
  const expires = (text: string) => accepted(`${scene}${doc('ServicePolicy', 'name: p, enclave: research', `{source: api, destination: db, protocol: icmp, expires: ${text}}`)}`).servicePolicies[0]?.expires
  assert.equal(expires('2031-03-31'), Date.UTC(2031, 2, 31))
  assert.equal(expires('2031-03-31T18:00:00.5Z'), Date.UTC(2031, 2, 31, 18, 0, 0, 500))
  assert.equal(expires('2031-03-31T18:00+02:00'), Date.UTC(2031, 2, 31, 16))
})

test('in a policy test a wildcard stands for each of its members but never for a pair of the same, and lists for each item', () => {
  const [made] = accepted(`${scene}${doc('PolicyTest', 'name: t, enclave: research', '{deny: [{source: research/*, destination: [db, 203.0.113.9, pypi.org], protocol: tcp, port: [22, 23]}]}')}`).policyTests
  const ends = made?.cases.map(({ flow }) => `${flow.source.kind === 'workload' ? flow.source.workload : ''} ${flow.destination.kind} ${flow.port ?? ''}`) ?? []
  assert.deepEqual(ends.filter((e) => e.includes(' workload ')), ['research/api workload 22', 'research/api workload 23', 'research/web workload 22', 'research/web workload 23'])
  assert.equal(ends.length, 4 + 6 + 6)
})

test('in a policy test a port name is the number that the destination declares', () => {
  const [made] = accepted(`${scene}${doc('PolicyTest', 'name: t', '{allow: [{source: research/api, destination: research/db, protocol: tcp, port: sql}]}')}`).policyTests
  assert.deepEqual(made?.cases.map((c) => [c.expect, c.flow.port]), [['allow', 5432]])
})

test('Guardrails take wide sets and groups of any enclave', () => {
  const set = `${scene}${doc('Group', 'name: g, enclave: research', '{members: []}')}${doc('Guardrail', 'name: g', '{onlyVia: {source: ["*", "environment:default", "stack:default", "group:research/g"], destination: "external:*", via: research/api}}')}`
  const [made] = accepted(set).guardrails
  assert.ok(made?.assert === 'onlyVia')
  assert.deepEqual(made.source.map((s) => s.kind), ['every-workload', 'environment', 'stack', 'group'])
})

test('a Guardrail may say what travels, who is kept apart from outside, and what is encrypted', () => {
  const guardrail = (name: string, spec: string): string => doc('Guardrail', `name: ${name}`, spec)
  const set = scene +
    guardrail('a', '{onlyPorts: {source: "*", destination: research/*, allow: [{protocol: tcp, port: [80, http]}, {protocol: icmp}]}}') +
    guardrail('b', '{noExternal: {workloads: research/*}}') +
    guardrail('c', '{encrypted: {between: [research/*, [external:*]]}}')
  const [a, b, c] = accepted(set).guardrails
  assert.ok(a?.assert === 'onlyPorts' && b?.assert === 'noExternal' && c?.assert === 'encrypted')
  assert.deepEqual(a.allow.map(({ protocol, ports }) => [protocol, ports.map((p) => p.kind)]), [['tcp', ['range', 'name']], ['icmp', []]])
  assert.equal(b.direction, 'both')
  assert.deepEqual(c.between.map((set) => set.map((s) => s.kind)), [['enclave'], ['every-external']])
})

test('the order of files and documents changes nothing', () => {
  const parts = scene.split('---\n').filter((p) => p !== '').map((p) => `---\n${p}`)
  const strip = (value: unknown): string => JSON.stringify(value, (key, inner: unknown) => (key === 'at' ? undefined : typeof inner === 'bigint' ? String(inner) : inner instanceof Map ? [...inner] : inner))
  assert.equal(strip(accepted(parts.join(''))), strip(accepted(parts.reverse().join(''))))
})

test('nothing in a platform can be altered', () => {
  const platform = accepted(`${scene}${doc('ServicePolicy', 'name: p, enclave: research', '{source: api, destination: db, protocol: icmp}')}`)
  const seen = new Set<unknown>()
  const check = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    seen.add(value)
    assert.ok(Object.isFrozen(value), path)
    if (value instanceof Map) {
      assert.throws(() => value.set('x', 1), TypeError)
      assert.throws(() => value.clear(), TypeError)
      for (const [key, inner] of value) check(inner, `${path}.${String(key)}`)
    }
    for (const [key, inner] of Object.entries(value)) check(inner, `${path}.${key}`)
  }
  check(platform, 'platform')
  assert.ok(seen.size > 50)
})
