import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadPlatform } from '../model/load.ts'
import { telemetryUse } from './telemetry-use.ts'

const documents =
  '---\napiVersion: bulkhead.dev/v1\nkind: External\nmetadata: {name: phone}\nspec: {domains: ["*.vendor.example"], telemetry: true}\n' +
  '---\napiVersion: bulkhead.dev/v1\nkind: External\nmetadata: {name: meter}\nspec: {cidrs: [192.0.2.0/24], telemetry: true}\n' +
  '---\napiVersion: bulkhead.dev/v1\nkind: External\nmetadata: {name: plain}\nspec: {domains: [pypi.example.org]}\n'

const record = (more: object): string => JSON.stringify({ kind: 'verdict', time: '2030-01-01T08:00:00.000000Z', count: 1, verdict: 'allow', reason: 'policy', source: { address: '10.128.0.16' }, destination: { address: '203.0.113.1' }, protocol: 'tcp', interfaces: { in: '', out: '' }, probe: false, ...more })

test('connections and bytes are counted for each telemetry External, by name at the gateway and by address in the kernel', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-use-'))
  try {
    writeFileSync(join(folder, 'verdicts.jsonl'), [
      JSON.stringify({ kind: 'session', time: '2030-01-01T07:00:00.000000Z', event: 'started' }),
      record({ gateway: 'outbound', name: 'a.vendor.example', bytes: 100 }),
      record({ gateway: 'outbound', name: 'B.Vendor.Example.:443', bytes: 20, time: '2030-01-01T09:00:00.000000Z' }),
      record({ gateway: 'outbound', name: 'a.vendor.example', verdict: 'deny', bytes: 5000 }),
      record({ gateway: 'outbound', name: 'a.vendor.example', probe: true, bytes: 5000 }),
      record({ gateway: 'outbound', name: 'vendor.example', bytes: 5000 }),
      record({ gateway: 'outbound', name: 'pypi.example.org', bytes: 5000 }),
      record({ event: 'new', destination: { address: '192.0.2.9', externals: ['meter'] } }),
      record({ event: 'end', destination: { address: '192.0.2.9', externals: ['meter'] }, bytes: 64 }),
    ].map((line) => `${line}\n`).join(''))
    const { platform } = loadPlatform([{ path: 'set.yaml', absolute: '/set.yaml', text: documents }], { now: 0 })
    assert.ok(platform)
    const { uses, since } = await telemetryUse(folder, platform, new AbortController().signal)
    const at = Date.parse('2030-01-01T08:00:00Z')
    assert.deepEqual(Object.fromEntries(uses), { phone: { connections: 2, bytes: 120, first: at, last: at + 3_600_000 }, meter: { connections: 1, bytes: 64, first: at, last: at } })
    assert.equal(since, Date.parse('2030-01-01T07:00:00Z'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
