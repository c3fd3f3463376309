import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFault } from '../../base/fault.ts'
import { longestChange, openSession } from './session.ts'
import type { NftSession } from './session.ts'

/** A namespace that is gone with its `nft`. */
const apart = ['unshare', '--user', '--map-root-user', '--net']

async function withSession(work: (session: NftSession) => Promise<void>, enter: readonly string[] = apart): Promise<void> {
  const session = await openSession({ enter })
  assert.ok(session)
  try {
    await work(session)
  } finally {
    session.close()
  }
}

const map = 'add table inet t\nadd map inet t m { typeof iifgroup . th dport : meta mark; flags timeout; }\n'

function refused(words: RegExp): (error: unknown) => boolean {
  return (error) => isFault(error) && error.code === 'nft-failed' && words.test(error.message)
}

test('what was changed is not written down in anybody\'s home', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'bulkhead-home-'))
  const before = process.env['HOME']
  process.env['HOME'] = home
  t.after(() => {
    if (before === undefined) delete process.env['HOME']
    else process.env['HOME'] = before
    rmSync(home, { recursive: true, force: true })
  })
  const session = await openSession({ enter: apart })
  assert.ok(session)
  await session.change(map)
  session.close()
  while (session.alive()) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.deepEqual(readdirSync(home), [])
})

test('changes are taken one after the other by one process', async () => {
  await withSession(async (session) => {
    await session.change(map)
    await Promise.all(Array.from({ length: 20 }, (_, i) => session.change(`add element inet t m { 1 . ${i + 1} : 0x1 }`)))
    for (let i = 0; i < 20; i++) await session.change(`delete element inet t m { 1 . ${i + 1} }`)
    await assert.rejects(session.change('delete element inet t m { 1 . 1 }'), refused(/No such file/))
  })
})

test('a change of several commands is taken whole or not at all, and the next one is not disturbed', async () => {
  await withSession(async (session) => {
    await session.change(map)
    await assert.rejects(session.change('add element inet t m { 1 . 2 : 0x3 }\ndelete element inet t m { 9 . 9 }\n'), refused(/No such file/))
    await assert.rejects(session.change('delete element inet t m { 1 . 2 }'), refused(/No such file/), 'the first command was undone')
    await assert.rejects(session.change('nonsense'), refused(/syntax error/))
    await session.change('add element inet t m { 1 . 2 : 0x3 }')
    await session.change('delete element inet t m { 1 . 2 }')
  })
})

test('the longest change is taken', async () => {
  await withSession(async (session) => {
    await session.change(map)
    const elements = Array.from({ length: 1_500 }, (_, i) => `${i + 10_000} . 65535 : 0x00000001`).join(', ')
    assert.ok(elements.length > longestChange)
    await session.change(`add element inet t m { ${elements} }`)
    await session.change('delete element inet t m { 11499 . 65535 }')
  })
})

test('when the process ends, the change under way fails and so does every later one', async () => {
  const session = await openSession({ enter: [...apart, 'timeout', '-s', 'KILL', '1'] })
  assert.ok(session)
  await session.change(map)
  await assert.rejects(async () => {
    for (let i = 1; ; i++) await session.change(`add element inet t m { 2 . ${(i % 60_000) + 1} : 0x1 }`)
  }, refused(/`nft`/))
  assert.equal(session.alive(), false)
  await assert.rejects(session.change('add table inet u'), refused(/has ended/))
})

test('where there is no interactive nft there is no session', async () => {
  assert.equal(await openSession({ enter: ['env', 'PATH=/nonexistent', '/bin/true'] }), undefined)
})
