import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../../base/fault.ts'
import { run } from '../../base/process.ts'
import { applyRuleset } from './apply.ts'
import type { Finished, RunOptions } from '../../base/process.ts'

/** One namespace for each call: what is applied is gone with it. */
function apart(argv: readonly string[], options: RunOptions): Promise<Finished> {
  return run(['unshare', '--user', '--map-root-user', '--net', ...argv], options)
}

test('a ruleset that the kernel takes is applied', async () => {
  await applyRuleset('add table inet bulkhead\n', { run: apart })
})

test('what nft says about a ruleset it refuses is part of the message', async () => {
  await assert.rejects(applyRuleset('add rule inet bulkhead forward accept\n', { run: apart }), (error) => isFault(error) && error.code === 'nft-failed' && error.message.includes('No such file or directory'))
  await assert.rejects(applyRuleset('add nonsense\n', { run: apart }), (error) => isFault(error) && error.message.includes('syntax error'))
})

test('a transaction that is too large for the socket says what to do', async () => {
  const tooLong = (): Promise<Finished> => Promise.resolve({ code: 1, stdout: '', stderr: 'netlink: Error: Could not process rule: Message too long' })
  await assert.rejects(applyRuleset('', { run: tooLong }), (error) => isFault(error) && error.help?.includes('net.core.wmem_default') === true)
})

test('a ruleset that is too large for one transaction is made in parts, and a part that fails leaves the hold', async () => {
  const table = 'add table inet bulkhead\ndelete table inet bulkhead\ntable inet bulkhead {\n  set s {\n  }\n}\nadd element inet bulkhead s {\n  1\n}\n'
  const heard: string[] = []
  const small = (fails: RegExp) => (_: readonly string[], { input = '' }: RunOptions): Promise<Finished> => {
    const words = String(input)
    heard.push(words)
    if (words === table) return Promise.resolve({ code: 1, stdout: '', stderr: 'netlink: Error: Could not process rule: Message too long' })
    return Promise.resolve(fails.test(words) ? { code: 1, stdout: '', stderr: 'no room' } : { code: 0, stdout: '', stderr: '' })
  }
  await applyRuleset(table, { run: small(/never/) })
  assert.deepEqual(heard.map((words) => words.split('\n').at(-2)), ['}', '}', '}', '}', 'delete table inet bulkhead-hold'])
  heard.length = 0
  await assert.rejects(applyRuleset(table, { run: small(/^add element/) }), /no room/)
  assert.doesNotMatch(heard.at(-1) ?? '', /^delete table inet bulkhead-hold\n$/m)
})

test('a silent failure is a failure', async () => {
  await assert.rejects(applyRuleset('', { run: () => Promise.resolve({ code: 3, stdout: '', stderr: '' }) }), /nft ended with status 3/)
})
