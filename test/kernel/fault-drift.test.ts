import assert from 'node:assert/strict'
import { test } from 'node:test'
import { harmedSet as set, harms } from './lib/harms.ts'
import { dial, echo, eventually, lab, said, withInstance } from './lib/instance.ts'

/** Tries a closed port as fast as it can and counts what gets through. */
const hammer = (host: string): readonly string[] => [
  'node', '-e',
  `let n=0,open=0;const go=()=>{const s=require('net').connect(7009,'${host}');s.on('connect',()=>{open++;s.destroy()});s.on('error',()=>{});s.setTimeout(200,()=>s.destroy());s.on('close',()=>{n++;setImmediate(go)})}
for(let i=0;i<8;i++)go();console.log('hammering');process.on('SIGTERM',()=>{});setInterval(()=>console.log('tries',n,'open',open),100)`,
]

test('foreign changes are repaired, and nothing closed is open in between', async () => {
  await withInstance(async (i) => {
    await i.up(set)
    await eventually(async () => assert.equal((await i.exec('client', ...dial('server', 7000))).stdout, 'open\n'))
    const server = (await i.status()).workloads.find((w) => w.workload === 'lab/server')
    const attackers = [i.spawn('client', ...hammer(server?.ipv4 ?? '')), i.spawn('client', ...hammer(server?.ipv6 ?? ''))]
    await Promise.all(attackers.map((a) => said(a, /hammering/)))
    let heard = ''
    for (const a of attackers) a.stdout?.on('data', (chunk: Buffer) => void (heard += chunk.toString('utf8')))
    for (const { name, command, seen } of harms) {
      const before = (await i.status()).drift.length
      const { code, stderr } = await i.router(...(await command(i)))
      assert.equal(code, 0, `${name}: ${stderr}`)
      await eventually(async () => {
        const { drift, enforced } = await i.status()
        const news = drift.slice(before)
        assert.match(news.map((d) => d.what).join('; '), seen, name)
        assert.ok(news.every((d) => d.repaired), name)
        assert.equal(enforced, true, name)
      })
      assert.equal((await i.exec('client', ...dial('server', 7000))).stdout, 'open\n', `${name}: what is allowed goes on`)
    }
    const tries = [...heard.matchAll(/tries (\d+) open (\d+)/g)]
    assert.ok(Number(tries.at(-1)?.[1]) > 100, heard.slice(-200))
    assert.deepEqual(tries.filter((m) => m[2] !== '0').map((m) => m[0]), [], 'the closed port was never open')
    for (const a of attackers) a.kill('SIGKILL')
  })
})

test('when the agent is killed, the last rules stay, and the next `up` adopts what runs', async () => {
  await withInstance(async (i) => {
    await i.up(set)
    await eventually(async () => assert.equal((await i.exec('client', ...dial('server', 7000))).stdout, 'open\n'))
    const server = (await i.status()).workloads.find((w) => w.workload === 'lab/server')
    const connection = i.spawn('client', 'node', '-e', `const s=require('net').connect(7000,'server');s.on('connect',()=>console.log('open'));s.on('data',d=>console.log('echo',String(d)));s.on('close',()=>{console.log('closed');process.exit()});setInterval(()=>s.write('x'),200)`)
    await said(connection, /echo/)
    await i.killAgent()
    assert.equal((await i.exec('client', ...dial(server?.ipv4 ?? '', 7000))).stdout, 'open\n')
    assert.equal((await i.exec('client', ...dial(server?.ipv4 ?? '', 7009))).stdout, 'ECONNREFUSED\n')
    const dead = await i.verify()
    assert.equal(dead.good, true, JSON.stringify(dead.mismatches))
    await i.up(set)
    const after = (await i.status()).workloads.find((w) => w.workload === 'lab/server')
    assert.equal(after?.task?.inner, server?.task?.inner, 'the workload is the same process')
    assert.equal(connection.exitCode, null, 'its connection lives')
    connection.kill('SIGKILL')
    // A revocation by the new agent cuts what the old one had allowed.
    await i.apply(lab({ client: {}, server: { script: echo(7000, 7009), ports: '[7000, 7009]' } }))
    assert.equal((await i.exec('client', ...dial(server?.ipv4 ?? '', 7000))).stdout, 'ECONNREFUSED\n')
  })
})
