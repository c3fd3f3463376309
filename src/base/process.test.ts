import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { Fault } from './fault.ts'
import { run, runOrFault, start } from './process.ts'

const isFault = (code: string) => (thrown: unknown) => thrown instanceof Fault && thrown.code === code

test('a program gets its input and gives status, stdout and stderr', async () => {
  const done = await run(['sh', '-c', 'cat; echo oops >&2; exit 7'], { input: 'hello' })
  assert.deepEqual(done, { code: 7, stdout: 'hello', stderr: 'oops\n' })
})

test('arguments never pass through a shell', async () => {
  assert.equal((await run(['printf', '%s', '$(id); `id`'])).stdout, '$(id); `id`')
})

test('a missing program is named, and where to get it', async () => {
  await assert.rejects(run(['no-such-program-here']), isFault('tool-missing'))
})

test('a program that hangs is ended, also when a grandchild holds its output open', async () => {
  const began = Date.now()
  await assert.rejects(run(['sh', '-c', 'sleep 20 & sleep 20'], { timeoutMs: 150 }), isFault('command-timeout'))
  assert.ok(Date.now() - began < 5_000)
})

test('a program that floods its output is ended', async () => {
  await assert.rejects(run(['sh', '-c', 'yes'], { maxBytes: 10_000 }), isFault('output-too-large'))
})

test('an abort ends the program', async () => {
  await assert.rejects(run(['sleep', '20'], { signal: AbortSignal.timeout(50) }), isFault('interrupted'))
  await assert.rejects(run(['true'], { signal: AbortSignal.abort() }), isFault('interrupted'))
})

test('a program that ends without reading its input is judged by its status', async () => {
  assert.equal((await run(['true'], { input: 'x'.repeat(1_000_000) })).code, 0)
})

test('a program ended by a signal has 128 plus its number', async () => {
  assert.equal((await run(['sh', '-c', 'kill -TERM $$'])).code, 143)
})

test('a program that has to succeed and does not is quoted', async () => {
  await assert.rejects(runOrFault(['sh', '-c', 'echo broken >&2; exit 1']), /broken/)
  assert.equal(await runOrFault(['echo', 'fine']), 'fine\n')
})

test('a started program has exactly the environment it was given', async () => {
  const child = start(['/usr/bin/env'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ONLY: 'this' } })
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await once(child, 'close')
  assert.equal(text, 'ONLY=this\n')
})

test('a program whose feeder is killed half-way has all of its input or none', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-process-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const counted = join(folder, 'counted')
  const script = `
import { run } from ${JSON.stringify(new URL('process.ts', import.meta.url).href)}
console.log('begun')
await run(['sh', '-c', 'sleep 0.5; wc -c >' + ${JSON.stringify(counted)} + '.new; mv ' + ${JSON.stringify(counted)} + '.new ' + ${JSON.stringify(counted)}], { input: 'x'.repeat(1_000_000) })`
  const feeder = start([process.execPath, '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  assert.ok(feeder.stdout)
  await once(feeder.stdout, 'data')
  await sleep(100)
  feeder.kill('SIGKILL')
  let text = ''
  for (let waited = 0; waited < 100 && text === ''; waited++) {
    await sleep(50)
    try {
      text = readFileSync(counted, 'utf8').trim()
    } catch {
      text = ''
    }
  }
  assert.equal(text, '1000000')
})
