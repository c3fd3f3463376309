import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accepted, doc, load, scene } from './testing/set.ts'

const said = (text: string) => load(text).diagnostics.map((d) => `${d.code}: ${d.message}`)
const segment = (rest = '') => doc('IsolationSegment', 'name: sealed', `{instances: 2, instanceType: standard-8${rest}}`)
const sealed = (name: string, spec = '') => doc('Workload', `name: ${name}, enclave: vault`, `{${spec}}`)
const vault = (environment = 'default', rest = ', segment: sealed') => doc('Enclave', 'name: vault', `{environment: ${environment}${rest}}`)

test('a workload is on its own segment, else on its enclave\'s, else on its environment\'s default', () => {
  const { workloads, enclaves } = accepted([
    segment(), doc('IsolationSegment', 'name: other', '{instances: 1, instanceType: small}'),
    doc('Environment', 'name: research', '{defaultSegment: sealed}'),
    vault('research', ''), doc('Enclave', 'name: lab', '{environment: research, segment: other}'),
    sealed('plain'), sealed('own', 'segment: other'), doc('Workload', 'name: w, enclave: lab'),
  ].join(''))
  assert.deepEqual([...workloads.values()].map((w) => [w.id, w.segment]), [['lab/w', 'other'], ['vault/own', 'other'], ['vault/plain', 'sealed']])
  assert.equal(enclaves.get('vault')?.segment, 'sealed')
})

test('without `entitled` every environment may use a segment; an empty list is for nobody', () => {
  assert.deepEqual(said(segment() + vault()), [])
  assert.deepEqual(said(segment(', entitled: [default]') + vault()), [])
  assert.deepEqual(said(segment(', entitled: []') + vault()), ['not-entitled: enclave `vault` uses segment `sealed`, to which environment `default` is not entitled'])
})

test('an entitlement that is withdrawn while it is used is an error at each user; a default is told once', () => {
  const environment = doc('Environment', 'name: research', '{defaultSegment: sealed}') + doc('Environment', 'name: clinic')
  assert.deepEqual(said(segment(', entitled: [clinic]') + environment + vault('research', '') + sealed('a') + sealed('b')), [
    'not-entitled: environment `research` has the default segment `sealed`, to which environment `research` is not entitled',
  ])
  assert.deepEqual(said(segment(', entitled: [clinic]') + environment.replace('{defaultSegment: sealed}', '{}') + vault('research', '') + sealed('a', 'segment: sealed') + sealed('b', 'segment: sealed')), [
    'not-entitled: workload `vault/a` uses segment `sealed`, to which environment `research` is not entitled',
    'not-entitled: workload `vault/b` uses segment `sealed`, to which environment `research` is not entitled',
  ])
})

test('a segment that is deleted while it is used is an error that names each user', () => {
  assert.deepEqual(said(doc('Environment', 'name: research', '{defaultSegment: sealed}') + vault('research') + sealed('a', 'segment: sealed') + doc('Host', 'name: h', '{segment: sealed}')), [
    'unknown-reference: no IsolationSegment `sealed`, which Environment `research` uses',
    'unknown-reference: no IsolationSegment `sealed`, which Enclave `vault` uses',
    'unknown-reference: no IsolationSegment `sealed`, which Workload `a` uses',
    'unknown-reference: no IsolationSegment `sealed`, which Host `h` uses',
  ])
})

test('a segment that is asked for more than it holds is refused with the figures; as much as it holds is accepted', () => {
  const set = (a: number, b: number) => segment(', capacity: {replicasPerInstance: 10}') + vault() + doc('Enclave', 'name: lab', '{segment: sealed}')
    + sealed('a', `replicas: ${a}`) + sealed('b', 'replicas: 4') + doc('Workload', 'name: w, enclave: lab', `{replicas: ${b}}`)
  assert.deepEqual(said(set(10, 6)), [])
  const [found] = load(set(10, 7)).diagnostics
  assert.equal(found?.message, 'segment `sealed` holds 20 replicas (2 instances of 10), and 21 are to run there: 14 of enclave `vault`, 7 of enclave `lab`')
  assert.deepEqual([found.code, found.severity, found.help], ['segment-full', 'error', '3 instances would hold them'])
  assert.match(said(segment() + vault() + sealed('a', 'replicas: 201')).join(), /holds 200 replicas \(2 instances of 100\), and 201 are to run/)
})

test('Hosts are of the type of their segment, and no more than it has instances', () => {
  const host = (name: string, rest = '') => doc('Host', `name: ${name}`, `{segment: sealed${rest}}`)
  assert.deepEqual(said(segment() + host('h1') + host('h2', ', instanceType: standard-8')), [])
  assert.deepEqual(said(segment() + host('h1') + host('h2', ', instanceType: small')), [
    'host-instance-type: host `h2` is of instance type `small`, and its segment `sealed` of `standard-8`',
  ])
  assert.deepEqual(said(segment() + host('h1') + host('h2') + host('h3')), ['too-many-hosts: segment `sealed` has 2 instances, and 3 Hosts are in it: `h1`, `h2`, `h3`'])
  assert.deepEqual(said(doc('Stack', 'name: s', '{layers: [app]}') + doc('Host', 'name: h', '{stack: s, layer: database}')), ['unknown-reference: the stack `s` of host `h` has no layer `database`'])
})

test('a Host says how many replicas of which workload it carries', () => {
  const { hosts } = accepted(`${vault('default', '')}${sealed('a', 'replicas: 3, spread: 2')}${sealed('b')}${doc('Host', 'name: h, labels: {rack: r1}', '{drain: false, workloads: [vault/b, {workload: vault/a, replicas: 3}]}')}`)
  const host = hosts.get('h')
  assert.deepEqual(host?.assigned.map(({ workload, replicas }) => [workload, replicas]), [['vault/a', 3], ['vault/b', 1]])
  assert.deepEqual([host.stack, host.segment, host.layer, host.drain, host.labels.get('rack')], ['default', undefined, undefined, false, 'r1'])
  assert.deepEqual(said(vault('default', '') + sealed('a') + doc('Host', 'name: h', '{workloads: [vault/a, vault/b, vault/a]}')), [
    'unknown-reference: no workload `vault/b`', 'duplicate-name: `vault/a` is assigned to this host twice',
  ])
  assert.match(said(vault('default', '') + doc('Host', 'name: h', '{workloads: [a]}')).join(), /invalid-reference: .*`a` is not a workload/)
  assert.match(said(vault('default', '') + sealed('a', 'replicas: 2, spread: 3')).join(), /2 replicas cannot be on 3 hosts/)
})

test('a tenant who names a host is told so wherever the name stands, and never because of a name of their own', () => {
  const host = doc('Host', 'name: rack-1')
  const named = 'host-named: Workload `w` of enclave `research` names the host `rack-1`'
  assert.deepEqual(said(scene + host + doc('Workload', 'name: w, enclave: research, labels: {node: rack-1}')), [named])
  assert.deepEqual(said(scene + host + doc('Workload', 'name: w, enclave: research', '{run: {command: [ssh, rack-1], env: {AT: rack-1}}}')), [named, named])
  assert.ok(said(scene + host + doc('ServicePolicy', 'name: p, enclave: research', '{source: rack-1, destination: db, protocol: tcp, port: 1}')).includes('host-named: ServicePolicy `p` of enclave `research` names the host `rack-1`'))
  assert.ok(said(scene + host + doc('Workload', 'name: w, enclave: research', '{segment: rack-1}')).includes(named))
  assert.deepEqual(said(scene + doc('Host', 'name: api') + doc('Host', 'name: sql') + doc('Workload', 'name: w, enclave: research, labels: {app: api}', '{ports: [{name: sql, port: 1}]}')), [])
  // The operator's own documents may name it.
  assert.deepEqual(said(scene + host + doc('Environment', 'name: e', '{owner: rack-1}')), [])
})

test('stacks may have overlapping networks', () => {
  assert.deepEqual(said(doc('Stack', 'name: a', '{cidrs: [10.20.0.0/16]}') + doc('Stack', 'name: b', '{cidrs: [10.20.0.0/16], peeredCidrs: [10.20.128.0/17]}')), [])
})
