import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { filesInForce } from './in-force.ts'
import { scratch } from './testing.ts'

test('what is in force is told in the form of files: also what it was started with, and nothing that only waits', async (t) => {
  const socket = join(scratch(t), 'admin.sock')
  const server = createServer((_, answer) => answer.end(JSON.stringify({ configs: [
    { static_clusters: [{ cluster: { name: 'begun' } }], dynamic_active_clusters: [{ version_info: '1', cluster: { name: 'given' } }], dynamic_warming_clusters: [{ cluster: { name: 'waiting' } }] },
    { static_listeners: [{ listener: { name: 'door' } }], dynamic_listeners: [{ name: 'in', active_state: { listener: { name: 'in' } } }, { name: 'late', warming_state: { listener: { name: 'late' } } }] },
  ] })))
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  t.after(() => server.close())
  const files = await filesInForce(socket)
  const names = (file: string): readonly string[] => (JSON.parse(files.get(file) ?? '{}') as { readonly resources: readonly { readonly name: string }[] }).resources.map(({ name }) => name)
  assert.deepEqual([names('lds.json'), names('cds.json')], [['door', 'in'], ['begun', 'given']])
})

test('an Envoy that does not answer is a fault', async (t) => {
  await assert.rejects(filesInForce(join(scratch(t), 'nobody.sock'), 200), /does not answer/)
})
