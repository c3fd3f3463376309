/** Damages files of the state while an instance runs without an agent, and sees what the next commands make of it. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dial, echo, eventually, lab, policy } from './instance.ts'
import { leftBehind } from './processes.ts'
import type { TestInstance } from './instance.ts'

const workloads = { client: {}, server: { script: echo(7000, 7009), ports: '[7000, 7009]' } }
export const set = lab(workloads, policy('client', 'server', 7000))

type Damage = readonly [name: string, how: (path: string) => void]

export const half: Damage = ['half-written', (path) => (existsSync(path) ? truncateSync(path, Math.floor(readFileSync(path).length / 2)) : writeFileSync(path, '{"pid": '))]
export const garbage: Damage = ['overwritten', (path) => writeFileSync(path, '\0\u0001 not ours')]
export const gone: Damage = ['lost', (path) => rmSync(path, { force: true })]

async function dialled(i: TestInstance, address: string, port: number): Promise<string> {
  // `exec` needs the state that is damaged here; the namespace does not.
  return (await i.router('ip', 'netns', 'exec', 'lab.client.0', ...dial(address, port))).stdout.trim()
}

/** What an `up` may do with the damage: go on, or say so and leave the rules as they are. */
export async function survives(i: TestInstance, file: string, [name, how]: Damage): Promise<void> {
  const what = `${file} ${name}`
  await i.up(set)
  const address = (await i.status()).workloads.find((w) => w.workload === 'lab/server')?.ipv4 ?? ''
  await eventually(async () => assert.equal(await dialled(i, address, 7000), 'open', what))
  await i.killAgent()
  how(join(i.state, 'default', file))
  const up = await i.bulkhead('up', i.directory, '--sandbox')
  if (up.code !== 0) assert.match(up.stderr, /\[state-unreadable\]\n {2}.*run `bulkhead down`, then `bulkhead up`/, what)
  assert.equal(await dialled(i, address, 7000), 'open', `${what}: the last rules stay`)
  assert.equal(await dialled(i, address, 7009), 'ECONNREFUSED', what)
  if (up.code === 0) return
  const down = await i.bulkhead('down')
  assert.equal(down.code, 0, `${what}: ${down.stderr}`)
  await eventually(() => Promise.resolve(assert.deepEqual(leftBehind(i), [], what)))
}
