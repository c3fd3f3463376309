import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readingText } from './reading-text.ts'

test('a table that differs is narrower or wider than the documents, and an equal one is equal to them', () => {
  assert.deepEqual((['equal', 'narrower', 'wider', 'unreadable'] as const).map(readingText), [
    'equal to the documents', 'narrower than the documents', 'wider than the documents', 'not readable',
  ])
})
