import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { dial, echo, eventually, lab, policy, withInstance } from './lib/instance.ts'
import { agentPid, killNow, leftBehind } from './lib/processes.ts'
import type { Evidence } from '../../src/host/verification.ts'
import type { TestInstance } from './lib/instance.ts'

const workloads = { client: {}, server: { script: echo(7000, 7009), ports: '[7000, 7009]' } }
const granted = lab(workloads, policy('client', 'server', 7000))
const revoked = lab(workloads)

async function server(i: TestInstance): Promise<string> {
  return (await i.status()).workloads.find((w) => w.workload === 'lab/server')?.ipv4 ?? ''
}

async function dialled(i: TestInstance, address: string, port: number): Promise<string> {
  return (await i.exec('client', ...dial(address, port))).stdout.trim()
}

test('two `up`, two `apply`, two `verify` at once each do all of it, one after the other', async () => {
  await withInstance(async (i) => {
    i.write(granted)
    const ups = await Promise.all([1, 2].map(() => i.bulkhead('up', i.directory, '--sandbox')))
    assert.deepEqual(ups.map(({ code }) => code), [0, 0], ups.map(({ stderr }) => stderr).join(''))
    const pid = agentPid(i)
    const address = await server(i)
    await eventually(async () => assert.equal(await dialled(i, address, 7000), 'open'))
    i.write(revoked)
    const applies = await Promise.all([1, 2, 3].map(() => i.bulkhead('apply', i.directory)))
    assert.deepEqual(applies.map(({ code }) => code), [0, 0, 0])
    assert.equal(applies.filter(({ stdout }) => stdout.includes('- lab/client -> lab/server tcp/7000')).length, 1, 'one of them closed it')
    assert.equal(await dialled(i, address, 7000), 'ECONNREFUSED')
    const verifications = await Promise.all([1, 2].map(() => i.bulkhead('verify', '--json')))
    for (const { stdout, stderr } of verifications) assert.equal((JSON.parse(stdout) as Evidence & { good: boolean }).good, true, stdout.slice(0, 500) + stderr)
    assert.equal(agentPid(i), pid, 'there was one agent all the time')
  })
})

test('`down` during `up` waits for it, and then leaves nothing', async () => {
  await withInstance(async (i) => {
    i.write(granted)
    const up = i.bulkhead('up', i.directory, '--sandbox')
    await eventually(() => Promise.resolve(assert.ok(leftBehind(i).some((line) => line.includes('agent-main')))), 30_000)
    const [raised, down] = await Promise.all([up, i.bulkhead('down')])
    assert.equal(raised.code, 0, raised.stderr)
    assert.equal(down.code, 0, down.stderr)
    assert.match(down.stderr, /waiting for `bulkhead up`, process \d+, to end/)
    await eventually(() => Promise.resolve(assert.deepEqual(leftBehind(i), [])))
    assert.equal((await i.bulkhead('status')).code, 1)
  })
})

test('an agent that is suspended: the rules hold, no command hangs, and `up` replaces it', async () => {
  await withInstance(async (i) => {
    await i.up(granted)
    const address = await server(i)
    await eventually(async () => assert.equal(await dialled(i, address, 7000), 'open'))
    const pid = agentPid(i)
    killNow(pid, 'SIGSTOP')
    assert.equal(await dialled(i, address, 7000), 'open')
    assert.equal(await dialled(i, address, 7009), 'ECONNREFUSED')
    i.write(revoked)
    const apply = await i.bulkhead('apply', i.directory)
    assert.equal(apply.code, 1)
    assert.match(apply.stderr, /the agent is suspended/)
    assert.match((await i.bulkhead('status')).stdout, /no agent/)
    const up = await i.bulkhead('up', i.directory, '--sandbox')
    assert.equal(up.code, 0, up.stderr)
    assert.notEqual(agentPid(i), pid)
    assert.equal(await dialled(i, address, 7000), 'ECONNREFUSED')
    // One that is suspended for a while goes on as if nothing had been.
    const next = agentPid(i)
    killNow(next, 'SIGSTOP')
    await i.router('nft', 'insert', 'rule', 'inet', 'bulkhead', 'forward', 'accept')
    await sleep(500)
    assert.notEqual(await dialled(i, address, 7009), 'open', 'one foreign accept opens nothing')
    killNow(next, 'SIGCONT')
    await eventually(async () => assert.match((await i.status()).drift.map((d) => d.what).join(), /table was changed/))
    assert.equal((await i.apply(granted)).applied, true)
    assert.equal(await dialled(i, address, 7000), 'open')
    killNow(next, 'SIGSTOP')
    const down = await i.bulkhead('down')
    assert.equal(down.code, 0, down.stderr)
    await eventually(() => Promise.resolve(assert.deepEqual(leftBehind(i), [])))
  })
})
