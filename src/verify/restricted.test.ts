import assert from 'node:assert/strict'
import { test } from 'node:test'
import { egress, external, place, platformOf, workload } from '../model/testing.ts'
import { referenceDecide } from './reference.ts'
import { flow } from './testing/flow-text.ts'

test('a restricted segment ends at its stack whatever a policy says, in running and task, and staging leaves it', () => {
  const at = place()
  const of = (...cidrs: readonly string[]) => external('', cidrs).cidrs
  const platform = platformOf({
    workloads: [workload('a/held', { segment: 'sealed' }), workload('a/free')],
    externals: [external('inside', ['172.16.4.0/24']), external('world', ['203.0.113.0/24']), external('named', ['pypi.org'])],
    stacks: new Map([['default', { kind: 'Stack', name: 'default', tenancy: 'shared', cidrs: of('172.16.0.0/16'), peeredCidrs: of('172.20.0.0/16'), layers: [], layerHosts: 'shared', account: undefined, at }]]),
    segments: new Map([['sealed', { kind: 'IsolationSegment', name: 'sealed', instances: 1, instanceType: 'm', egress: 'restricted', entitled: undefined, replicasPerInstance: 1, at }]]),
    egressPolicies: [egress('a/p', ['a/held', 'a/free'], ['external:inside', 'external:world', 'external:named'], 'tcp 443')],
  })
  const verdicts = (source: string, phase = '') =>
    ['172.16.4.1', '203.0.113.1', 'pypi.org', 'external:inside', 'external:world', 'external:named'].map((end) => referenceDecide(platform, flow(`${source} > ${end} tcp 443${phase}`), 0)[0]).join('')
  assert.deepEqual([verdicts('a/free'), verdicts('a/held'), verdicts('a/held', ' task'), verdicts('a/held', ' staging')], ['aaaaaa', 'addadd', 'addadd', 'aaaaaa'])
})
