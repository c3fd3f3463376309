import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { serve } from '../host/api.ts'
import { documentSet } from '../host/document-set.ts'
import { standingOf } from './in-force.ts'
import { setOf } from './testing.ts'

const text = 'apiVersion: bulkhead.dev/v1\nkind: Enclave\nmetadata: {name: a}\nspec: {}\n'
const applied = { ...documentSet('/set', [{ path: 'a.yaml', absolute: '/set/a.yaml', text }]), at: '2026-11-22T10:00:00.000Z' }

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-standing-'))
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('documents whose text was changed behind the agent are not told as those in force', () => inFolder(async (folder) => {
  writeFileSync(join(folder, 'applied.json'), JSON.stringify({ ...applied, files: [{ path: 'a.yaml', absolute: '/set/a.yaml', text: text.replace('name: a', 'name: b') }] }), { mode: 0o600 })
  await assert.rejects(standingOf(folder, undefined), (error) => isFault(error) && error.code === 'state-unreadable')
  const asked = await standingOf(folder, setOf(text, 0))
  assert.equal(asked?.at, undefined)
  assert.match(asked?.unseen[0] ?? '', /^the documents in force cannot be read: .*is damaged$/)
}))

test('what an agent enforces is not taken from files that tell of something else', () => inFolder(async (folder) => {
  writeFileSync(join(folder, 'applied.json'), JSON.stringify(applied), { mode: 0o600 })
  for (const [sha256, same] of [[applied.sha256, true], ['f', false]] as const) {
    const server = await serve(folder, { '/status': () => Promise.resolve({ documents: { directory: '/set', sha256, files: 1 }, enforced: true }) })
    const told = await standingOf(folder, undefined)
    await server.close()
    assert.deepEqual([told?.at, told?.agent === undefined, told?.unseen.includes('the agent enforces other documents than the state folder tells of')], [same ? applied.at : undefined, !same, !same])
  }
}))
