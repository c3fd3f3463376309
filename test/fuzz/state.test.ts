import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '../../src/base/fault.ts'
import { formatIds } from '../../src/engines/nftables/ids.ts'
import { call, serve } from '../../src/host/api.ts'
import { documentSet, readDocumentSet } from '../../src/host/document-set.ts'
import { loadApplied, loadIds, loadInventory, loadSlots, saveInventory } from '../../src/host/memory.ts'
import { policyNow } from '../../src/host/policy-time.ts'
import { findSandbox } from '../../src/host/sandbox.ts'
import { readState } from '../../src/host/state.ts'
import { smallContext } from '../../src/observe/testing.ts'
import { fuzz, mutant, mutantValue } from './mutants.ts'

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-fuzz-'))
  try {
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('damaged files of the state are read as they were meant or refused by name, and no number has two meanings', () => {
  inFolder((folder) => {
    const { inventory, ids } = smallContext()
    saveInventory(folder, inventory)
    const set = { ...documentSet('/fuzz', [{ path: 'a.yaml', absolute: '/fuzz/a.yaml', text: 'kind: Enclave' }]), at: '2026-06-01T00:00:00.000Z' }
    const files: readonly { readonly file: string; readonly value: unknown; readonly read: () => unknown }[] = [
      { file: 'ids.json', value: JSON.parse(formatIds(ids)), read: () => unique(loadIds(folder).groups) },
      { file: 'slots.json', value: { next: 3, slots: { 'lab/api#0': 1, 'lab/db#0': 2 } }, read: () => unique(loadSlots(folder).slots) },
      { file: 'inventory.json', value: readState(folder, 'inventory.json'), read: () => loadInventory(folder) },
      { file: 'applied.json', value: set, read: () => loadApplied(folder) },
      { file: 'clock.json', value: { latest: 1, boot: 'a', ms: 2 }, read: () => assert.ok(policyNow(folder, 5) >= 5) },
      { file: 'sandbox.json', value: { holder: { pid: 2 ** 30, started: '1' }, init: { pid: 2 ** 30, started: '2' } }, read: () => assert.equal(findSandbox(folder), undefined) },
    ]
    for (const { file, value, read } of files) {
      const judge = (text: string): void => {
        writeFileSync(join(folder, file), text)
        try {
          read()
        } catch (error) {
          assert.ok(isFault(error) && error.code === 'state-unreadable', `${file}: ${String(error)}`)
        }
      }
      fuzz(mutant([JSON.stringify(value)]), 60, judge)
      fuzz(mutantValue([value]), 200, (damaged) => judge(JSON.stringify(damaged)))
    }
  })
})

function unique(numbers: ReadonlyMap<string, number>): void {
  assert.equal(new Set(numbers.values()).size, numbers.size)
}

test('whatever comes to the door of the agent is answered or hung up on, and the next caller is served', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-fuzz-'))
  mkdirSync(join(folder, 'log'))
  const server = await serve(folder, { '/ping': () => Promise.resolve('pong'), '/apply': (body) => Promise.resolve(readDocumentSet(body).sha256) })
  try {
    const body = JSON.stringify(documentSet('/fuzz', [{ path: 'a.yaml', absolute: '/fuzz/a.yaml', text: 'x' }]))
    const request = `POST /apply HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const samples = fc.sample(mutant([request, request.replace('/apply', 'constructor'), request.replace(/Content-Length.*?\r\n/, 'Transfer-Encoding: chunked\r\n')]), 150)
    for (const text of samples) {
      const answer = await knock(folder, text)
      assert.match(answer, /^(HTTP\/1\.1 |$)/)
    }
    for (const wrong of [null, 7, 'x', [], {}, { files: null }]) {
      await assert.rejects(call(folder, '/apply', wrong), (error) => isFault(error) && error.code === 'usage')
    }
    await assert.rejects(call(folder, 'constructor'), (error) => isFault(error))
    assert.equal(await call(folder, '/ping'), 'pong')
  } finally {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

/** What comes back for these bytes until the other side is done, or 20 ms after half of them were all there was. */
function knock(folder: string, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect(join(folder, 'agent.sock'), () => socket.write(text))
  let answer = ''
  const timer = setTimeout(() => socket.destroy(), 40)
  socket.on('data', (chunk: Buffer) => void (answer += chunk.toString('latin1')))
  socket.on('error', () => undefined)
  socket.on('close', () => {
    clearTimeout(timer)
    resolve(answer)
  })
  return promise
}
