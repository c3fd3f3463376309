import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seedOf } from './seed.ts'

test('a seed is a whole number of 32 bits, or left to chance', () => {
  assert.deepEqual(['0', '-7', '2147483647', '-2147483648'].map(seedOf), [0, -7, 2147483647, -2147483648])
  const fresh = [undefined, 'random', 'random'].map(seedOf)
  assert.equal(new Set(fresh).size, 3)
  assert.deepEqual(fresh.map(String).map(seedOf), fresh)
})

test('what is no seed is refused by name', () => {
  for (const text of ['', ' 1', 'one', '1.5', '1e3', '2147483648', '-2147483649']) {
    assert.throws(() => seedOf(text), { message: `BULKHEAD_SEED is \`${text}\`, not \`random\` or a whole number from -2147483648 to 2147483647` })
  }
})
