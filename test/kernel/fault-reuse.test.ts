import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { dial, echo, eventually, lab, policy, said, withInstance } from './lib/instance.ts'
import type { TestInstance } from './lib/instance.ts'

const server = { script: echo(7000), ports: '[7000]' }
const platform = (range: string): string => `apiVersion: bulkhead.dev/v1\nkind: Platform\nmetadata: { name: small }\nspec: { addresses: [${range}, "fdbb:1::/64"] }`

async function addressOf(i: TestInstance, name: string): Promise<string> {
  return (await i.status()).workloads.find((w) => w.workload === `lab/${name}`)?.ipv4 ?? ''
}

async function groupOf(i: TestInstance, name: string): Promise<string> {
  const place = (await i.status()).workloads.find((w) => w.workload === `lab/${name}`)
  const { stdout } = await i.router('ip', '-json', 'link', 'show', 'dev', place?.interface ?? '')
  const [link] = JSON.parse(stdout) as { group: string }[]
  assert.ok(link)
  return link.group
}

/** Never given out, as if every number before it had been. */
function useUp(i: TestInstance, next: number): void {
  const file = join(i.state, 'default', 'slots.json')
  const table = JSON.parse(readFileSync(file, 'utf8')) as { next: number }
  writeFileSync(file, JSON.stringify({ ...table, next }))
}

test('a new workload gets no address of an old one, and nothing of its connections is left', async () => {
  await withInstance(async (i) => {
    await i.up(lab({ old: {}, server }, policy('old', 'server', 7000)))
    const [address, target] = [await addressOf(i, 'old'), await addressOf(i, 'server')]
    const group = await groupOf(i, 'old')
    await eventually(async () => assert.equal((await i.exec('old', ...dial('server', 7000))).stdout, 'open\n'))
    const held = i.spawn('old', 'node', '-e', `require('net').connect(7000,'server').on('connect',()=>console.log('open'));setInterval(()=>{},1e9)`)
    await said(held, /open/)
    const report = await i.apply(lab({ fresh: {}, server }))
    assert.deepEqual(report.closed, ['lab/old -> lab/server tcp/7000'])
    assert.notEqual(await addressOf(i, 'fresh'), address)
    assert.notEqual(await groupOf(i, 'fresh'), group, 'nor its group')
    assert.equal((await i.exec('fresh', ...dial(target, 7000))).stdout, 'ECONNREFUSED\n')
    const connections = await i.router('conntrack', '-L', '-s', address)
    assert.equal(connections.stdout, '')
    held.kill('SIGKILL')
  })
})

test('addresses that are used up are an error that changes nothing; after `down`, counting begins anew and nothing is inherited', async () => {
  await withInstance(async (i) => {
    const first = lab({ old: {}, server }, policy('old', 'server', 7000), platform('10.200.0.0/24'))
    await i.up(first)
    const [address, target] = [await addressOf(i, 'old'), await addressOf(i, 'server')]
    await eventually(async () => assert.equal((await i.exec('old', ...dial(target, 7000))).stdout, 'open\n'))
    await i.killAgent()
    useUp(i, 238)
    await i.up(first)
    i.write(lab({ fresh: {}, server }, platform('10.200.0.0/24')))
    const full = await i.bulkhead('apply', i.directory)
    assert.match(full.stderr, /no IPv4 address left[\s\S]*`bulkhead down`, then `bulkhead up`/)
    assert.equal((await i.exec('old', ...dial(target, 7000))).stdout, 'open\n', 'the set before stays')
    await i.bulkhead('down')
    await i.up(lab({ fresh: {}, server }, platform('10.200.0.0/24')))
    assert.equal(await addressOf(i, 'fresh'), address, 'now it has the old one\'s address')
    await eventually(async () => assert.match((await i.exec('server', 'cat', '/proc/net/tcp6')).stdout, /:1B58 /))
    assert.equal((await i.exec('fresh', ...dial(await addressOf(i, 'server'), 7000))).stdout, 'ECONNREFUSED\n')
    assert.equal((await i.verify()).good, true)
  })
})
