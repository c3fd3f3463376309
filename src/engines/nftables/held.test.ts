import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressSet } from '../../net/address-set.ts'
import { prefix } from '../../net/prefix.ts'
import { run } from '../../base/process.ts'
import { delta } from './delta.ts'
import { assignGroups, noIds } from './ids.ts'
import { lower } from './lower.ts'
import { render } from './render.ts'
import { inventoryOf, path, platformOf } from './testing.ts'
import type { Phase, Platform, WorkloadId } from '../../model/platform.ts'

const now = Date.UTC(2030, 0, 1)
const at = { file: 'test.yaml', line: 1, column: 1 }

/** `a/held` on a restricted segment of a stack with two networks, and `a/free` on none. */
function platform(cidrs = ['172.16.0.0/16', 'fd16::/48'], egress: 'open' | 'restricted' = 'restricted'): Platform {
  const workloads: readonly WorkloadId[] = ['a/free', 'a/held']
  const base = platformOf({ workloads, externals: { inside: ['172.16.4.0/24'] }, paths: [] })
  const of = (list: readonly string[]) => addressSet(list.map(prefix))
  return {
    ...base,
    enclaves: new Map([['a', { kind: 'Enclave', name: 'a', environment: 'default', segment: undefined, at }]]),
    environments: new Map([['default', { kind: 'Environment', name: 'default', stack: 's', owner: undefined, defaultSegment: undefined, isolation: undefined, members: [], at }]]),
    stacks: new Map([['s', { kind: 'Stack', name: 's', tenancy: 'shared', cidrs: of(cidrs), peeredCidrs: of(['172.20.0.0/24']), layers: [], layerHosts: 'shared', account: undefined, at }]]),
    segments: new Map([['sealed', { kind: 'IsolationSegment', name: 'sealed', instances: 1, instanceType: 't', egress, entitled: undefined, replicasPerInstance: 1, at }]]),
    workloads: new Map([...base.workloads].map(([id, w]) => [id, id === 'a/held' ? { ...w, segment: 'sealed' } : w])),
  }
}

function made(of: Platform, phase: Phase = 'running') {
  const ids = assignGroups(noIds, of)
  const inventory = inventoryOf(ids, ['a/free', 'a/held'])
  const attachments = inventory.attachments.map((a) => ({ ...a, phase }))
  const { atoms } = lower(of, { kind: 'intent', paths: [path('a/held', 'external:inside', 'tcp 80')] }, { ...inventory, attachments }, ids, now)
  return { atoms, inventory: { ...inventory, attachments }, text: render(atoms, { ...inventory, attachments }, { now }) }
}

test('who is on a restricted segment is held to its stack, its peered networks and the platform, before any path is asked', async () => {
  const { atoms, text } = made(platform())
  const [only, ...more] = atoms.held
  assert.deepEqual([more, only?.inside], [[], addressSet(['10.128.0.0/16', '172.16.0.0/16', '172.20.0.0/24', 'fd16::/48', 'fdbb:1::/64'].map(prefix))])
  assert.match(text, new RegExp(`set inside4 \\{[^}]*${only?.source} \\. 172\\.20\\.0\\.0/24`))
  for (const [chain, rule] of [['original', 'iifgroup @held jump held-original'], ['reply', 'oifgroup @held jump held-reply'], ['echo-original', 'iifgroup @held jump held-original'], ['echo-reply', 'oifgroup @held jump held-reply']] as const) {
    assert.match(text, new RegExp(`chain ${chain} \\{\\n {4}${rule}\\n`), chain)
  }
  const { code, stderr } = await run(['unshare', '--user', '--map-root-user', '--net', 'nft', '-c', '-f', '-'], { input: text })
  assert.equal(code, 0, stderr)
})

test('tasks are held too, staging is not, and nobody is where no segment is restricted', () => {
  assert.deepEqual([made(platform(), 'task').atoms.held.length, made(platform(), 'staging').atoms.held.length, made(platform(undefined, 'open')).atoms.held.length], [1, 0, 0])
  assert.doesNotMatch(made(platform(), 'staging').text, /held|inside4/)
})

test('another network of the stack is a change of elements; the first who is held is a new table', () => {
  const [before, after, free] = [made(platform()), made(platform(['172.17.0.0/16'])), made(platform(undefined, 'open'))]
  const text = delta(before, after, { now }) ?? ''
  assert.match(text, /^flush set inet bulkhead inside4$/m)
  assert.match(text, /add element inet bulkhead inside4 \{[^}]*172\.17\.0\.0\/16/)
  assert.doesNotMatch(text, /172\.16\.0\.0/)
  assert.equal(delta(free, before, { now }), undefined)
  assert.equal(delta(before, free, { now }), undefined)
})
