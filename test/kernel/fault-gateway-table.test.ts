/** Somebody deletes the table while connections go by name. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { eventually, lab, withInstance } from './lib/instance.ts'
import { outsideWorld } from './lib/outside-world.ts'

const skip = findEnvoy() === undefined ? 'no envoy' : false

test('a deleted table comes back with the addresses that names have opened', { skip }, async () => {
  await withInstance(async (i) => {
    const world = await outsideWorld(join(i.directory, '..'), { 'pypi.example.org': ['203.0.113.10'] })
    const report = await i.up(lab(
      { client: {} },
      `apiVersion: bulkhead.dev/v1\nkind: Platform\nmetadata: { name: here }\nspec: { trustDomain: here.example, resolver: { upstream: [${world.nameServer}] } }`,
      'apiVersion: bulkhead.dev/v1\nkind: External\nmetadata: { name: pypi }\nspec: { domains: [pypi.example.org] }',
      'apiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: { name: out, enclave: lab }\nspec: { source: client, destination: external:pypi, protocol: tcp, port: 443 }',
    ), '--outside', world.command)
    assert.deepEqual([report.applied, report.failed, report.refused], [true, [], []])
    const curl = async (...words: readonly string[]): Promise<string> => {
      const { code, stdout } = await i.exec('client', 'curl', '--silent', '--insecure', '--max-time', '30', ...words)
      return code === 0 ? stdout : `curl ${code}`
    }
    await eventually(async () => assert.match(await curl('https://pypi.example.org/'), /^GET/), 120_000)
    const { code } = await i.router('nft', 'delete', 'table', 'inet', 'bulkhead')
    assert.equal(code, 0)
    await eventually(async () => assert.ok((await i.status()).drift.some(({ what, repaired }) => what === 'the table was deleted' && repaired)), 120_000)
    // Nobody asks for the name again.
    assert.match(await curl('--resolve', 'pypi.example.org:443:203.0.113.10', 'https://pypi.example.org/'), /^GET/)
  })
})
