import assert from 'node:assert/strict'
import { test } from 'node:test'
import { csvTable } from './table.ts'

test('no field of a spreadsheet is a formula, and none drives a terminal', () => {
  for (const field of ['=1+1', '+1', '-1', '@x', ' =1+1', '\u00a0=1+1', '\uff1d1+1']) assert.equal(csvTable([[field]]), `'${field}\r\n`)
  assert.equal(csvTable([['\n=1+1']]), '"\'\n=1+1"\r\n')
  assert.equal(csvTable([['\t=1+1', 'a\u001b[31mb\r']]), '\\t=1+1,a\\u{1b}[31mb\\r\r\n')
  assert.equal(csvTable([['a=b', 'x, "y"', 'two\nlines', '']]), 'a=b,"x, ""y""","two\nlines",\r\n')
})
