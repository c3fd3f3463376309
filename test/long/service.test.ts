import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { run } from '../../src/base/process.ts'

test('systemd itself finds nothing wrong with the unit', async (t) => {
  const at = mkdtempSync(join(tmpdir(), 'bulkhead-unit-'))
  t.after(() => rmSync(at, { recursive: true, force: true }))
  await run([resolve(import.meta.dirname, '../../packaging/install'), '--root', at])
  const { code, stdout, stderr } = await run(['systemd-analyze', 'verify', join(at, 'etc/systemd/system/bulkhead.service')])
  assert.deepEqual([code, stdout, stderr], [0, '', ''])
})
