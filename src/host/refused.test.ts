import assert from 'node:assert/strict'
import { test } from 'node:test'
import { documentSet } from './document-set.ts'
import { checkDocuments } from './documents.ts'
import { carriedPaths, describeRefusals } from './refused.ts'
import { changes } from './changes.ts'
import { noIds, assignGroups } from '../engines/nftables/ids.ts'
import { lower } from '../engines/nftables/lower.ts'
import { planHost } from './plan.ts'
import { noSlots } from './slots.ts'

const text = `
apiVersion: bulkhead.dev/v1
kind: Enclave
metadata: { name: lab }
spec: {}
---
apiVersion: bulkhead.dev/v1
kind: Workload
metadata: { name: client, enclave: lab }
spec: { run: { command: [sleep, infinity] } }
---
apiVersion: bulkhead.dev/v1
kind: External
metadata: { name: names }
spec: { domains: [pypi.org] }
---
apiVersion: bulkhead.dev/v1
kind: External
metadata: { name: both }
spec: { domains: [example.org], cidrs: [203.0.113.0/24] }
---
apiVersion: bulkhead.dev/v1
kind: EgressPolicy
metadata: { name: out, enclave: lab }
spec: { source: client, destination: ['external:names', 'external:both'], protocol: tcp, port: 443 }
`

test('a path that no engine carries is not told as opened, and is told as closed with its reason', () => {
  const { set } = checkDocuments(documentSet('/set', [{ path: 'set.yaml', absolute: '/set/set.yaml', text }]), 0)
  assert.ok(set)
  const ids = assignGroups(noIds, set.platform)
  const plan = planHost(set.platform, set.intent, ids.groups, noSlots, { prefix: '', uplink: true })
  const refused = lower(set.platform, set.intent, plan.inventory, ids, 0).refused.map(({ path, code, reason }) => ({ engine: 'nftables' as const, path, code, reason }))
  assert.deepEqual(changes([], carriedPaths(set, refused), 0).opened, ['lab/client -> external:both tcp/443'])
  assert.deepEqual(describeRefusals(refused).map((r) => `${r.path}: ${r.code} ${r.documents.join()}`), [
    'lab/client -> external:both tcp/443: domain EgressPolicy lab/out (set.yaml:22:1)',
    'lab/client -> external:names tcp/443: domain EgressPolicy lab/out (set.yaml:22:1)',
  ])
})
