import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findEnvoy } from './binary.ts'
import type { TestContext } from 'node:test'

/** A project in which Envoy was fetched, and a folder of PATH with another one. */
function machine(t: TestContext): { readonly project: string; readonly own: string; readonly system: string; readonly path: string } {
  const base = mkdtempSync(join(tmpdir(), 'bulkhead-binary-'))
  t.after(() => rmSync(base, { recursive: true, force: true }))
  const [project, path] = [join(base, 'project'), join(base, 'bin')]
  for (const folder of [join(project, '.envoy'), join(project, 'bin'), path]) mkdirSync(folder, { recursive: true })
  for (const file of ['.envoy/requirements.txt', 'bin/envoy-requirements.txt']) writeFileSync(join(project, file), 'pins')
  const [own, system] = [join(project, '.envoy/envoy'), join(path, 'envoy')]
  for (const file of [own, system]) writeFileSync(file, '', { mode: 0o755 })
  return { project, own, system, path }
}

test('Envoy is what $ENVOY names, else what setup fetched, else what PATH has', (t) => {
  const { project, own, system, path } = machine(t)
  assert.equal(findEnvoy({ ENVOY: system, PATH: '' }, project), system)
  assert.equal(findEnvoy({ PATH: path }, project), own)
  rmSync(own)
  assert.equal(findEnvoy({ PATH: `/nowhere:${path}` }, project), system)
  assert.equal(findEnvoy({ PATH: '/nowhere' }, project), undefined)
  assert.equal(findEnvoy({}, project), undefined)
})

test('a $ENVOY that cannot be run is no reason to run another', (t) => {
  const { project, system, path } = machine(t)
  chmodSync(system, 0o644)
  assert.equal(findEnvoy({ ENVOY: join(path, 'other') }, project), undefined)
  assert.equal(findEnvoy({ ENVOY: path }, project), undefined)
})

test('an Envoy that was fetched by other pins does not count', (t) => {
  const { project, system, path } = machine(t)
  writeFileSync(join(project, '.envoy/requirements.txt'), 'older pins')
  assert.equal(findEnvoy({ PATH: path }, project), system)
})
