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
  await assert.rejects(applyRuleset('', { run: tooLong }), (error) => isFault(error) && error.help?.includes('net.core.wmem_max') === true)
})

test('a silent failure is a failure', async () => {
  await assert.rejects(applyRuleset('', { run: () => Promise.resolve({ code: 3, stdout: '', stderr: '' }) }), /nft ended with status 3/)
})
