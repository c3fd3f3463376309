import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../intent/compile.ts'
import { flow, platformOf, service, workload } from '../model/testing.ts'
import { diff } from './diff.ts'
import { diffText } from './diff-text.ts'
import { explain } from './explain.ts'
import { matrix } from './matrix.ts'
import { matrixText } from './matrix-text.ts'
import type { ServicePolicy } from '../model/platform.ts'

function set(...servicePolicies: readonly ServicePolicy[]) {
  const bus = workload('e/bus', { broker: 'nats', ports: [{ name: 'nats', port: 4222, protocol: 'tcp' }] })
  const platform = platformOf({ workloads: [bus, workload('e/a'), workload('e/b')], servicePolicies })
  return { platform, intent: compile(platform).intent }
}

const lines = (before: ReturnType<typeof set>, after: ReturnType<typeof set>): readonly string[] => diffText(diff(before, after, 0)).trimEnd().split('\n').map((line) => line.trim())

test('matrix and explanation show the subjects', () => {
  const { platform, intent } = set(service('e/p', 'e/a', 'e/bus', 'nats orders.*,audit control.>'))
  assert.equal(matrixText(matrix(intent, 0)).split('\n')[1], 'e/a     e/bus        tcp 4222  broker, publish audit orders.*, subscribe control.>  ServicePolicy e/p (test.yaml:1)')
  const { verdict, paths } = explain(platform, intent, flow('e/a -> e/bus tcp 4222'), 0)
  assert.deepEqual([verdict, paths.map(({ traffic, via }) => [traffic, via])], ['allow', [['tcp 4222', 'broker, publish audit orders.*, subscribe control.>']]])
})

test('a diff tells which subjects are won and lost, and that a narrower pattern is none of either', () => {
  const wide = set(service('e/p', 'e/a', 'e/bus', 'nats orders.> -'))
  const narrow = set(service('e/p', 'e/a', 'e/bus', 'nats orders.* -'))
  const both = set(service('e/p', 'e/a', 'e/bus', 'nats orders.>,orders.* -'))
  const tcp = set(service('e/p', 'e/a', 'e/bus', 'tcp nats'))
  assert.match(lines(set(), wide).join('\n'), /e\/a -> e\/bus.*publish orders\.>/)
  assert.equal(diff(narrow, wide, 0).changes[0]?.kind, 'widened')
  assert.equal(diff(wide, narrow, 0).changes[0]?.kind, 'narrowed')
  assert.deepEqual(diff(wide, both, 0).changes, [])
  // Who may connect may not thereby speak, and the other way round.
  assert.deepEqual(diff(tcp, wide, 0).changes.map(({ kind }) => kind).sort(), ['narrowed', 'widened'])
})
