import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { dial, echo, eventually, lab, policy, withInstance } from './lib/instance.ts'

const guest = 'apiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: { name: guest, enclave: lab }\nspec:\n  ports: [7000]\n  attach: { netns: container }'
const server = { script: echo(7000, 7009), ports: '[7000, 7009]' }
const without = lab({ server })
const attached = lab({ server }, guest, policy('guest', 'server', 7000))

test('a workload that dies while it is attached is told as failed, leaves nothing, and is attached when it is back', async () => {
  await withInstance(async (i) => {
    await i.up(without)
    const address = (await i.status()).workloads[0]?.ipv4 ?? ''
    for (const delay of [0, 120, 160, 200, 240, 300, 400]) {
      await i.router('ip', 'netns', 'add', 'container')
      i.write(attached)
      const applying = i.bulkhead('apply', i.directory, '--json')
      await sleep(delay)
      await i.router('ip', 'netns', 'del', 'container')
      assert.ok((await applying).code <= 1, 'it is done or told as failed')
      await eventually(async () => {
        const place = (await i.status()).workloads.find((w) => w.workload === 'lab/guest')
        assert.notEqual(place?.failed, undefined, 'nobody takes it for attached')
      }, 15_000)
      const links = (await i.router('ip', '-o', 'link', 'show')).stdout
      assert.doesNotMatch(links, /bhw\d+[nx]/, 'no half of a pair is left')
      assert.equal((await i.apply(without)).applied, true)
    }
    await i.router('ip', 'netns', 'add', 'container')
    assert.deepEqual((await i.apply(attached)).failed, [])
    const from = async (port: number): Promise<string> => (await i.router('ip', 'netns', 'exec', 'container', ...dial(address, port))).stdout
    await eventually(async () => assert.equal(await from(7000), 'open\n'))
    assert.equal(await from(7009), 'ECONNREFUSED\n')
  })
})
