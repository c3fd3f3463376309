import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { grantBriefly } from './lib/brief.ts'
import { dial, echo, eventually, lab, policy, said, withInstance } from './lib/instance.ts'

const workloads = { client: {}, other: {}, server: { script: echo(7000, 7001), ports: '[7000, 7001]' } }
const both = lab(workloads, policy('client', 'server', 7000), policy('other', 'server', 7001))
const without = lab(workloads, policy('other', 'server', 7001))

/** Opens a connection, says so, and tells how it ends. With `every`, sends that often and counts answers. */
const hold = (port: number, host: string, every = 0): readonly string[] => [
  'node', '-e',
  `const s=require('net').connect(${port},'${host}');let sent=0,got=0
s.on('connect',()=>{console.log('open');if(${every})setInterval(()=>{sent++;s.write('x')},${every})})
s.on('data',d=>got+=d.length);s.on('error',e=>console.log('error',e.code));s.on('close',()=>{console.log('closed');process.exit()})
process.on('SIGTERM',()=>setTimeout(()=>{console.log('sent',sent,'got',got);process.exit()},300))
setTimeout(()=>{console.log('sent',sent,'got',got)},4000)`,
]

test('removing a policy ends its idle connections on both sides, says which, and a new grant does not revive them', async () => {
  await withInstance(async (i) => {
    await i.up(both)
    await eventually(async () => assert.equal((await i.exec('client', ...dial('server', 7000))).stdout, 'open\n'))
    const v4 = i.spawn('client', ...hold(7000, (await i.status()).workloads.find((w) => w.workload === 'lab/server')?.ipv4 ?? ''))
    const v6 = i.spawn('client', ...hold(7000, (await i.status()).workloads.find((w) => w.workload === 'lab/server')?.ipv6 ?? ''))
    await Promise.all([said(v4, /open/), said(v6, /open/)])
    const ends = Promise.all([said(v4, /closed/), said(v6, /closed/)])
    const report = await i.apply(without)
    assert.deepEqual(report.closed, ['lab/client -> lab/server tcp/7000'])
    const ended = report.ended.filter((c) => c.sockets === 2)
    assert.equal(ended.length, 2, JSON.stringify(report.ended))
    assert.ok(ended.every((c) => c.documents.join().includes('client-to-server')), JSON.stringify(ended))
    await ends
    const sockets = await i.exec('server', 'sh', '-c', 'cat /proc/net/tcp /proc/net/tcp6')
    assert.doesNotMatch(sockets.stdout, /:1B58 [0-9A-F]+:[0-9A-F]+ 01 /, 'no established socket on 7000 is left at the server')
    assert.equal((await i.exec('client', ...dial('server', 7000))).stdout, 'ENOTFOUND\n')
    const again = await i.apply(both)
    assert.deepEqual(again.opened, ['lab/client -> lab/server tcp/7000'])
    assert.deepEqual(again.ended, [])
    assert.equal((await i.exec('client', ...dial('server', 7000))).stdout, 'open\n')
  })
})

test('a policy that is not touched does not lose a packet while others come and go', async () => {
  await withInstance(async (i) => {
    await i.up(both)
    await eventually(async () => assert.equal((await i.exec('other', ...dial('server', 7001))).stdout, 'open\n'))
    const stream = i.spawn('other', ...hold(7001, 'server', 2))
    await said(stream, /open/)
    const end = said(stream, /sent \d+ got \d+/, 15_000)
    for (let round = 0; round < 4; round++) await i.apply(round % 2 === 0 ? without : both)
    const [, sent = '', got = ''] = /sent (\d+) got (\d+)/.exec(await end) ?? []
    // The last few may be on their way when the count is taken.
    assert.ok(Number(sent) > 500 && Number(sent) - Number(got) <= 3, `sent ${sent}, got ${got}`)
    stream.kill('SIGKILL')
    const { stdout } = await i.router('nft', 'list', 'counters')
    assert.match(stdout, /logged-invalid \{\s+packets 0 /, 'no packet of it was refused')
  })
})

test('a change of phase takes away what the old phase had', async () => {
  await withInstance(async (i) => {
    const external = 'apiVersion: bulkhead.dev/v1\nkind: External\nmetadata: { name: packages }\nspec: { cidrs: [203.0.113.0/24] }'
    const egress = 'apiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: { name: fetch, enclave: lab }\nspec: { source: builder, destination: external:packages, protocol: tcp, port: 7000, phases: [staging] }'
    const set = (phase: string): string => lab({ builder: { extra: `  phase: ${phase}\n` } }, external, egress)
    await i.up(set('staging'), '--outside', `exec '${process.execPath}' -e "${echo(7000)}"`)
    await eventually(async () => assert.equal((await i.exec('builder', ...dial('203.0.113.9', 7000))).stdout, 'open\n'))
    const connection = i.spawn('builder', ...hold(7000, '203.0.113.9'))
    await said(connection, /open/)
    const end = said(connection, /closed/)
    const report = await i.apply(set('running'))
    assert.ok(report.ended.some((c) => c.destination === '203.0.113.9' && c.sockets >= 1), JSON.stringify(report.ended))
    await end
    assert.equal((await i.exec('builder', ...dial('203.0.113.9', 7000))).stdout, 'ECONNREFUSED\n')
  })
})

test('a policy expires in the kernel, also while no agent lives', async () => {
  await withInstance(async (i) => {
    const expires = await grantBriefly(i, { client: {}, server: { script: echo(7000), ports: '[7000]' } })
    const address = (await i.status()).workloads.find((w) => w.workload === 'lab/server')?.ipv4 ?? ''
    await eventually(async () => assert.equal((await i.exec('client', ...dial(address, 7000))).stdout, 'open\n'), expires - Date.now())
    await i.killAgent()
    await sleep(Math.max(0, expires - Date.now()) + 100)
    const { stdout } = await i.router('nft', 'get', 'element', 'inet', 'bulkhead', 'port', '{ 0 . 0 . tcp . 1 }')
    assert.equal(stdout, '')
    const table = await i.router('nft', 'list', 'map', 'inet', 'bulkhead', 'port')
    assert.doesNotMatch(table.stdout, /7000/)
  })
})
