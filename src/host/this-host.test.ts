import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { compile } from '../intent/compile.ts'
import { assignGroups, noIds } from '../engines/nftables/ids.ts'
import { accepted, doc } from '../model/testing/set.ts'
import { planHost } from './plan.ts'
import { noSlots } from './slots.ts'
import { becomeHost, requireHost, thisHost } from './this-host.ts'
import type { Host, Platform } from '../model/platform.ts'

const set = accepted([
  doc('IsolationSegment', 'name: s', '{instances: 3, instanceType: t}'), doc('Enclave', 'name: e', '{segment: s}'),
  doc('Workload', 'name: a, enclave: e', '{replicas: 3, run: {command: [a]}}'), doc('Workload', 'name: b, enclave: e', '{run: {command: [b]}}'),
  doc('Host', 'name: one', '{segment: s, workloads: [{workload: e/a, replicas: 2}]}'), doc('Host', 'name: two', '{segment: s, workloads: [e/a, e/b]}'), doc('Host', 'name: spare', '{segment: s}'),
].join(''))

function places(platform: Platform, name?: string): readonly string[] {
  return planHost(platform, compile(platform).intent, assignGroups(noIds, platform).groups, noSlots, { prefix: '', uplink: true, name }).places.map((p) => p.key)
}

function changed(name: string, change: Partial<Host>): Platform {
  return { ...set, hosts: new Map([...set.hosts].map(([key, host]) => [key, key === name ? { ...host, ...change } : host])) }
}

test('a host carries what is assigned to it and nothing else', () => {
  assert.deepEqual([places(set, 'one'), places(set, 'two'), places(set, 'spare')], [['e/a#0', 'e/a#1'], ['e/a#0', 'e/b#0'], []])
  assert.deepEqual(places({ ...set, hosts: new Map() }), ['e/a#0', 'e/a#1', 'e/a#2', 'e/b#0'])
})

test('who is not one of the Hosts carries nothing, and neither does a drained one', () => {
  assert.deepEqual([places(set), places(set, 'three'), places(changed('one', { drain: true }), 'one')], [[], [], []])
})

test('what does not belong on a host is not attached there, even where a set assigns it', () => {
  for (const change of [{ segment: undefined }, { stack: 'other' }, { layer: 'database' as const }]) assert.deepEqual(places(changed('two', change), 'two'), [], JSON.stringify(change))
  const more = changed('two', { assigned: [{ workload: 'e/b', replicas: 9, at: { file: 'x', line: 1, column: 1 } }] })
  assert.deepEqual(places(more, 'two'), ['e/b#0'])
})

test('a set of Hosts needs to know which of them this is', () => {
  const refused = (platform: Platform, name?: string): string => {
    try {
      requireHost(platform, name)
      return 'taken'
    } catch (error) {
      return (error as Error).message
    }
  }
  assert.deepEqual([refused(set, 'one'), refused({ ...set, hosts: new Map() })], ['taken', 'taken'])
  assert.equal(refused(set), 'the documents name Hosts, and nobody has said which of them this machine is')
  assert.equal(refused(set, 'three'), 'no Host `three` in the documents')
  assert.equal(refused({ ...set, hosts: new Map() }, 'one'), 'no Host `one` in the documents')
})

test('a machine stays the host that it has become', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-host-'))
  try {
    assert.equal(thisHost(folder), undefined)
    becomeHost(folder, 'one')
    becomeHost(folder, 'one')
    assert.equal(thisHost(folder), 'one')
    assert.throws(() => becomeHost(folder, 'two'), /this machine is the host `one`/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
