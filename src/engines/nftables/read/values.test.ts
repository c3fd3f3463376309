import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { everything, holds, intersect, isWithin, overlaps, single, span, subtract, union } from './values.ts'
import type { Values } from './values.ts'

const width = 6
const domain = Array.from({ length: 1 << width }, (_, i) => BigInt(i))
const sets = fc.array(fc.tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 0, max: 63 })), { maxLength: 12 }).map((ranges) =>
  union(ranges.map(([a, b]) => span(BigInt(Math.min(a, b)), BigInt(Math.max(a, b))))))
const members = (set: Values): readonly bigint[] => domain.filter((value) => set.some((first, i) => i % 2 === 0 && first <= value && value <= (set[i + 1] ?? -1n)))

test('sets of ranges obey the algebra of sets', () => {
  fc.assert(
    fc.property(sets, sets, (a, b) => {
      const [inA, inB] = [new Set(members(a)), new Set(members(b))]
      assert.deepEqual(members(intersect(a, b)), [...inA].filter((value) => inB.has(value)))
      assert.deepEqual(members(subtract(a, b)), [...inA].filter((value) => !inB.has(value)))
      assert.deepEqual(members(union([a, b])), domain.filter((value) => inA.has(value) || inB.has(value)))
      assert.equal(isWithin(a, b), [...inA].every((value) => inB.has(value)))
      assert.equal(overlaps(a, b), [...inA].some((value) => inB.has(value)))
      assert.equal(single(a) !== undefined, inA.size === 1)
      assert.deepEqual(domain.filter((value) => holds(a, value)), [...inA])
    }),
    { numRuns: 2_000 },
  )
})

test('one set has one form, whichever way it was made', () => {
  fc.assert(
    fc.property(sets, sets, (a, b) => {
      assert.deepEqual(union([subtract(a, b), intersect(a, b)]), a.slice())
      assert.deepEqual(subtract(everything(width), subtract(everything(width), a)), a.slice())
    }),
  )
})

test('a few values within thousands of ranges are found as well as many', () => {
  const large = union(Array.from({ length: 5_000 }, (_, i) => span(BigInt(4 * i), BigInt(4 * i + 1))))
  const small = union([span(3n, 9n), span(10_001n, 10_001n), span(19_999n, 30_000n)])
  const walked: bigint[] = []
  for (let value = 0n; value <= 30_000n; value++) if (holds(large, value) && holds(small, value)) walked.push(value)
  const found = intersect(small, large)
  assert.deepEqual(found, intersect(large, small))
  assert.deepEqual(walked.filter((value) => holds(found, value)).length, walked.length)
  assert.deepEqual(subtract(found, large), [])
})
