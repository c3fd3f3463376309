import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { run } from '../base/process.ts'
import { endsIn, socketsAt } from './cut.ts'
import type { AddressInfo } from 'node:net'

test('a filter for sockets means the port and each address of both families, and nothing else', async () => {
  const server = createServer().listen(0, '::')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const clients = ['127.0.0.1', '127.0.0.2', '::1'].map((host) => connect(port, host))
  await Promise.all(clients.map((c) => once(c, 'connect')))
  const found = async (whose: 'sport' | 'dport', addresses: readonly string[]): Promise<readonly string[]> => {
    const { code, stdout, stderr } = await run(['ss', '-H', '-n', '-t', 'state', 'established', socketsAt(whose, port, addresses)])
    assert.equal(code, 0, stderr)
    return stdout.split('\n').filter((line) => line !== '').map((line) => line.trim().split(/\s+/)[3] ?? '').sort()
  }
  const far = clients.map((c) => `${c.localAddress ?? ''}`.replace('::ffff:', ''))
  assert.deepEqual(await found('dport', ['127.0.0.1', '::1']), [`127.0.0.1:${port}`, `[::1]:${port}`])
  assert.deepEqual(await found('dport', ['127.0.0.2']), [`127.0.0.2:${port}`])
  assert.deepEqual(await found('dport', ['10.99.99.99', 'fd00:99::1']), [])
  // Their ends at the server, which is one for both families.
  const ends = await found('sport', far)
  assert.equal(ends.length, 3, ends.join())
  assert.ok(clients.every((c) => ends.some((e) => e.endsWith(`:${c.localPort ?? 0}`) || e.endsWith(`]:${c.localPort ?? 0}`))))
  for (const c of clients) c.destroy()
  server.close()
})

test('which sockets were ended is read from one kind alone and from several', () => {
  const ends = ['10.0.0.1:7 10.0.0.2:8', 'fd00::1:7 fd00::2:8', '10.0.0.3:7 10.0.0.4:8']
  const lines = ['10.0.0.1:7      10.0.0.2:8', '[fd00::1]:7   [fd00::2]:8', '[::ffff:10.0.0.3]:7   [::ffff:10.0.0.4]:8 ']
  assert.deepEqual([...endsIn(lines.map((line) => `ESTAB 0      0      ${line}\n`).join(''))], ends)
  assert.deepEqual([...endsIn(lines.map((line) => `tcp   ESTAB 0      0      ${line}\n`).join(''))], ends)
  assert.deepEqual([...endsIn('RTNETLINK answers: Operation not supported\n\n')], [])
})
