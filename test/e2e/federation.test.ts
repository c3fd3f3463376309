/** Two sites find, copy and replace each other, and nothing of them is left. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { run } from '../../src/base/process.ts'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { networkTraces, processesOf } from './traces.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const skip = findEnvoy() === undefined ? 'no envoy' : false

for (const name of ['north', 'south']) {
  test(`examples/federation/${name} has no problems, and its guardrails and tests hold`, async () => {
    const { code, stdout, stderr } = await run([join(repository, 'bin/bulkhead'), 'check', join(repository, 'examples/federation', name)])
    assert.equal(code, 0, `${stdout}${stderr}`)
  })
}

test('two sites with authorities of their own copy and replace each other, and leave no trace', { skip }, async () => {
  const state = mkdtempSync(join(tmpdir(), 'bulkhead-federation-test-'))
  const before = await networkTraces()
  const { code, stdout, stderr } = await run([process.execPath, join(repository, 'examples/federation/demo.ts')], {
    env: { ...process.env, TMPDIR: state }, timeoutMs: 300_000,
  })
  assert.equal(code, 0, `${stdout}${stderr}`)
  assert.doesNotMatch(stdout, /NOT AS IT SHOULD BE/)
  assert.match(stdout, /All as it should be/)
  assert.deepEqual(await networkTraces(), before)
  assert.deepEqual(processesOf(state), [])
  assert.deepEqual(readdirSync(state).filter((entry) => entry !== 'node-compile-cache'), [])
  rmSync(state, { recursive: true })
})
