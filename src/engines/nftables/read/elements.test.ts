import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { coversAll, findElements, indexElements } from './elements.ts'
import { isWithin, one, overlaps, span, union } from './values.ts'
import type { Element } from './elements.ts'

const value = fc.integer({ min: 0, max: 12 }).map(BigInt)
const range = fc.tuple(value, value).map(([a, b]) => span(a < b ? a : b, a < b ? b : a))
const component = fc.oneof(value.map(one), range)
const asked = fc.oneof(component, fc.array(range, { minLength: 1, maxLength: 3 }).map(union))
const elements = fc.array(fc.tuple(component, component, component).map((key): Element => ({ key, data: undefined, expires: undefined })), { maxLength: 40 })

test('the index finds exactly the elements that a walk over all of them finds', () => {
  fc.assert(
    fc.property(elements, fc.tuple(asked, asked, asked), (list, components) => {
      const index = indexElements('set', 3, list, undefined, false)
      const found = new Set(findElements(index, components))
      const walked = list.filter((element) => element.key.every((set, i) => overlaps(set, components[i] ?? [])))
      assert.deepEqual([...found].length, walked.length)
      for (const element of walked) assert.ok(found.has(element))
    }),
    { numRuns: 1_000 },
  )
})

test('an element covers what lies within it, component by component', () => {
  fc.assert(
    fc.property(fc.tuple(component, component), fc.tuple(asked, asked), (key, components) => {
      assert.equal(coversAll({ key, data: undefined, expires: undefined }, components), components.every((set, i) => isWithin(set, key[i] ?? [])))
    }),
  )
})
