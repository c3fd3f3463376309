import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../src/base/process.ts'
import { times } from './length.ts'

const root = join(import.meta.dirname, '../..')

for (const file of globSync('test/fuzz/*.test.ts', { cwd: root }).sort()) {
  test(`fifty times as many damaged inputs: ${file}`, async () => {
    const env = { ...process.env, BULKHEAD_RUNS: String(times(50)), NODE_TEST_CONTEXT: undefined }
    const { code, stdout } = await run([process.execPath, '--import', join(root, 'test/support/chance.ts'), '--test', join(root, file)], { env, timeoutMs: 30 * 60_000 })
    assert.equal(code, 0, stdout.slice(-8_000))
  })
}
