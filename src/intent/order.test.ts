import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { endNumbers, numberEnds } from './end-numbers.ts'
import { formatEnd } from './format.ts'
import { comparePaths, sortPaths } from './order.ts'
import type { Path, PathEnd } from './intent.ts'

/** Ends of all kinds, few enough that pairs repeat; each a fresh object, as two builders would make it. */
const end = fc.oneof(
  fc.constantFrom('a/x', 'a/y', 'b/x', 'a/x-1').map((workload): PathEnd => ({ kind: 'workload', workload: workload as `${string}/${string}` })),
  fc.constantFrom('m', 'n').map((external): PathEnd => ({ kind: 'external', external })),
  fc.constantFrom('*', 'w').map((workload): PathEnd => ({ kind: 'peer', peer: 'p', enclave: 'e', workload })),
)
const path = fc.record({ source: end, destination: end, protocol: fc.constantFrom('tcp', 'udp'), port: fc.integer({ min: 1, max: 3 }), line: fc.integer({ min: 1, max: 3 }) }).map(
  ({ source, destination, protocol, port, line }): Path => ({
    kind: 'service', source, destination, protocol, ports: [{ from: port, to: port }], phases: ['running'], expires: undefined, via: { kind: 'direct' },
    origin: [{ document: 'ServicePolicy a/p', at: { file: 'a.yaml', line, column: 1 } }],
  }),
)

test('sorting by counting gives the order that comparing gives, and leaves equal paths as they came', () => {
  fc.assert(fc.property(fc.array(path, { maxLength: 40 }), (paths) => {
    const sorted = sortPaths(paths)
    assert.equal(sorted.length, paths.length)
    for (const [i, one] of paths.toSorted(comparePaths).entries()) assert.equal(sorted[i], one)
  }))
})

test('the numbers of ends that sorting leaves behind are those of the sorted list', () => {
  fc.assert(fc.property(fc.array(path, { maxLength: 40 }), (paths) => {
    const sorted = sortPaths(paths)
    const { texts, sources, destinations, numberOf } = endNumbers(sorted)
    assert.deepEqual([...texts], [...texts].sort())
    assert.deepEqual([...sources], [...numberEnds(sorted).sources])
    for (const [i, one] of sorted.entries()) {
      assert.equal(texts[sources[i] ?? -1], formatEnd(one.source))
      assert.equal(destinations[i], numberOf(formatEnd(one.destination)))
    }
  }))
})
