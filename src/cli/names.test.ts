import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, test } from 'node:test'
import { command } from './names.ts'
import { folderOf, runCommand, usageFault } from './testing.ts'

const folder = folderOf({
  'set.yaml': `
{ apiVersion: bulkhead.dev/v1, kind: Enclave, metadata: { name: lab }, spec: {} }
---
{ apiVersion: bulkhead.dev/v1, kind: Workload, metadata: { name: api, enclave: lab }, spec: {} }
---
{ apiVersion: bulkhead.dev/v1, kind: Workload, metadata: { name: db, enclave: lab }, spec: { ports: [5432] } }
---
{ apiVersion: bulkhead.dev/v1, kind: External, metadata: { name: pypi }, spec: { domains: [pypi.org, "*.pythonhosted.org"] } }
---
policy: { source: api, destination: db, protocol: tcp, port: 5432, action: allow }
---
apiVersion: bulkhead.dev/v1
kind: EgressPolicy
metadata: { name: build, enclave: lab }
spec: { source: api, destination: external:pypi, protocol: tcp, port: 443, phases: [staging] }
`,
})
after(() => rmSync(folder, { recursive: true, force: true }))

test('a workload\'s names are listed with what allows them, for the phase asked about', async () => {
  const running = await runCommand(folder, command, ['.', 'lab/api'])
  assert.equal(running.stdout, [
    'NAME              WHERE    ALLOWED BY',
    'api.lab.internal  inside   its own name',
    'db.lab.internal   inside   ServicePolicy lab/api-to-db-tcp-5432',
    '14 names compared with the documents, 0 differences',
    '',
  ].join('\n'))
  assert.equal(running.code, 0)
  const staging = await runCommand(folder, command, ['.', 'lab/api', '--phase', 'staging', '--json'])
  const { names } = JSON.parse(staging.stdout) as { readonly names: readonly { readonly name: string; readonly policies: readonly string[] }[] }
  assert.deepEqual(names.map(({ name }) => name), ['api.lab.internal', 'db.lab.internal', '*.pythonhosted.org', 'pypi.org'])
  assert.deepEqual(names[3]?.policies, ['EgressPolicy lab/build'])
})

test('only workloads have names to be told, in phases that there are', async () => {
  assert.match(await usageFault(folder, command, ['.', 'external:pypi']), /not a workload/)
  assert.match(await usageFault(folder, command, ['.', 'lab/api', '--phase', 'sleeping']), /not a phase/)
})
