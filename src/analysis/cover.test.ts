import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { coverCells } from './cover.ts'
import type { Cell, Product } from './cover.ts'

const cell = (text: string): Cell => {
  const [source = '', destination = '', traffic = ''] = text.split(' ')
  return { source, destination, traffic }
}
const cells = fc.uniqueArray(fc.record({ source: fc.constantFrom('a', 'b', 'c'), destination: fc.constantFrom('x', 'y', 'z'), traffic: fc.constantFrom('1', '2') }), {
  selector: (c) => JSON.stringify(c), maxLength: 8,
})

function held(products: readonly Product[]): ReadonlySet<string> {
  return new Set(products.flatMap((p) => p.sources.flatMap((s) => p.destinations.flatMap((d) => p.traffic.map((t) => `${s} ${d} ${t}`)))))
}

test('one product says what several cells have in common', () => {
  assert.deepEqual(coverCells(['a x 1', 'a x 2', 'b x 1', 'b x 2', 'a y 1', 'a y 2', 'b y 1', 'b y 2'].map(cell)), [{ sources: ['a', 'b'], destinations: ['x', 'y'], traffic: ['1', '2'] }])
  assert.deepEqual(coverCells([]), [])
})

test('products may overlap where that makes them fewer', () => {
  assert.deepEqual(
    coverCells(['a x 1', 'a y 1', 'b y 1', 'b z 1', 'c x 1', 'c y 1', 'c z 1'].map(cell)).map((p) => `${p.sources.join('+')} ${p.destinations.join('+')}`),
    ['a+c x+y', 'b+c y+z'],
  )
})

test('the products hold every cell and nothing else, and no smaller number of products could', () => {
  fc.assert(
    fc.property(cells, (wanted) => {
      const cover = coverCells(wanted)
      assert.deepEqual([...held(cover)].sort(), wanted.map((c) => `${c.source} ${c.destination} ${c.traffic}`).sort())
      assert.equal(cover.length, fewest(wanted))
    }),
    { numRuns: 300, endOnFailure: true },
  )
})

/** Tries every product that fits at all, in every combination, from one upwards. */
function fewest(wanted: readonly Cell[]): number {
  const all = new Set(wanted.map((c) => `${c.source} ${c.destination} ${c.traffic}`))
  const subsets = (items: readonly string[]): readonly (readonly string[])[] => Array.from({ length: 2 ** items.length - 1 }, (_, i) => items.filter((_, bit) => ((i + 1) & (1 << bit)) !== 0))
  const fitting = subsets(['a', 'b', 'c']).flatMap((sources) => subsets(['x', 'y', 'z']).flatMap((destinations) => subsets(['1', '2']).map((traffic) => held([{ sources, destinations, traffic }]))))
    .filter((product) => product.isSubsetOf(all))
  const maximal = fitting.filter((one) => !fitting.some((other) => other.size > one.size && one.isSubsetOf(other)))
  const search = (left: ReadonlySet<string>, budget: number): boolean => {
    const [first] = left
    if (first === undefined) return true
    return budget > 0 && maximal.some((product) => product.has(first) && search(left.difference(product), budget - 1))
  }
  for (let n = 0; ; n++) if (search(all, n)) return n
}
