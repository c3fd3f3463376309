import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration } from './duration.ts'

test('a time span is written in the units that nft reads', () => {
  assert.equal(formatDuration(1), '1ms')
  assert.equal(formatDuration(1000), '1s')
  assert.equal(formatDuration(93_784_500), '1d2h3m4s500ms')
  assert.equal(formatDuration(3650 * 86_400_000), '3650d')
})
