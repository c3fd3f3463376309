import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ports, portSets } from './arbitraries.ts'
import { allPorts, formatPorts, hasPort, intersectPorts, isAllPorts, noPorts, portSet, subtractPorts, unionPorts } from './ports.ts'

test('union, intersection and difference mean what they mean for every port', () => {
  fc.assert(
    fc.property(portSets, portSets, ports, (a, b, port) => {
      assert.equal(hasPort(unionPorts(a, b), port), hasPort(a, port) || hasPort(b, port))
      assert.equal(hasPort(intersectPorts(a, b), port), hasPort(a, port) && hasPort(b, port))
      assert.equal(hasPort(subtractPorts(a, b), port), hasPort(a, port) && !hasPort(b, port))
    }),
  )
})

test('equal sets have one form, so the laws of sets hold as equalities', () => {
  fc.assert(
    fc.property(portSets, portSets, portSets, (a, b, c) => {
      assert.deepEqual(unionPorts(a, b), unionPorts(b, a))
      assert.deepEqual(intersectPorts(a, unionPorts(b, c)), unionPorts(intersectPorts(a, b), intersectPorts(a, c)))
      assert.deepEqual(subtractPorts(a, unionPorts(b, c)), intersectPorts(subtractPorts(a, b), subtractPorts(a, c)))
      assert.deepEqual(unionPorts(subtractPorts(a, b), intersectPorts(a, b)), a)
      assert.deepEqual(subtractPorts(allPorts, subtractPorts(allPorts, a)), a)
      assert.deepEqual(intersectPorts(a, allPorts), a)
      assert.deepEqual(subtractPorts(a, a), noPorts)
    }),
  )
})

test('a set that is printed and read again is the same set', () => {
  fc.assert(
    fc.property(portSets, (set) => {
      const text = formatPorts(set)
      const ranges = text === '' ? [] : (text === 'any' ? '1-65535' : text).split(',').map((part) => part.split('-').map(Number))
      assert.deepEqual(portSet(ranges.map(([from = 0, to = from]) => ({ from, to }))), set)
    }),
  )
})

test('neighbouring ports become one range', () => {
  assert.equal(formatPorts(portSet([{ from: 81, to: 81 }, { from: 80, to: 80 }, { from: 443, to: 443 }])), '80-81,443')
})

test('only the whole range is called any', () => {
  assert.ok(isAllPorts(portSet([{ from: 1, to: 100 }, { from: 101, to: 65_535 }])))
  assert.ok(!isAllPorts(portSet([{ from: 2, to: 65_535 }])))
  assert.equal(formatPorts(allPorts), 'any')
})
