import assert from 'node:assert/strict'
import { test } from 'node:test'
import { egress, external, flow, ingress, place, platformOf, proxied, proxyOf, scope, service, workload } from '../model/testing.ts'
import { analysePlatform } from './analyse.ts'
import { proofJson, proofText, reachJson, reachText, testsJson, testsText } from './answers-text.ts'
import { diffJson, diffMarkdown, diffText } from './diff-text.ts'
import type { Authentication } from '../model/platform.ts'

type Parts = Parameters<typeof platformOf>[0]

const plain = (_: boolean, text: string): string => text
const base = {
  workloads: [workload('a/x'), workload('a/y', { ports: [80] })],
  externals: [external('net', ['203.0.113.0/24']), external('pypi', ['pypi.org'])],
}

function set(parts: Parts) {
  return analysePlatform(platformOf({ ...base, ...parts }))
}

function changes(before: Parts, after: Parts): string {
  return diffText(set(before).diff(set(after), 0))
}

test('a change of phases, of time and of requests is told in its own words', () => {
  const web = (options: object): Parts => ({ egressPolicies: [egress('a/p', 'a/x', 'external:pypi', 'tcp 443', options)] })
  assert.match(changes(web({ phases: ['staging'] }), web({ phases: ['staging', 'task'] })), /^widened {3}a\/x -> external:pypi {2}tcp 443 in task {2}by /)
  assert.match(changes(web({ expires: 1000 }), web({})), /^widened .* tcp 443 \(otherwise until 1970-01-01T00:00:01\.000Z\) {2}by /)
  assert.match(changes(web({}), web({ http: { methods: ['GET'], paths: ['/simple/*'] } })), /^narrowed {2}a\/x -> external:pypi {2}tcp 443 {2}by /)
  assert.match(changes(web({ http: { methods: ['GET'], paths: ['/simple/*'] } }), web({ http: { methods: ['GET', 'PUT'], paths: ['/simple/*'] } })), /^widened .* tcp 443 GET,PUT \/simple\/\* {2}by /)
  assert.equal(changes(web({ http: { methods: ['GET', 'PUT'], paths: ['/a', '/b'] } }), { egressPolicies: [
    egress('a/p', 'a/x', 'external:pypi', 'tcp 443', { http: { methods: ['GET', 'PUT'], paths: ['/a'] } }), egress('a/q', 'a/x', 'external:pypi', 'tcp 443', { http: { methods: ['GET', 'PUT'], paths: ['/b'] } }),
  ] }), 'no change: both open the same paths\n')
})

test('a workload that changes its phase gains and loses what its policies say of them', () => {
  const egressPolicies = [egress('a/p', 'a/x', 'external:net', 'tcp 443', { phases: ['staging'] })]
  const staged = { workloads: [workload('a/x', { phase: 'staging' }), workload('a/y', { ports: [80] })], egressPolicies }
  assert.match(changes({ egressPolicies }, staged), /^widened .* tcp 443 because the source changes its phase {2}by /)
})

test('an External that grows widens whatever names it, though no policy changes', () => {
  const egressPolicies = [egress('a/p', 'a/x', 'external:net', 'tcp 443')]
  const grown = { externals: [external('net', ['203.0.112.0/23']), external('pypi', ['pypi.org'])], egressPolicies }
  assert.match(changes({ egressPolicies }, grown), /^opened {4}a\/x -> 203\.0\.112\.0\/24 \(of external:net\) {2}tcp 443 {2}by .*\n1 opened\n$/)
  assert.match(changes(grown, { egressPolicies }), /^closed {4}a\/x -> 203\.0\.112\.0\/24 \(of external:net\) /)
})

test('another name for the same addresses is no change', () => {
  const named = (name: string): Parts => ({ externals: [external(name, ['203.0.113.0/24'])], egressPolicies: [egress('a/p', 'a/x', `external:${name}`, 'tcp 443')] })
  assert.equal(changes(named('net'), named('other')), 'no change: both open the same paths\n')
})

test('a way in is told by its address or host, and a gateway that asks less is wider', () => {
  assert.match(changes({}, { ingressPolicies: [ingress('a/i', 'external:net', 'a/y', 'tcp 80', '198.51.100.1:443')] }), /^opened {4}external:net -> a\/y {2}tcp 80 by 198\.51\.100\.1:443 {2}by /)
  const gateway = (authentication: Authentication): Parts => {
    const policy = ingress('a/i', 'external:net', 'a/y', 'tcp 80')
    return { ingressPolicies: [{ ...policy, gateway: proxied(proxyOf({ authentication })) }] }
  }
  const told = changes(gateway({ kind: 'mtls', caFile: undefined, subjects: [] }), gateway({ kind: 'none' }))
  assert.match(told, /^widened .* by www\.example\.org, authentication none.*\nnarrowed .* authentication mtls/)
})

test('a diff for machines and for pull requests tells the same changes', () => {
  const found = set({}).diff(set({ servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 80', { expires: 5000 })] }), 0)
  assert.deepEqual(diffJson(found), {
    widens: true,
    changes: [{
      kind: 'opened', source: 'a/x', destination: 'a/y', policies: [{ kind: 'ServicePolicy', name: 'a/p', file: 'test.yaml', line: 1, column: 1 }],
      traffic: [{ protocol: 'tcp', ports: '80', phases: ['running', 'staging', 'task'], asDeclared: true, until: '1970-01-01T00:00:05.000Z' }],
    }],
  })
  assert.match(diffMarkdown(found), /\| `a\/x` \| `a\/y` \| tcp 80 until 1970-01-01T00:00:05\.000Z \| ServicePolicy a\/p \(test\.yaml:1\) \|/)
  assert.match(diffMarkdown({ changes: [] }), /^### Network access does not change/)
})

test('reach, proofs and tests are told to people and to machines', () => {
  const at = place(7)
  const lab = set({
    servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 80')],
    guardrails: [{ kind: 'Guardrail', name: 'g', at, assert: 'never', source: [scope('a/x')], destination: [scope('a/y')] }],
    policyTests: [{ kind: 'PolicyTest', name: 't', at, cases: [{ expect: 'deny', flow: flow('a/x -> a/y tcp 80'), at }] }],
  })
  const reached = lab.reach([{ kind: 'workload', workload: 'a/x' }], 'from', 0)
  assert.match(reachText(reached), /^a\/x reaches 1 end\na\/y {2}directly\n/)
  assert.match(JSON.stringify(reachJson(reached)), /"end":"a\/y","length":1/)
  assert.match(proofText(lab.prove(), plain), /^broken {2}never {2}g \(test\.yaml:7\)\n/)
  assert.match(JSON.stringify(proofJson(lab.prove())), /"holds":false/)
  assert.match(testsText(lab.test(0), plain), /\nFAIL {2}t .*deny +allow\n/)
  assert.match(JSON.stringify(testsJson(lab.test(0))), /"passed":false/)
})

test('an address or a name is reached by the Externals that hold it', () => {
  const lab = set({ egressPolicies: [egress('a/p', 'a/x', ['external:net', 'external:pypi'], 'tcp 443')] })
  const who = (text: string): readonly string[] => lab.reach([flow(`a/x -> ${text} tcp 1`).destination], 'to', 0).reached.map(({ end }) => end)
  assert.deepEqual([who('203.0.113.9'), who('pypi.org'), who('192.0.2.1')], [['a/x'], ['a/x'], []])
})
