import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { grantBriefly, until } from './lib/brief.ts'
import { dial, echo, eventually, lab, policy, withInstance } from './lib/instance.ts'
import type { TestInstance } from './lib/instance.ts'

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-shift-'))
const clock = join(folder, 'clock')
after(() => rmSync(folder, { recursive: true, force: true }))

const shift = (ms: number): void => writeFileSync(clock, String(ms))
const hour = 3_600_000

/** Every program of the instance has the shifted clock. */
async function withClock(work: (i: TestInstance) => Promise<void>): Promise<void> {
  shift(0)
  const before = { NODE_OPTIONS: process.env['NODE_OPTIONS'], BULKHEAD_TEST_CLOCK: process.env['BULKHEAD_TEST_CLOCK'] }
  process.env['NODE_OPTIONS'] = `--import=${new URL('lib/shifted-clock.ts', import.meta.url).href} --disable-warning=ExperimentalWarning`
  process.env['BULKHEAD_TEST_CLOCK'] = clock
  try {
    await withInstance(work)
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
}

const workloads = { client: {}, server: { script: echo(7000, 7001), ports: '[7000, 7001]' } }

async function server(i: TestInstance): Promise<string> {
  return (await i.status()).workloads.find((w) => w.workload === 'lab/server')?.ipv4 ?? ''
}

async function dialled(i: TestInstance, address: string): Promise<string> {
  return (await i.exec('client', ...dial(address, 7000))).stdout.trim()
}

test('what expired while nobody looked stays closed when the clock steps back, whatever is loaded anew', async () => {
  await withClock(async (i) => {
    const expires = await grantBriefly(i, workloads)
    const set = lab(workloads, until(expires))
    const address = await server(i)
    await eventually(async () => assert.equal(await dialled(i, address), 'open'), expires - Date.now())
    await i.killAgent()
    await sleep(Math.max(0, expires - Date.now()) + 100)
    assert.equal(await dialled(i, address), 'ECONNREFUSED', 'the kernel has closed it')
    shift(-hour)
    await i.up(set)
    assert.equal(await dialled(i, address), 'ECONNREFUSED', 'a new agent does not open it')
    await i.router('nft', 'delete', 'table', 'inet', 'bulkhead')
    await eventually(async () => assert.equal((await i.status()).enforced, true))
    assert.equal(await dialled(i, address), 'ECONNREFUSED', 'a repair does not open it')
    await i.apply(lab(workloads, until(expires), policy('client', 'server', 7001)))
    assert.equal(await dialled(i, address), 'ECONNREFUSED', 'another change does not open it')
    assert.equal((await i.verify()).good, true, 'verification has the same time')
    // What is granted anew, with an instant of its own, is open.
    await i.apply(lab(workloads, until(expires + hour)))
    assert.equal(await dialled(i, address), 'open')
  })
})

test('a clock that jumps forward closes what has expired by it, and what was closed stays so when it jumps back', async () => {
  await withClock(async (i) => {
    await i.up(lab(workloads, until(Date.now() + hour)))
    const address = await server(i)
    await eventually(async () => assert.equal(await dialled(i, address), 'open'), 30_000)
    shift(2 * hour)
    await eventually(async () => assert.equal(await dialled(i, address), 'ECONNREFUSED'), 30_000)
    shift(0)
    await sleep(1_500)
    assert.equal(await dialled(i, address), 'ECONNREFUSED')
    await i.killAgent()
    await i.up(lab(workloads, until(Date.now() + hour)))
    assert.equal(await dialled(i, address), 'ECONNREFUSED', 'a new agent remembers')
  })
})

test('a clock that steps back does not make a path last longer', async () => {
  await withClock(async (i) => {
    const expires = await grantBriefly(i, workloads)
    const address = await server(i)
    await eventually(async () => assert.equal(await dialled(i, address), 'open'), expires - Date.now())
    shift(-hour)
    await i.apply(lab(workloads, until(expires), policy('client', 'server', 7001)))
    await i.router('nft', 'delete', 'table', 'inet', 'bulkhead')
    await sleep(Math.max(0, expires - Date.now()) + 1_000)
    assert.equal(await dialled(i, address), 'ECONNREFUSED')
  })
})
