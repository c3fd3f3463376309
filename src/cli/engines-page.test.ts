import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { enginesPage } from './engines-page.ts'

test('docs/engines.md is what the engines say of themselves: run `npm run docs` after a change of it', () => {
  assert.equal(readFileSync(new URL('../../docs/engines.md', import.meta.url), 'utf8'), enginesPage())
})

test('every engine names something that it carries and something that it refuses', () => {
  for (const section of enginesPage().split('\n## ').slice(1)) {
    assert.match(section, /\| yes \| \S/, section)
    assert.match(section, /\| no \| \S/, section)
  }
})
