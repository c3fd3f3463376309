import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crowded, watchLimit } from './watch-limit.ts'

const machine = (users: string, granted = '128\n', own = '128\n') => watchLimit((path) => (path === '/proc/self/uid_map' ? users : path.includes('/user/') ? own : granted))

test('each gateway of a machine has what the kernel grants a user', () => {
  assert.deepEqual(machine('         0          0 4294967295\n'), { instances: 128, shared: false })
})

test('in a sandbox both share what is left of one user', () => {
  assert.deepEqual(machine('         0       1000          1\n'), { instances: 104, shared: true })
  assert.deepEqual(machine('         0       1000          1\n', '10\n'), { instances: 0, shared: true })
})

test('the smaller of what the machine and the namespace grant holds', () => {
  assert.deepEqual(machine('0 0 4294967295', '8192\n', '64\n'), { instances: 64, shared: false })
})

test('a kernel that does not say sets no limit', () => {
  assert.equal(watchLimit(() => { throw new Error('no file') }), undefined)
  assert.equal(machine('0 0 4294967295', 'many'), undefined)
})

test('a gateway that cannot follow the secrets of before and after at once is started again', () => {
  const of = (seat: string, held: number, wanted: number) => ({ seat, held, wanted })
  assert.deepEqual(crowded([of('out', 100, 60), of('in', 20, 20)], { instances: 128, shared: false }), [])
  assert.deepEqual(crowded([of('out', 127, 70), of('in', 20, 20)], { instances: 128, shared: false }), ['out'])
  assert.deepEqual(crowded([of('out', 60, 50), of('in', 41, 41)], { instances: 104, shared: true }), ['out'])
  assert.deepEqual(crowded([of('out', 60, 50), of('in', 40, 40)], undefined), [])
  assert.deepEqual(crowded([], { instances: 0, shared: true }), [])
})
