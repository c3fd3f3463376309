import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../intent/compile.ts'
import { loadPlatform } from '../../model/load.ts'
import { allPairs, allPairsText } from './all.ts'
import { isolation } from './isolation.ts'
import { leastSeparation } from './least.ts'
import { readParty } from './party.ts'
import { statementHtml, statementMarkdown } from './statement.ts'
import { isolationText } from './text.ts'
import type { WorkloadId } from '../../model/platform.ts'
import type { IsolationLayer } from './finding.ts'
import type { Isolation } from './isolation.ts'
import type { LiveFacts } from './live.ts'

const kind = (name: string, metadata: string, spec: string): string => `---\napiVersion: bulkhead.dev/v1\nkind: ${name}\nmetadata: {${metadata}}\nspec: {${spec}}\n`
const workload = (enclave: string, name: string, spec = ''): string => kind('Workload', `name: ${name}, enclave: ${enclave}`, `ports: [80], run: {command: ["true"]}${spec === '' ? '' : `, ${spec}`}`)

/** Two customers, `a` and `b`, of one workload each; what is given replaces what they have by default. */
function load(documents: string) {
  // A file for each document: halves of two owners may not stand in one.
  const files = documents.split('---\n').filter((text) => text !== '').map((text, i) => ({ path: `${String(i).padStart(2, '0')}.yaml`, absolute: `/${i}.yaml`, text }))
  const { platform, diagnostics } = loadPlatform(files, { now: 0 })
  assert.ok(platform, JSON.stringify(diagnostics))
  return { platform, intent: compile(platform).intent }
}

interface Shape {
  readonly a?: string
  readonly b?: string
  readonly stacks?: string
  readonly workloadA?: string
  readonly workloadB?: string
  readonly more?: string
}

function customers({ a = '', b = '', stacks = '', workloadA = '', workloadB = '', more = '' }: Shape = {}): string {
  return stacks + kind('Environment', 'name: env-a', a) + kind('Environment', 'name: env-b', b) + kind('Enclave', 'name: a', 'environment: env-a') + kind('Enclave', 'name: b', 'environment: env-b') +
    workload('a', 'web', workloadA) + workload('b', 'web', workloadB) + more
}

function ask(documents: string, a = 'enclave:a', b = 'enclave:b', live?: LiveFacts): Isolation {
  const { platform, intent } = load(documents)
  const parties = [a, b].map((text) => {
    const reading = readParty(platform, text)
    assert.ok(reading.ok, JSON.stringify(reading))
    return reading.value
  })
  const [first, second] = parties
  assert.ok(first !== undefined && second !== undefined)
  return isolation(platform, intent, [first, second], { now: 0, ...(live === undefined ? {} : { live }) })
}

function layer(answer: Isolation, name: IsolationLayer) {
  const found = answer.layers.find((f) => f.layer === name)
  assert.ok(found)
  return found
}

const summary = (answer: Isolation): Readonly<Record<string, string>> => Object.fromEntries(answer.layers.map((f) => [f.layer, f.strength === 'none' ? f.sharing : `${f.sharing} ${f.strength}`]))

const pairs = { tried: 2, of: 2 }
const here = (facts: Partial<LiveFacts> = {}): LiveFacts =>
  ({ enforced: true, why: undefined, verified: undefined, sandbox: false, here: new Set(['a/web', 'b/web'] as WorkloadId[]), ...facts })

test('two customers on one stack are kept apart by enclaves, containers, identities and policy, and nothing is claimed of hosts and accounts', () => {
  assert.deepEqual(summary(ask(customers())), {
    infrastructure: 'unknown', stack: 'shared', segment: 'absent', host: 'unknown', layer: 'absent', environment: 'separate moderate',
    enclave: 'separate moderate', container: 'separate weak', identity: 'separate moderate', policy: 'separate moderate',
  })
})

test('a dedicated stack separates hosts and network, and an account of its own more', () => {
  const stacks = kind('Stack', 'name: one', 'tenancy: dedicated, cidrs: [10.1.0.0/16]') + kind('Stack', 'name: two', 'tenancy: dedicated, cidrs: [10.1.0.0/16]')
  const answer = summary(ask(customers({ a: 'stack: one', b: 'stack: two', stacks })))
  assert.deepEqual([answer['stack'], answer['host'], answer['infrastructure']], ['separate strong', 'separate strong', 'unknown'])
  const accounts = stacks.replace('{tenancy', '{account: "111", tenancy').replace(/tenancy(?!.*tenancy)/s, 'account: "222", tenancy')
  assert.equal(summary(ask(customers({ a: 'stack: one', b: 'stack: two', stacks: accounts })))['infrastructure'], 'separate strongest')
})

test('stacks that count each other\'s networks as their own are joined', () => {
  const stacks = kind('Stack', 'name: one', 'cidrs: [10.1.0.0/16], peeredCidrs: [10.2.0.0/16]') + kind('Stack', 'name: two', 'cidrs: [10.2.0.0/16]')
  const { sharing, strength } = layer(ask(customers({ a: 'stack: one', b: 'stack: two', stacks })), 'stack')
  assert.deepEqual([sharing, strength], ['partly', 'weak'])
})

test('a pool of hosts that one of them has alone separates hosts', () => {
  const stacks = kind('IsolationSegment', 'name: sealed', 'instances: 2, instanceType: big')
  const answer = ask(customers({ stacks, workloadA: 'segment: sealed' }))
  assert.deepEqual([summary(answer)['segment'], summary(answer)['host']], ['separate strong', 'separate strong'])
})

test('hosts are told from their documents, and two workloads on one host share it', () => {
  const hosts = (a: string, b: string): string => kind('Host', 'name: h1', `workloads: [${a}]`) + kind('Host', 'name: h2', `workloads: [${b}]`)
  assert.equal(summary(ask(customers({ more: hosts('a/web', 'b/web') })))['host'], 'separate strong')
  assert.equal(summary(ask(customers({ more: hosts('a/web, b/web', '') })))['host'], 'shared')
  assert.equal(summary(ask(customers({ more: hosts('a/web', '') })))['host'], 'unknown')
  assert.equal(summary(ask(customers({ workloadB: 'replicas: 2', more: hosts('a/web, b/web', '') })))['host'], 'partly', 'a replica on no host takes nothing back')
})

test('what runs on one machine shares it, whatever the documents promise', () => {
  const stacks = kind('Stack', 'name: one', 'tenancy: dedicated') + kind('Stack', 'name: two', 'tenancy: dedicated')
  const answer = ask(customers({ a: 'stack: one', b: 'stack: two', stacks }), 'enclave:a', 'enclave:b', here())
  assert.deepEqual([summary(answer)['host'], summary(answer)['stack']], ['shared', 'separate weak'])
})

test('promises of documents about hosts, pools, layers and accounts are none where one machine carries both', () => {
  const accounts = kind('Stack', 'name: one', 'account: "111"') + kind('Stack', 'name: two', 'account: "222"')
  const apart = ask(customers({ a: 'stack: one', b: 'stack: two', stacks: accounts }), 'enclave:a', 'enclave:b', here())
  const pool = kind('IsolationSegment', 'name: sealed', 'instances: 2, instanceType: big')
  const pools = ask(customers({ stacks: pool, workloadA: 'segment: sealed' }), 'enclave:a', 'enclave:b', here())
  const layers = kind('Stack', 'name: one', 'layers: [app, database], layerHosts: separate')
  const layersApart = ask(customers({ a: 'stack: one', b: 'stack: one', stacks: layers, workloadA: 'layer: app', workloadB: 'layer: database' }), 'enclave:a', 'enclave:b', here())
  for (const [answer, name] of [[apart, 'infrastructure'], [pools, 'segment'], [layersApart, 'layer']] as const) {
    assert.deepEqual([layer(answer, name).strength, layer(answer, name).basis, layer(answer, name).enforcedBy], ['none', 'contradicted', undefined], name)
    assert.match(layer(answer, name).says, /this one machine carries both/)
    assert.notEqual(answer.strongest, 'strong')
  }
  assert.match(statementMarkdown(pools), /\| Pool of hosts \| We make no statement\. \| - \| Not assured/)
})

test('nothing that a machine keeps is claimed of one that is not as the documents say', () => {
  for (const live of [here({ enforced: false, why: 'an element is gone' }), here({ verified: { at: 1, mismatches: 1, pairs } })]) {
    const answer = ask(customers(), 'enclave:a', 'enclave:b', live)
    for (const name of ['enclave', 'container', 'identity', 'policy'] as const) {
      assert.deepEqual([layer(answer, name).strength, layer(answer, name).basis, layer(answer, name).enforcedBy], ['none', 'contradicted', undefined], name)
    }
    assert.match(statementMarkdown(answer), /\| Enclave \| We make no statement\. \| - \| Not assured/)
  }
  assert.match(layer(ask(customers(), 'enclave:a', 'enclave:b', here({ enforced: false, why: 'an element is gone' })), 'policy').says, /not as the documents say: an element is gone$/)
})

test('the basis is what was looked at: the documents, the rules in force, or attempts', () => {
  const basis = (live?: LiveFacts): readonly string[] => (['policy', 'container'] as const).map((name) => layer(ask(customers(), 'enclave:a', 'enclave:b', live), name).basis)
  assert.deepEqual(basis(), ['documents', 'documents'])
  assert.deepEqual(basis(here()), ['in force', 'in force'])
  assert.deepEqual(basis(here({ verified: { at: 1, mismatches: 0, pairs } })), ['verified', 'in force'])
  assert.deepEqual(basis(here({ verified: { at: 1, mismatches: 0, pairs: { tried: 1, of: 2 } } })), ['in force', 'in force'], 'not all pairs were tried')
  assert.equal(layer(ask(customers(), 'enclave:a', 'enclave:b', here({ verified: { at: 1, mismatches: 0, pairs } })), 'identity').basis, 'in force', 'nobody tries to take an identity')
  const two = customers() + workload('a', 'two')
  assert.equal(layer(ask(two, 'enclave:a', 'enclave:b', here()), 'container').basis, 'documents', 'one of them does not run here')
  assert.deepEqual(basis(here({ here: new Set(['a/web'] as WorkloadId[]) })), ['documents', 'documents'])
})

test('a statement says when the machine was last tried', () => {
  const answer = ask(customers(), 'enclave:a', 'enclave:b', here({ verified: { at: 60_000, mismatches: 0, pairs } }))
  assert.match(statementMarkdown(answer), /\nAs of 1970-01-01T00:00:00\.000Z\. The machine was last tried at 1970-01-01T00:01:00\.000Z\.\n/)
  const some = ask(customers(), 'enclave:a', 'enclave:b', here({ verified: { at: 60_000, mismatches: 0, pairs: { tried: 2500, of: 9900 } } }))
  assert.match(statementMarkdown(some), /00:01:00\.000Z, between 2500 of 9900 pairs of identities; the rules between all of them were read back\.\n/)
  assert.doesNotMatch(statementMarkdown(some), /Tried on the machine/)
})

test('a customer is told of processes only what the one who starts them knows', () => {
  const attached = customers().replaceAll('run: {command: ["true"]}', 'attach: {netns: x}').replace('netns: x', 'netns: y')
  assert.match(statementMarkdown(ask(attached)), /\| Processes on a host \| Of their processes, we state only that their networks are apart\./)
  assert.match(statementMarkdown(ask(customers().replace('run: {command: ["true"]}', 'attach: {netns: x}'))), /Processes that we start are kept apart by the operating system; of others, we state only that their networks are apart\./)
  assert.match(statementMarkdown(ask(customers(), 'enclave:a', 'enclave:b', here({ sandbox: true }))), /as processes of one user: this is an installation for trials/)
  const stacks = kind('Stack', 'name: one', 'tenancy: dedicated') + kind('Stack', 'name: two', 'tenancy: dedicated')
  assert.match(statementMarkdown(ask(customers({ a: 'stack: one', b: 'stack: two', stacks }), 'enclave:a', 'enclave:b', here())), /\| Private network \| The two are on private networks of their own, of one machine\. \| weak/)
})

test('a path between the two, or a chain of paths, is named with the document that opens it', () => {
  const federation = (enclave: string, half: string): string => kind('FederationPolicy', `name: f, enclave: ${enclave}`, half)
  const path = '[{source: a/web, destination: b/web, protocol: tcp, port: 80}]'
  const direct = layer(ask(customers({ more: federation('a', `imports: ${path}`) + federation('b', `exports: ${path}`) })), 'policy')
  assert.deepEqual([direct.sharing, direct.strength, direct.says], ['partly', 'weak', 'policies open 1 path between them: `a/web -> b/web tcp 80`'])
  assert.deepEqual(direct.documents.map((d) => d.document), ['FederationPolicy a/f', 'FederationPolicy b/f'])
  const via = kind('Enclave', 'name: m', '') + workload('m', 'relay')
  const legs = ['[{source: a/web, destination: m/relay, protocol: tcp, port: 80}]', '[{source: m/relay, destination: b/web, protocol: tcp, port: 80}]']
  const chain = layer(ask(customers({ more: via + federation('a', `imports: ${legs[0]}`) + federation('m', `exports: ${legs[0]}, imports: ${legs[1]}`) + federation('b', `exports: ${legs[1]}`) })), 'policy')
  assert.equal(chain.says, 'no path joins them, but a chain of paths does: `a/web` -> `m/relay` -> `b/web`')
})

test('Externals that both may reach are told: what they send could meet there', () => {
  const egress = (enclave: string): string => kind('EgressPolicy', `name: out, enclave: ${enclave}`, 'source: web, destination: external:store, protocol: tcp, port: 443')
  const more = kind('External', 'name: store', 'cidrs: [192.0.2.0/24]') + egress('a') + egress('b')
  assert.equal(layer(ask(customers({ more })), 'policy').says, 'no path and no chain of paths leads from one to the other; both may reach `external:store`, where what they send could meet')
})

test('Externals of two names that hold one address are one place to meet', () => {
  const egress = (enclave: string): string => kind('EgressPolicy', `name: out, enclave: ${enclave}`, `source: web, destination: external:for-${enclave}, protocol: tcp, port: 443`)
  const more = kind('External', 'name: for-a', 'cidrs: [192.0.2.0/24]') + kind('External', 'name: for-b', 'cidrs: [192.0.2.7/32]') + egress('a') + egress('b')
  assert.match(layer(ask(customers({ more })), 'policy').says, /; both may reach `external:for-a` and `external:for-b`, where what they send could meet$/)
})

test('a service that both reach, and one that reaches both, is told, and a customer hears that there is one', () => {
  const legs = (half: (enclave: string) => string): readonly [string, string] => [half('a'), half('b')]
  const policy = (name: string, enclave: string, spec: string): string => kind('FederationPolicy', `name: ${name}, enclave: ${enclave}`, spec)
  const service = kind('Enclave', 'name: m', '') + workload('m', 'queue')
  const inward = legs((enclave) => `{source: ${enclave}/web, destination: m/queue, protocol: tcp, port: 80}`)
  const outward = legs((enclave) => `{source: m/queue, destination: ${enclave}/web, protocol: tcp, port: 80}`)
  const reached = ask(customers({ more: service + policy('in', 'm', `exports: [${inward.join(', ')}]`) + policy('in', 'a', `imports: [${inward[0]}]`) + policy('in', 'b', `imports: [${inward[1]}]`) }))
  assert.equal(layer(reached, 'policy').says, 'no path and no chain of paths leads from one to the other; both may reach `m/queue`, where what they send could meet')
  assert.match(statementMarkdown(reached), /\| No connection between the two is permitted, directly or by way of others\. Both may be connected to the same systems, where what they send could meet\. \|/)
  const reaching = ask(customers({ more: service + policy('out', 'm', `imports: [${outward.join(', ')}]`) + policy('out', 'a', `exports: [${outward[0]}]`) + policy('out', 'b', `exports: [${outward[1]}]`) }))
  assert.equal(layer(reaching, 'policy').says, 'no path and no chain of paths leads from one to the other; `m/queue` may reach both and pass on what they answer')
})

test('a party that is part of the other is compared with the rest of it, and who is named first changes nothing', () => {
  const answer = ask(customers(), 'platform', 'a/web')
  assert.deepEqual(answer.between.map(({ text, workloads }) => [text, workloads.length]), [['a/web', 1], ['the rest of platform', 1]])
  assert.deepEqual(answer, ask(customers(), 'a/web', 'platform'))
})

const peer = (name: string): string => kind('Peer', `name: ${name}`, `trustDomain: ${name}.example, bundleEndpoint: {url: "https://${name}.example/bundle", profile: https_web}, gateway: "gw.${name}.example:15443"`)

test('of another platform nothing is claimed but what this one keeps: its documents do not say where the other runs', () => {
  const answer = ask(customers({ more: peer('north') }), 'platform', 'peer:north')
  assert.deepEqual(summary(answer), {
    infrastructure: 'unknown', stack: 'unknown', segment: 'unknown', host: 'unknown', layer: 'unknown', environment: 'unknown',
    enclave: 'separate moderate', container: 'unknown', identity: 'separate strong', policy: 'separate moderate',
  })
  const statement = statementMarkdown(answer)
  assert.match(statement, /We make no statement about: account at the provider, private network, pool of hosts, hosts, layer of hosts, people who may change it, processes on a host\./)
  assert.match(statement, /\| Enclave \| The other is a platform of its own: a connection needs our consent as well as theirs\. \| moderate/)
  assert.doesNotMatch(statement, /What would separate more/)
})

test('of what two other platforms open to each other nothing is said', () => {
  const answer = summary(ask(customers({ more: peer('north') + peer('south') }), 'peer:south', 'peer:north'))
  assert.deepEqual([answer['enclave'], answer['policy'], answer['identity']], ['unknown', 'unknown', 'separate strong'])
})

test('workloads on no segment, or in no layer, have that in common', () => {
  const stacks = kind('IsolationSegment', 'name: sealed', 'instances: 2, instanceType: big') + kind('Stack', 'name: one', 'layers: [app], layerHosts: separate')
  const answer = ask(customers({ a: 'stack: one', b: 'stack: one', stacks, workloadA: 'segment: sealed, layer: app', more: workload('a', 'plain') }))
  assert.deepEqual([summary(answer)['segment'], summary(answer)['layer'], summary(answer)['host']], ['partly', 'partly', 'unknown'])
  assert.equal(layer(answer, 'segment').says, 'both have workloads on the hosts of no segment')
  assert.equal(layer(answer, 'layer').says, 'both have workloads in no layer')
})

test('a name that means several is refused with the ways to write it, an unknown one with the nearest', () => {
  const { platform } = load(customers())
  assert.deepEqual(readParty(platform, 'web'), { ok: false, message: '`web` is the name of 2 things', help: 'write one of `a/web`, `b/web`' })
  assert.deepEqual(readParty(platform, 'environment:env-c'), { ok: false, message: 'no environment is called `env-c`', help: 'did you mean `env-a`?' })
})

test('the text and the statement of two customers', () => {
  const answer = ask(customers(), 'environment:env-a', 'environment:env-b')
  assert.match(isolationText(answer, () => undefined), /^environment:env-a and environment:env-b\ninfrastructure {2}unknown {13} they are on one platform, and/)
  assert.match(isolationText(answer, () => undefined), /\nthe strongest layer that separates them wholly is moderate\n$/)
  assert.equal(allPairsText(allPairs(load(customers()).platform, load(customers()).intent, 'environment', { now: 0 })).split('\n')[1], 'environment:env-a  environment:env-b  moderate   environment, enclave, container, identity, policy  stack')
  assert.equal(statementMarkdown(answer), [
    '# Separation of environment:env-a and environment:env-b', '', 'As of 1970-01-01T00:00:00.000Z.', '', '| Layer | What we state | Strength | Basis |', '|---|---|---|---|',
    '| Private network | The two are on one private network. | - | Laid down in our documents. |',
    '| People who may change it | The two are in environments of their own, and our documents name nobody who may change both. | moderate | Laid down in our documents. |',
    '| Enclave | The two are in enclaves of their own: a connection between them needs the consent of both sides. | moderate | Laid down in our documents. |',
    '| Processes on a host | Their processes are kept apart by the operating system. Where they share a host, a fault of its kernel could end this; it is the weakest of the separations named here. | weak | Laid down in our documents. |',
    '| Identities | Every workload has an identity of its own, which no other workload can take. | moderate | Laid down in our documents. |',
    '| Permitted connections | No connection between the two is permitted, directly or by way of others. | moderate | Laid down in our documents. |', '',
    'We make no statement about: account at the provider, pool of hosts, hosts, layer of hosts.', '', 'What would separate more:', '',
    '- An account of your own at the provider.', '- A dedicated stack: it would also separate hosts and network.', '- Hosts of your own.', '',
  ].join('\n'))
  assert.doesNotMatch(statementHtml(answer), /<script|http:|https:/)
})

test('of what others run, only what is known is claimed', () => {
  const without = customers().replaceAll(', run: {command: ["true"]}', '')
  assert.deepEqual([layer(ask(without), 'container').sharing, layer(ask(without), 'container').says], ['unknown', 'they are declared only, and nothing says what runs them'])
  const attached = customers().replaceAll('run: {command: ["true"]}', 'attach: {netns: x}').replace('netns: x', 'netns: y')
  assert.deepEqual([layer(ask(attached), 'container').strength, layer(ask(attached), 'container').says], ['weak', 'of containers that others started, Bulkhead separates the network alone'])
})

test('a statement names no host and nobody else', () => {
  const hosts = kind('Host', 'name: rack-nine', 'workloads: [a/web, b/web]')
  const answer = ask(customers({ more: hosts }))
  for (const statement of [statementMarkdown(answer), statementHtml(answer)]) assert.doesNotMatch(statement, /rack-nine/)
})

test('an environment that asks for more than it has is refused, and one of which it is not shown is warned of', () => {
  const problems = (documents: string): readonly string[] => {
    const { platform, intent } = load(documents)
    return leastSeparation(platform, intent).map((d) => `${d.severity} ${d.code}: ${d.message}`)
  }
  assert.deepEqual(problems(customers({ a: 'isolation: network' })), [])
  const path = '[{source: a/web, destination: b/web, protocol: tcp, port: 80}]'
  const joined = kind('FederationPolicy', 'name: f, enclave: a', `imports: ${path}`) + kind('FederationPolicy', 'name: f, enclave: b', `exports: ${path}`)
  assert.deepEqual(problems(customers({ a: 'isolation: network', b: 'owner: them', more: joined })), ['error isolation-unmet: environment `env-a` asks for isolation `network`, and a path joins it with `env-b` of them: `a/web` -> `b/web`'])
  assert.deepEqual(problems(customers({ a: 'owner: us, isolation: dedicated', b: 'owner: us', more: joined })), [], 'one owner')
  assert.deepEqual(problems(customers({ a: 'isolation: host' })), ['warning isolation-open: environment `env-a` asks for isolation `host`, and nothing keeps `env-b` off its hosts'])
  assert.deepEqual(problems(customers({ a: 'isolation: host', more: kind('Host', 'name: h', 'workloads: [a/web, b/web]') })), ['error isolation-unmet: environment `env-a` asks for isolation `host`, and workloads of it and of `env-b` are on one host'])
  const half = kind('Host', 'name: h', 'workloads: [a/web, b/web]')
  assert.deepEqual(problems(customers({ a: 'isolation: host', workloadB: 'replicas: 2', more: half })), ['error isolation-unmet: environment `env-a` asks for isolation `host`, and workloads of it and of `env-b` are on one host'], 'a replica on no host takes nothing back')
  const one = kind('IsolationSegment', 'name: small', 'instances: 1, instanceType: big')
  assert.deepEqual(problems(customers({ a: 'isolation: host, defaultSegment: small', b: 'defaultSegment: small', stacks: one })), ['error isolation-unmet: environment `env-a` asks for isolation `host`, and it is with `env-b` on the segment `small`, which has one instance'])
  const own = kind('Stack', 'name: one', 'tenancy: shared')
  assert.deepEqual(problems(customers({ a: 'isolation: dedicated, stack: one', stacks: own })), ['error isolation-unmet: environment `env-a` asks for isolation `dedicated`, and its stack `one` is open to others: its tenancy is `shared`'])
  assert.deepEqual(problems(customers({ a: 'isolation: dedicated, stack: one', stacks: own.replace('shared', 'dedicated') })), [])
})
