import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../base/process.ts'
import { replaceFile, settleFile } from './durable.ts'

test('a file is replaced as a whole', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-durable-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'a.json')
  replaceFile(path, 'a longer text')
  replaceFile(path, 'short')
  settleFile(path)
  assert.equal(readFileSync(path, 'utf8'), 'short')
})

test('where no folder is, the fault says what cannot be written', () => {
  assert.throws(() => replaceFile('/nonexistent-folder/a.json', 'x'), /`\/nonexistent-folder\/a\.json` cannot be written/)
})

/** In namespaces of its own, on a disk of 256 KiB that somebody else fills to the last byte after the first write. */
async function onFullDisk(steps: string): Promise<string> {
  const script = `
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { replaceFile } from ${JSON.stringify(new URL('durable.ts', import.meta.url).href)}
const path = '/mnt/a.json'
const fill = () => { try { execFileSync('sh', ['-c', 'cat /dev/zero >>/mnt/filler'], { stdio: 'ignore' }) } catch {} }
${steps}`
  const shell = 'mount -t tmpfs -o size=256k tmpfs /mnt && exec "$0" --input-type=module -e "$1"'
  const { stdout, stderr, code } = await run(['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', shell, process.execPath, script])
  assert.equal(code, 0, stderr)
  return stdout
}

test('a full disk does not keep the next text from being written, also a longer one', async () => {
  const said = await onFullDisk(`
replaceFile(path, 'a'.repeat(1000))
fill()
replaceFile(path, 'b'.repeat(3000))
console.log(readFileSync(path, 'utf8') === 'b'.repeat(3000))`)
  assert.equal(said, 'true\n')
})

test('a text that a full disk cannot take leaves the old one as it was', async () => {
  const said = await onFullDisk(`
replaceFile(path, 'a'.repeat(1000))
fill()
try { replaceFile(path, 'b'.repeat(90000)) } catch (e) { console.log(e.code) }
console.log(readFileSync(path, 'utf8') === 'a'.repeat(1000))`)
  assert.equal(said, 'state-unwritable\ntrue\n')
})
