import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { findByName } from './places.ts'
import type { Named } from './places.ts'

const named = (...workloads: readonly string[]): readonly Named[] => workloads.map((workload) => ({ workload, replica: 0 }))

function helpOf(all: readonly Named[], text: string): string {
  try {
    findByName(all, text)
  } catch (thrown) {
    assert.ok(isFault(thrown) && thrown.code === 'unknown-workload', String(thrown))
    return thrown.help ?? ''
  }
  throw new assert.AssertionError({ message: 'it was found' })
}

test('a workload is found by its whole name, and by its own name where that is unambiguous', () => {
  const all = [...named('a/web', 'a/db', 'b/web'), { workload: 'a/db', replica: 1 }]
  assert.equal(findByName(all, 'a/web').workload, 'a/web')
  assert.equal(findByName(all, 'db').replica, 0)
  assert.equal(findByName(all, 'db#1').replica, 1)
  assert.equal(helpOf(all, 'web'), 'write one of: a/web, b/web')
})

test('a name that nothing has is answered by what it may have been, by what there is, or by why there is nothing', () => {
  assert.equal(helpOf(named('a/web'), 'wbe'), 'did you mean `web`?')
  assert.equal(helpOf(named('a/web', 'a/db'), 'something-else'), 'running here: a/web, a/db')
  assert.equal(helpOf([], 'web'), 'no workload has `run` or `attach`, so none runs')
})
