import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accepted, doc } from '../model/testing/set.ts'
import { whyElsewhere } from './belongs.ts'

const set = accepted([
  doc('Stack', 'name: main', '{layers: [app, database]}'), doc('Environment', 'name: main', '{stack: main}'), doc('IsolationSegment', 'name: s', '{instances: 9, instanceType: t}'),
  doc('Enclave', 'name: e', '{environment: main}'), doc('Workload', 'name: api, enclave: e', '{layer: app, segment: s}'), doc('Workload', 'name: loose, enclave: e'),
  doc('Host', 'name: right', '{stack: main, segment: s, layer: app}'), doc('Host', 'name: any', '{stack: main, segment: s}'), doc('Host', 'name: store', '{stack: main, segment: s, layer: database}'),
  doc('Host', 'name: plain', '{stack: main}'), doc('Host', 'name: apart', '{segment: s}'),
].join(''))

function why(workload: 'e/api' | 'e/loose', host: string): string | undefined {
  const [w, h] = [set.workloads.get(workload), set.hosts.get(host)]
  assert.ok(w && h)
  return whyElsewhere(set, w, h)
}

test('a workload belongs on hosts of its stack, its segment and, where the host names one, its layer', () => {
  assert.deepEqual([why('e/api', 'right'), why('e/api', 'any'), why('e/loose', 'plain')], [undefined, undefined, undefined])
  assert.equal(why('e/api', 'store'), 'the host is of layer `database` and the workload of layer `app`')
  assert.equal(why('e/api', 'plain'), 'the host is of no segment and the workload of segment `s`')
  assert.equal(why('e/loose', 'any'), 'the host is of segment `s` and the workload of no segment')
  assert.equal(why('e/api', 'apart'), 'the host is of stack `default` and the workload of `main`')
})
