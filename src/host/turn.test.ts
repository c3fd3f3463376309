import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { start } from '../base/process.ts'
import { withTurn } from './turn.ts'

function folder(t: { after: (done: () => void) => void }): string {
  const made = mkdtempSync(`${tmpdir()}/bulkhead-turn-`)
  t.after(() => rmSync(made, { recursive: true, force: true }))
  return made
}

test('two commands that change an instance never overlap', async (t) => {
  const instance = { name: 'a', folder: folder(t) }
  let inside = 0
  let most = 0
  const waited: string[] = []
  const command = (what: string): Promise<void> =>
    withTurn(instance, { what, onWait: (holder) => void waited.push(holder) }, async () => {
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setTimeout(resolve, 50))
      inside--
    })
  await Promise.all([command('up'), command('apply'), command('down')])
  assert.equal(most, 1)
  assert.ok(waited.some((holder) => /^`bulkhead (up|apply|down)`, process \d+,$/.test(holder)), waited.join())
})

test('whoever waits too long is told for whom', async (t) => {
  const instance = { name: 'a', folder: folder(t) }
  await withTurn(instance, { what: 'up', onWait: () => undefined }, () =>
    assert.rejects(withTurn(instance, { what: 'down', onWait: () => undefined, waitS: 0.1 }, () => Promise.resolve()), /`bulkhead up`, process \d+, is still changing `a`/))
})

test('a command that is killed gives its turn back', async (t) => {
  const instance = { name: 'a', folder: folder(t) }
  const script = `
import { withTurn } from ${JSON.stringify(new URL('turn.ts', import.meta.url).href)}
await withTurn(${JSON.stringify(instance)}, { what: 'up', onWait: () => undefined }, async () => { console.log('mine'); await new Promise((r) => setTimeout(r, 60000)) })`
  const other = start([process.execPath, '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  assert.ok(other.stdout)
  await once(other.stdout, 'data')
  other.kill('SIGKILL')
  await withTurn(instance, { what: 'down', onWait: () => undefined, waitS: 5 }, () => Promise.resolve())
})

test('an instance that was never there needs no turn, and gets no folder', async () => {
  assert.equal(await withTurn({ name: 'a', folder: '/nonexistent-folder' }, { what: 'down', onWait: () => undefined }, () => Promise.resolve(7)), 7)
})
