import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createKeySetLook, readKeySets } from './key-sets.ts'
import { plainProxy } from '../../model/ingress-proxy.ts'
import type { Intent } from '../../intent/intent.ts'

const at = { file: 'a.yaml', line: 1, column: 1 }

function intentWith(file: string): Intent {
  const authentication = { kind: 'jwt', issuer: 'https://issuer.example', audiences: ['x'], jwks: { kind: 'file', file }, claims: [] } as const
  return {
    kind: 'intent',
    paths: [{
      kind: 'ingress', source: { kind: 'external', external: 'world' }, destination: { kind: 'workload', workload: 'lab/web' }, protocol: 'tcp', ports: [{ from: 80, to: 80 }], phases: ['running'], expires: undefined,
      via: { kind: 'proxy', hosts: ['www.example'], authentication: 'jwt', proxy: plainProxy(['www.example'], authentication) }, origin: [{ document: 'IngressPolicy lab/web', at }],
    }],
  }
}

test('a key set that stays another for two looks is another; one that is being written, or is the same, is not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-keys-'))
  try {
    const file = join(folder, 'keys.json')
    const intent = intentWith(file)
    writeFileSync(file, 'one')
    const used = readKeySets(intent)
    assert.deepEqual([...used], [[file, 'one']])
    const changed = createKeySetLook()
    const looks = (text?: string): boolean => {
      if (text !== undefined) writeFileSync(file, text)
      return changed(intent, used)
    }
    assert.deepEqual([looks(), looks(), looks('tw'), looks('two'), looks()], [false, false, false, false, true])
    assert.deepEqual([looks('one'), looks()], [false, false])
    rmSync(file)
    assert.deepEqual([looks(), looks()], [false, true], 'one that is gone is another too')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
