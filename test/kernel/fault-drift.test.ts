import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dial, echo, eventually, lab, policy, said, withInstance } from './lib/instance.ts'
import type { TestInstance } from './lib/instance.ts'

const set = lab({ client: {}, server: { script: echo(7000, 7009), ports: '[7000, 7009]' } }, policy('client', 'server', 7000))

/** Harm done to the kernel behind the agent's back, each of which would open or break something if nobody looked. */
const harms: readonly { readonly name: string; readonly harm: (i: TestInstance) => Promise<readonly string[]>; readonly seen: RegExp }[] = [
  { name: 'the table is deleted', harm: async () => ['nft', 'delete', 'table', 'inet', 'bulkhead'], seen: /table was deleted/ },
  { name: 'a rule that accepts everything is put first', harm: async () => ['nft', 'insert', 'rule', 'inet', 'bulkhead', 'forward', 'accept'], seen: /table was changed/ },
  { name: 'all rules of the forward chain are flushed', harm: async () => ['nft', 'flush', 'chain', 'inet', 'bulkhead', 'forward'], seen: /table was changed/ },
  { name: 'the policy of the forward chain is turned to accept', harm: async () => ['nft', 'chain', 'inet', 'bulkhead', 'forward', '{ policy accept; }'], seen: /table was changed/ },
  { name: 'the routing rules are flushed', harm: async () => ['sh', '-c', 'ip rule del priority 102; ip -6 rule del priority 102'], seen: /routing rules/ },
  { name: 'another interface is given the server\'s group', harm: async (i) => ['ip', 'link', 'set', 'dev', await interfaceOf(i, 'lab/client'), 'group', '0'], seen: /group of bhw/ },
  { name: 'a redirect-friendly setting is turned on', harm: async () => ['sysctl', '-w', 'net.ipv4.conf.all.accept_source_route=1'], seen: /kernel settings/ },
  { name: 'a stranger\'s interface appears', harm: async () => ['sh', '-c', 'ip link add stranger type veth peer name stranger2; ip link set stranger up'], seen: /stranger/ },
]

async function interfaceOf(i: TestInstance, workload: string): Promise<string> {
  return (await i.status()).workloads.find((w) => w.workload === workload)?.interface ?? ''
}

/** How long starting one program takes just now: a repair is a few of them, and a second is meant for a machine that is not overloaded. */
async function startMs(i: TestInstance): Promise<number> {
  const began = performance.now()
  for (let n = 0; n < 10; n++) await i.router('true')
  return (performance.now() - began) / 10
}

/** Tries a closed port as fast as it can and counts what gets through. */
const hammer = (host: string): readonly string[] => [
  'node', '-e',
  `let n=0,open=0;const go=()=>{const s=require('net').connect(7009,'${host}');s.on('connect',()=>{open++;s.destroy()});s.on('error',()=>{});s.setTimeout(200,()=>s.destroy());s.on('close',()=>{n++;setImmediate(go)})}
for(let i=0;i<8;i++)go();console.log('hammering');process.on('SIGTERM',()=>{});setInterval(()=>console.log('tries',n,'open',open),100)`,
]

test('foreign changes are repaired within a second, and nothing closed is open in between', async () => {
  await withInstance(async (i) => {
    await i.up(set)
    await eventually(async () => assert.equal((await i.exec('client', ...dial('server', 7000))).stdout, 'open\n'))
    const server = (await i.status()).workloads.find((w) => w.workload === 'lab/server')
    const attackers = [i.spawn('client', ...hammer(server?.ipv4 ?? '')), i.spawn('client', ...hammer(server?.ipv6 ?? ''))]
    await Promise.all(attackers.map((a) => said(a, /hammering/)))
    let heard = ''
    for (const a of attackers) a.stdout?.on('data', (chunk: Buffer) => void (heard += chunk.toString('utf8')))
    for (const { name, harm, seen } of harms) {
      const before = (await i.status()).drift.length
      const argv = await harm(i)
      const { code, stderr } = await i.router(...argv)
      assert.equal(code, 0, `${name}: ${stderr}`)
      await eventually(async () => {
        const { drift, enforced } = await i.status()
        const news = drift.slice(before)
        assert.match(news.map((d) => d.what).join('; '), seen, name)
        assert.ok(news.every((d) => d.repaired), name)
        assert.equal(enforced, true, name)
      }, 8_000)
      assert.equal((await i.exec('client', ...dial('server', 7000))).stdout, 'open\n', `${name}: what is allowed goes on`)
    }
    const limit = Math.max(1_000, 100 * (await startMs(i)))
    const slow = (await i.status()).drift.filter((d) => d.tookMs > limit)
    assert.deepEqual(slow, [], `each was repaired within ${limit} ms of being noticed`)
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
