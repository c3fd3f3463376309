import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { catalogueEntry, errorCodes } from './catalogue.ts'
import { errorsPage } from './errors-page.ts'

test('docs/errors.md is the catalogue: run `npm run docs` after a change of it', () => {
  assert.equal(readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8'), errorsPage())
})

test('every code is a slug with a title, a reason and a way out', () => {
  for (const code of errorCodes()) {
    assert.match(code, /^[a-z0-9]+(-[a-z0-9]+)*$/)
    const { title, why, fix } = catalogueEntry(code)
    assert.match(title, /^[a-z].*[^.]$/, code)
    assert.match(why, /^[A-Z`].*\.$/, code)
    assert.match(fix, /^[A-Z].*\.$/, code)
  }
})

test('every code is used somewhere', () => {
  const root = new URL('../', import.meta.url).pathname
  const sources = globSync('**/*.ts', { cwd: root }).filter((f) => !f.endsWith('.test.ts') && !f.startsWith('base/catalogue'))
  const text = sources.map((f) => readFileSync(root + f, 'utf8')).join('\n')
  assert.deepEqual(errorCodes().filter((code) => !text.includes(`'${code}'`)), [])
})

test('no code stands in two files of the catalogue', () => {
  const folder = new URL('catalogue/', import.meta.url).pathname
  const codes = globSync('*.ts', { cwd: folder }).flatMap((f) => Array.from(readFileSync(folder + f, 'utf8').matchAll(/^ {2}'([a-z0-9-]+)': \{$/gm), ([, code]) => code))
  assert.deepEqual(codes.sort(), errorCodes())
})
