import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sealed } from '../chain.ts'
import { setOf, standing, verificationOf } from '../testing.ts'
import { summaryOf } from '../verification.ts'
import { checkProfile, countOutcomes } from './check.ts'
import { builtInProfile, parseProfiles, profileNames } from './load.ts'
import { asked, profileDocument } from './profile.ts'
import type { Standing } from '../in-force.ts'
import type { Finding } from './answer.ts'
import type { Ask } from './profile.ts'

const now = Date.parse('2026-11-22T12:00:00Z')

function documents(...parts: readonly string[]): ReturnType<typeof setOf> {
  const enclave = (name: string): string => `kind: Enclave\nmetadata: {name: ${name}}\nspec: {}`
  const workload = (id: string): string => `kind: Workload\nmetadata: {name: ${id.split('/')[1] ?? ''}, enclave: ${id.split('/')[0] ?? ''}}\nspec: {ports: [80]}`
  return setOf([enclave('a'), enclave('b'), enclave('shared'), workload('a/x'), workload('b/y'), workload('shared/s'), ...parts].map((p) => `apiVersion: bulkhead.dev/v1\n${p}\n`), now)
}

const grant = (from: string, to: string): readonly string[] => {
  const [fe = '', fw = ''] = from.split('/')
  const [te = '', tw = ''] = to.split('/')
  return [
    `kind: FederationPolicy\nmetadata: {name: out-${te}-${fw}, enclave: ${fe}}\nspec: {imports: [{source: ${fw}, destination: ${te}/${tw}, protocol: tcp, port: 80}]}`,
    `kind: FederationPolicy\nmetadata: {name: in-${fe}-${tw}, enclave: ${te}}\nspec: {exports: [{source: ${fe}/${fw}, destination: ${tw}, protocol: tcp, port: 80}]}`,
  ]
}
const outside = (cidr: string, more = ''): readonly string[] => [
  `kind: External\nmetadata: {name: out}\nspec: {cidrs: ['${cidr}']${more}}`,
  'kind: EgressPolicy\nmetadata: {name: out, enclave: a}\nspec: {source: x, destination: external:out, protocol: tcp, port: 443}',
]

function ask(what: Ask, on: Standing, more: object = {}): Finding {
  const [answer] = checkProfile({ name: 'p', about: 'x', controls: [{ id: '1', title: 't', source: 's', question: 'q', ask: what, ...more }] }, on, now).answers
  assert.ok(answer)
  return answer
}

const offline = (set: ReturnType<typeof setOf>): Standing => ({ ...standing(set, {}), at: undefined })

test('profiles that are built in have the form that users\' own have, and each control says where it is written', () => {
  for (const name of profileNames) {
    const profile = builtInProfile(name)
    assert.ok(profile)
    const { success } = profileDocument.safeParse({ apiVersion: 'bulkhead.dev/v1', kind: 'Profile', metadata: { name }, spec: { about: profile.about, controls: profile.controls } })
    assert.equal(success, true, name)
    assert.equal(new Set(profile.controls.map((c) => c.id)).size, profile.controls.length)
  }
  const used = new Set(profileNames.flatMap((n) => builtInProfile(n)?.controls.map((c) => c.ask) ?? []))
  assert.deepEqual([...used].sort(), [...asked])
})

test('a profile of one\'s own is read with every problem at its place', () => {
  const text = 'apiVersion: bulkhead.dev/v1\nkind: Profile\nmetadata: {name: mine}\nspec:\n  about: ours\n  controls:\n    - {id: A1, title: t, source: s, question: q, ask: tests-pas}\n    - {id: A1, title: t, source: s, question: q, ask: person, days: 3}\n'
  const { diagnostics } = parseProfiles([{ path: 'p.yaml', absolute: '/p.yaml', text }])
  assert.deepEqual(diagnostics.map((d) => `${d.at.file}:${d.at.line}:${d.at.column} ${d.code}`), ['p.yaml:7:55 wrong-value', 'p.yaml:8:69 wrong-value'])
  assert.match(diagnostics[0]?.help ?? '', /did you mean `tests-pass`/)
  const good = parseProfiles([{ path: 'p.yaml', absolute: '/p.yaml', text: text.replace('tests-pas}', 'tests-pass}').replace(', days: 3', '').replace('id: A1', 'id: A2') }])
  assert.deepEqual([good.diagnostics, good.profiles[0]?.controls.map((c) => c.id)], [[], ['A2', 'A1']])
  const twice = parseProfiles([{ path: 'p.yaml', absolute: '/p.yaml', text: text.replace('tests-pas}', 'tests-pass}').replace(', days: 3', '').replace('name: mine', 'name: satre') }])
  assert.deepEqual(twice.diagnostics.map((d) => d.code), ['duplicate-name', 'duplicate-name'])
})

test('outbound is denied by default unless an External holds the internet', () => {
  assert.equal(ask('outbound-denied-by-default', offline(documents())).outcome, 'pass')
  assert.equal(ask('outbound-denied-by-default', offline(documents(...outside('192.0.2.0/24')))).outcome, 'pass')
  const wide = ask('outbound-denied-by-default', offline(documents(...outside('0.0.0.0/0'))))
  assert.equal(wide.outcome, 'fail')
  assert.match(wide.facts[0]?.what ?? '', /holds/)
  assert.equal(wide.facts[0]?.documents?.[0]?.name, 'a/out')
})

test('networks that are the internet in parts are the internet, and private ones are not', () => {
  const external = (name: string, ...cidrs: readonly string[]): readonly string[] => [
    `kind: External\nmetadata: {name: ${name}}\nspec: {cidrs: [${cidrs.map((c) => `'${c}'`).join(', ')}]}`,
    `kind: EgressPolicy\nmetadata: {name: ${name}, enclave: a}\nspec: {source: x, destination: external:${name}, protocol: tcp, port: 443}`,
  ]
  const asked = (...parts: readonly string[]): Finding => ask('outbound-denied-by-default', offline(documents(...parts)))
  assert.equal(asked(...external('own', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '192.0.2.0/24')).outcome, 'pass')
  assert.equal(asked(...external('one', '12.0.0.0/8')).outcome, 'pass')
  const parts = asked(...external('parts', '12.0.0.0/8', '14.0.0.0/8'))
  assert.equal(parts.outcome, 'fail')
  assert.match(parts.facts[0]?.what ?? '', /^a\/x reaches more than an IPv4 \/8 of public addresses by external:parts$/)
  assert.match(asked(...external('one', '12.0.0.0/8'), ...external('two', '14.0.0.0/8')).facts[0]?.what ?? '', /by external:one and external:two$/)
  assert.equal(asked(...external('six', '2400::/16', '2402::/16')).outcome, 'fail')
})

test('projects are apart when no chain of paths joins them, also through a third', () => {
  assert.equal(ask('projects-are-apart', offline(documents()), { projects: ['a', 'b'] }).outcome, 'pass')
  assert.equal(ask('projects-are-apart', offline(documents(...grant('a/x', 'b/y'))), { projects: ['a', 'b'] }).outcome, 'fail')
  const chain = ask('projects-are-apart', offline(documents(...grant('a/x', 'shared/s'), ...grant('shared/s', 'b/y'))), { projects: ['a', 'b'] })
  assert.equal(chain.outcome, 'fail')
  assert.match(chain.facts[0]?.what ?? '', /a\/x reaches b\/y/)
  const both = ask('projects-are-apart', offline(documents(...grant('a/x', 'shared/s'), ...grant('b/y', 'shared/s'))), { projects: ['a', 'b'] })
  assert.equal(both.outcome, 'pass')
  assert.ok(both.facts.some((f) => f.what === 'shared/s is reached by a and b'))
  assert.equal(ask('projects-are-apart', offline(documents()), { projects: ['a', 'nobody'] }).outcome, 'fail')
})

test('telemetry passes with a record in date, and never where it is prohibited', () => {
  const record = (until: string): string => `kind: RiskRecord\nmetadata: {name: r}\nspec: {external: out, software: s, owner: o, sends: [x], where: w, legalBasis: l, acceptedBy: dpo, mitigations: [m], until: ${until}}`
  const with_ = documents(...outside('192.0.2.0/24', ', telemetry: true'), record('2030-01-01'))
  assert.equal(ask('telemetry-is-accepted', offline(documents())).outcome, 'not applicable')
  assert.equal(ask('telemetry-is-accepted', offline(with_)).outcome, 'pass')
  assert.equal(ask('telemetry-is-accepted', offline(with_), { prohibit: true }).outcome, 'fail')
})

test('telemetry that is open under another External\'s name is telemetry', () => {
  const stats = 'kind: External\nmetadata: {name: stats}\nspec: {domains: [t.example.org], telemetry: true}'
  const wide = [
    'kind: External\nmetadata: {name: wide}\nspec: {domains: ["*.example.org"]}',
    'kind: EgressPolicy\nmetadata: {name: wide, enclave: a}\nspec: {source: x, destination: external:wide, protocol: tcp, port: 443}',
  ]
  const { outcome, facts } = ask('telemetry-is-accepted', offline(documents(stats, ...wide)))
  assert.deepEqual([outcome, facts[0]?.what], ['fail', 'external:stats, which shares names or addresses with external:wide, has no RiskRecord'])
})

const set = documents(...grant('a/x', 'shared/s'))
const verified = verificationOf(set, [])
const entry = sealed({ kind: 'verify', verification: summaryOf(verified) }, undefined, '2026-11-22T10:00:00.000Z')

test('what has to be seen live passes only when it was seen, of these documents, and in time', () => {
  const good = standing(set, { verification: verified, entries: [entry] })
  assert.equal(ask('verified-recently', good).outcome, 'pass')
  assert.equal(ask('verified-recently', offline(set)).outcome, 'needs a person')
  assert.equal(ask('verified-recently', standing(set, {})).outcome, 'fail')
  assert.equal(ask('verified-recently', standing(set, { verification: verified })).outcome, 'fail', 'the log does not know it')
  assert.equal(ask('verified-recently', standing(set, { verification: { ...verified, ended: '2026-11-10T10:00:00.000Z' }, entries: [sealed({ kind: 'verify', verification: summaryOf({ ...verified, ended: '2026-11-10T10:00:00.000Z' }) }, undefined, '2026-11-10T10:00:00.000Z')] }), { days: 5 }).outcome, 'fail')
  assert.equal(ask('projects-are-apart', standing(set, {}), { projects: ['a', 'b'] }).outcome, 'fail', 'said and not shown')
  assert.equal(ask('projects-are-apart', good, { projects: ['a', 'b'] }).outcome, 'pass')
  assert.equal(ask('shared-hosts-are-segregated', good, { projects: ['a', 'b'] }).outcome, 'pass')
})

test('a verification of a time that has not come proves nothing: a clock was set back', () => {
  const later = { ...verified, ended: '2027-11-22T10:00:00.000Z' }
  const asked = ask('verified-recently', standing(set, { verification: later, entries: [sealed({ kind: 'verify', verification: summaryOf(later) }, undefined, '2026-11-22T10:00:00.000Z')] }))
  assert.deepEqual([asked.outcome, asked.facts[0]?.what], ['fail', 'the last verification is of a time that has not come: a clock was set back'])
})

test('projects whose documents give them hosts of their own share the machine that carries both', () => {
  const pools = ['a', 'b'].map((name) => `kind: IsolationSegment\nmetadata: {name: s${name}}\nspec: {instances: 1, instanceType: big}`)
  const place = (id: string): string => `kind: Workload\nmetadata: {name: ${id.split('/')[1] ?? ''}, enclave: ${id.split('/')[0] ?? ''}}\nspec: {run: {command: ["true"]}, segment: s${id.split('/')[0] ?? ''}}`
  const apart = documents(...pools, place('a/p'), place('b/p'))
  const projects = { projects: ['a', 'b'] }
  const only = setOf([...pools, 'kind: Enclave\nmetadata: {name: a}\nspec: {}', 'kind: Enclave\nmetadata: {name: b}\nspec: {}', place('a/p'), place('b/p')].map((p) => `apiVersion: bulkhead.dev/v1\n${p}\n`), now)
  assert.equal(ask('shared-hosts-are-segregated', offline(only), projects).outcome, 'not applicable')
  const live = ask('shared-hosts-are-segregated', standing(only, {}), projects)
  assert.deepEqual([live.outcome, live.facts.map((f) => f.what).includes('a and b are carried by this one machine')], ['fail', true])
  assert.notEqual(ask('shared-hosts-are-segregated', standing(apart, {}), projects).outcome, 'not applicable')
})

test('a reason that says nothing approves nothing', () => {
  const line = 'a/x -> shared/s tcp/80 by FederationPolicy a/out-shared-x with FederationPolicy shared/in-a-s'
  for (const reason of [' ', '-', '\u200b', '...']) {
    assert.equal(ask('paths-are-approved', standing(set, { entries: [sealed({ kind: 'up', opened: [line], reason }, undefined, '2026-11-22T10:00:00.000Z')] })).outcome, 'fail', JSON.stringify(reason))
  }
})

test('paths are approved when the change that gave each has a reason', () => {
  const line = 'a/x -> shared/s tcp/80 by FederationPolicy a/out-shared-x with FederationPolicy shared/in-a-s'
  const log = (reason?: string): Standing => standing(set, { entries: [sealed({ kind: 'up', opened: [line], ...(reason === undefined ? {} : { reason }) }, undefined, '2026-11-22T10:00:00.000Z')] })
  assert.equal(ask('paths-are-approved', log('CHG-1')).outcome, 'pass')
  assert.match(ask('paths-are-approved', log()).facts[0]?.what ?? '', /by change 1 without a reason/)
  assert.match(ask('paths-are-approved', standing(set, {})).facts[0]?.what ?? '', /by no change that the log knows/)
})

test('a broken change log fails, and what only a person can see is never passed', () => {
  assert.equal(ask('changes-are-logged', { ...standing(set, { entries: [entry] }), chain: { entries: [entry], problem: { line: 2, what: 'is not what its hash says' }, bytes: 0 } }).outcome, 'fail')
  assert.equal(ask('changes-are-logged', standing(set, { entries: [entry] })).outcome, 'pass')
  assert.equal(ask('person', standing(set, {})).outcome, 'needs a person')
  const answer = checkProfile(builtInProfile('sox-hipaa-segmentation') ?? assert.fail(), offline(set), now)
  assert.equal(Object.values(countOutcomes(answer.answers)).reduce((a, b) => a + b), answer.answers.length)
})
