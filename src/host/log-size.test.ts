import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { boundLogs } from './log-size.ts'

test('a log that grew too large is kept once and begun anew, others are left alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-logs-'))
  try {
    mkdirSync(join(folder, 'log'))
    const large = join(folder, 'log', 'lab.chatty.0.log')
    const small = join(folder, 'log', 'lab.quiet.0.log')
    appendFileSync(large, 'x'.repeat(101))
    appendFileSync(small, 'x'.repeat(100))
    boundLogs(folder, 100)
    assert.equal(statSync(large).size, 0)
    assert.equal(readFileSync(`${large}.1`, 'utf8').length, 101)
    assert.equal(statSync(small).size, 100)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
