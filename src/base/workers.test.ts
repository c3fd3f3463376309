import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from './fault.ts'
import { run } from './process.ts'
import { createWorkers } from './workers.ts'

const isFault = (code: string) => (thrown: unknown) => thrown instanceof Fault && thrown.code === code
const parentOf = ['sh', '-c', 'echo $PPID']

test('a worker gives status and what was said, and is used again', async () => {
  const workers = createWorkers(2)
  assert.deepEqual(await workers.run(['sh', '-c', 'echo out; echo oops >&2; exit 7']), { code: 7, stdout: 'out\noops\n', stderr: '' })
  const [first, second] = [await workers.run(parentOf), await workers.run(parentOf)]
  assert.equal(first.stdout, second.stdout)
  assert.notEqual(Number(first.stdout), process.pid)
  workers.close()
})

test('arguments are arguments, whatever they hold', async () => {
  const workers = createWorkers(1)
  const odd = ['$(id)', '`id`', ' two  words ', '', '-n', '*', '\\n', "'", '"', 'é✓', '; exit 3', 'a\nb']
  const { stdout } = await workers.run(['printf', '[%s]', ...odd.slice(0, -1)])
  assert.equal(stdout, odd.slice(0, -1).map((a) => `[${a}]`).join(''))
  assert.equal((await workers.run(['printf', '[%s]', ...odd])).stdout, odd.map((a) => `[${a}]`).join(''))
  workers.close()
})

test('what is said comes whole, with or without a line at its end', async () => {
  const workers = createWorkers(1)
  assert.equal((await workers.run(['seq', '300000'])).stdout, (await run(['seq', '300000'])).stdout)
  assert.equal((await workers.run(['printf', 'x'])).stdout, 'x')
  assert.equal((await workers.run(['true'])).stdout, '')
  workers.close()
})

test('more at once than there are workers are run all the same', async () => {
  const workers = createWorkers(2)
  workers.warm()
  const all = await Promise.all(Array.from({ length: 8 }, (_, i) => workers.run(['echo', String(i)])))
  assert.deepEqual(all.map((f) => f.stdout), Array.from({ length: 8 }, (_, i) => `${i}\n`))
  workers.close()
})

test('a missing program is named', async () => {
  const workers = createWorkers(1)
  await assert.rejects(workers.run(['no-such-program-here']), isFault('tool-missing'))
  workers.close()
})

test('what hangs or floods is ended, and the next has a worker', async () => {
  const workers = createWorkers(1)
  await assert.rejects(workers.run(['sleep', '77.7'], { timeoutMs: 100 }), isFault('command-timeout'))
  await assert.rejects(workers.run(['yes'], { maxBytes: 10_000 }), isFault('output-too-large'))
  assert.equal((await workers.run(['echo', 'on'])).stdout, 'on\n')
  for (let i = 0; (await run(['pgrep', '-fx', 'sleep 77.7'])).code === 0; i++) {
    assert.ok(i < 100)
    await sleep(50)
  }
  workers.close()
})

test('a worker that somebody ended is replaced', async () => {
  const workers = createWorkers(1)
  process.kill(Number((await workers.run(parentOf)).stdout), 'SIGKILL')
  assert.equal((await workers.run(['echo', 'on'])).stdout, 'on\n')
  workers.close()
})

test('workers end with their maker, and do not keep it', async () => {
  const script = `import { createWorkers } from ${JSON.stringify(new URL('workers.ts', import.meta.url).href)}; const w = createWorkers(2); w.warm(); console.log((await w.run(['sh', '-c', 'echo $PPID'])).stdout)`
  const { code, stdout } = await run([process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script], { timeoutMs: 20_000 })
  assert.equal(code, 0)
  for (let i = 0; (await run(['kill', '-0', stdout.trim()])).code === 0; i++) {
    assert.ok(i < 100)
    await sleep(50)
  }
})
