import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../intent/compile.ts'
import { flow, place, platformOf, scope, service, workload } from '../model/testing.ts'
import { checkSet } from './check.ts'
import type { Platform } from '../model/platform.ts'

const platform = platformOf({
  workloads: [workload('a/x'), workload('a/y')],
  servicePolicies: [service('a/p', 'a/x', 'a/y', 'tcp 80', { expires: 1000 })],
})

function check(parts: Partial<Platform>, now = 0): readonly string[] {
  const set = { ...platform, ...parts }
  return checkSet(set, compile(set).intent, now).map((d) => `${d.at.line}: ${d.severity} ${d.code}: ${d.message}`)
}

const tests: Platform['policyTests'] = [
  {
    kind: 'PolicyTest', name: 't', at: place(1),
    cases: [
      { expect: 'allow', flow: flow('a/x -> a/y tcp 80'), at: place(2) },
      { expect: 'deny', flow: flow('a/x -> a/y tcp 81'), at: place(3) },
      { expect: 'deny', flow: flow('a/x -> a/y tcp 80 in task'), at: place(4) },
    ],
  },
]

test('a set without guardrails and tests has nothing to break', () => {
  assert.deepEqual(check({}), [])
})

test('a case that comes out as expected says nothing, and one that does not says why', () => {
  assert.deepEqual(check({ policyTests: tests }), [
    '4: error policy-test-failed: policy test `t` expects `a/x` to `a/y` on tcp 80 in task to be denied, but it is allowed by ServicePolicy a/p (test.yaml:1)',
  ])
})

test('cases are judged at the instant given', () => {
  assert.deepEqual(check({ policyTests: tests }, 1000), [
    '2: error policy-test-failed: policy test `t` expects `a/x` to `a/y` on tcp 80 to be allowed, but it is denied: ' +
      'no policy opens `a/x` to `a/y` on tcp 80; nearest: ServicePolicy a/p (test.yaml:1), but it `expires` at 1970-01-01T00:00:01.000Z, which has passed',
  ])
})

test('guardrails and tests are reported together, by place', () => {
  const found = check({
    policyTests: tests,
    guardrails: [{ kind: 'Guardrail', name: 'g', at: place(3), assert: 'never', source: [scope('a/x')], destination: [scope('*')] }],
  })
  assert.deepEqual(found.map((line) => line.split(' ')[2]), ['guardrail-broken:', 'policy-test-failed:'])
})
