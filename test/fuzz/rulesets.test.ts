import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fingerprint } from '../../src/host/ruleset-state.ts'
import { guarded } from '../kernel/lib/guarded.ts'
import { openListing, read } from '../kernel/lib/reading.ts'
import { fuzz, mutant, mutantValue } from './mutants.ts'

test('damaged listings of a ruleset are answered, and nothing throws', async () => {
  const listing = await openListing()
  const ruleset = await listing.list(guarded()).finally(listing.close)
  assert.deepEqual(read(ruleset).unreadable, [])
  fuzz(mutantValue([ruleset]), 250, (value) => {
    const { paths } = read(value)
    assert.ok(Array.isArray(paths))
    if (typeof value === 'object' && value !== null) fingerprint(value)
  })
  fuzz(mutant([JSON.stringify(ruleset)]), 200, (text) => {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return
    }
    read(value)
  })
})
