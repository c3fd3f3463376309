import assert from 'node:assert/strict'
import { mkdtempSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask, isReady } from './admin.ts'

test('who answers at a socket now is asked, not who answered under its name before', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-admin-'))
  const servers = await Promise.all(['one', 'two'].map(async (name) => {
    mkdirSync(join(folder, name))
    const server = createServer((_, response) => response.end(name))
    await new Promise<void>((done) => void server.listen(join(folder, name, 'admin.sock'), done))
    return server
  }))
  try {
    for (const name of ['one', 'two', 'one']) {
      rmSync(join(folder, 'now'), { force: true })
      symlinkSync(name, join(folder, 'now'))
      assert.equal(await ask(join(folder, 'now', 'admin.sock'), '/'), name)
    }
    assert.equal(await isReady(join(folder, 'now', 'admin.sock')), false)
    assert.equal(await isReady(join(folder, 'nobody.sock')), false)
  } finally {
    for (const server of servers) server.close()
    rmSync(folder, { recursive: true })
  }
})
