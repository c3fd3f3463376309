/** The demonstration ends well by itself and leaves nothing, and an interrupt leaves nothing either. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { run, start } from '../../src/base/process.ts'
import { livingIn, networkTraces, networksOf, processesOf } from './traces.ts'

const demo = fileURLToPath(new URL('../../bin/demo', import.meta.url))

test('the demonstration shows everything as it should be and takes it down again', async () => {
  const { state, env } = place()
  const before = await networkTraces()
  const { code, stdout, stderr } = await run([demo, '--once'], { env, timeoutMs: 900_000 })
  assert.equal(code, 0, `${stdout}${stderr}`)
  assert.match(stdout, /0 mismatches/)
  assert.doesNotMatch(stdout, /NOT AS IT SHOULD BE/)
  assert.deepEqual(await networkTraces(), before)
  assert.deepEqual(processesOf(state), [])
  assert.deepEqual(leftIn(state), [])
  rmSync(state, { recursive: true })
})

test('an interrupted demonstration leaves nothing behind', async () => {
  const { state, env } = place()
  const before = await networkTraces()
  const child = start([demo], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = new Promise<number | null>((done) => child.once('exit', (code) => done(code)))
  let said = ''
  let inside: ReadonlySet<string> = new Set()
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk)
    if (inside.size > 0 || !said.includes('both workspaces work')) continue
    inside = networksOf(processesOf(state))
    child.kill('SIGINT')
  }
  assert.equal(await exit, 130, said)
  assert.ok(inside.size > 0, said)
  assert.deepEqual(livingIn(inside), [])
  assert.deepEqual(processesOf(state), [])
  assert.deepEqual(await networkTraces(), before)
  assert.deepEqual(leftIn(state), [])
  rmSync(state, { recursive: true })
})

test('a demonstration whose reader has gone takes everything down too', async () => {
  const { state, env } = place()
  const child = start([demo], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const exit = new Promise((done) => child.once('exit', done))
  let inside: ReadonlySet<string> = new Set()
  for await (const chunk of child.stdout ?? []) {
    if (!String(chunk).includes('everything else is closed')) continue
    inside = networksOf(processesOf(state))
    break
  }
  await exit
  assert.ok(inside.size > 0)
  assert.deepEqual(livingIn(inside), [])
  assert.deepEqual(leftIn(state), [])
  rmSync(state, { recursive: true })
})

/** State and temporary files of one run, in a folder of its own. */
function place(): { readonly state: string; readonly env: NodeJS.ProcessEnv } {
  const state = mkdtempSync(join(tmpdir(), 'bulkhead-demo-test-'))
  return { state, env: { ...process.env, BULKHEAD_STATE: state, TMPDIR: state } }
}

function leftIn(state: string): readonly string[] {
  // Node keeps compiled code in the temporary folder; it belongs to no instance.
  return readdirSync(state).filter((entry) => entry !== 'node-compile-cache')
}
