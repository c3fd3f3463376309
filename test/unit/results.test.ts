import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notes, recorded } from '../../bench/lib/results.ts'

const page = `# Figures\n\nHead.\n\n## a\n\nold\n\n${notes}\n\nWritten by hand.\n\n### and more\n\n## b\n\nother\n`

test('figures that are recorded again keep what people wrote about them', () => {
  const again = recorded(page, 'a', '## a\n\nnew')
  assert.equal(again, page.replace('old', 'new'))
  assert.equal(recorded(again, 'a', '## a\n\nnew'), again)
})

test('a benchmark without notes, and a new one, are sections in the order of their names', () => {
  assert.equal(recorded(page, 'b', '## b\n\nnew'), page.replace('other', 'new'))
  assert.match(recorded(page, 'aa', '## aa\n\nnew'), /### and more\n\n## aa\n\nnew\n\n## b/)
})
