import assert from 'node:assert/strict'
import { test } from 'node:test'
import { echo, eventually, lab, policy, said, withInstance } from './lib/instance.ts'
import type { TestInstance } from './lib/instance.ts'
import type { Hop, PacketStory } from '../../src/observe/trace-story.ts'
import type { TraceReport } from '../../src/observe/trace-report.ts'

const documents = lab(
  { client: {}, server: { script: echo(7000, 7009), ports: '[7000, 7009]' } },
  policy('client', 'server', 7000),
  'apiVersion: bulkhead.dev/v1\nkind: ServicePolicy\nmetadata: { name: past, enclave: lab }\nspec: { source: client, destination: server, protocol: tcp, port: 7009, expires: 2020-01-01 }',
  'apiVersion: bulkhead.dev/v1\nkind: External\nmetadata: { name: web }\nspec: { cidrs: [203.0.113.0/24] }',
  'apiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: { name: out, enclave: lab }\nspec: { source: client, destination: external:web, protocol: tcp, port: 443 }',
  'apiVersion: bulkhead.dev/v1\nkind: IngressPolicy\nmetadata: { name: in, enclave: lab }\nspec: { source: external:web, destination: server, protocol: tcp, port: 7000, authentication: none, publish: { address: 198.51.100.7, port: 80 } }',
)

type Traced = TraceReport & { readonly ways: readonly PacketStory[] }

async function trace(i: TestInstance, ...words: readonly string[]): Promise<Traced> {
  const { stdout, stderr, code } = await i.bulkhead('trace', ...words, '--json')
  const answer = JSON.parse(stdout) as Traced
  assert.equal(code, answer.verdict === 'delivered' ? 0 : 1, stderr)
  return answer
}

function checks(story: PacketStory | undefined): readonly Hop['check'][] {
  return story?.hops.map((h) => h.check) ?? []
}

const through = ['arrival', 'route', 'path', 'connection', 'gate', 'departure'] as const

test('a trace says which checks a packet met, and where and why it stopped, without disturbing the platform', async () => {
  await withInstance(async (i) => {
    await i.up(documents)
    const steady = i.spawn('client', 'node', '-e', "const s=require('net').connect(7000,'server');let n=0,m=0;s.on('connect',()=>{console.log('open');setInterval(()=>{n++;s.write('x')},5)});s.on('data',d=>m+=d.length);s.on('close',()=>{console.log('closed');process.exit()});setInterval(()=>console.log('sent',n,'heard',m),100)")
    const heard: string[] = []
    steady.stdout?.on('data', (chunk: Buffer) => void heard.push(chunk.toString('utf8')))
    await said(steady, /heard [1-9]/)

    const allowed = await trace(i, 'client', 'server', '7000/tcp')
    assert.deepEqual(allowed.ways.map(checks), [through, through.filter((c) => c !== 'connection')])
    assert.match(allowed.conclusion, /^delivered by ServicePolicy lab\/client-to-server-tcp-7000, and answered$/)
    assert.deepEqual((await trace(i, 'client', 'server', '7000/tcp', '--ipv6')).ways.map(checks)[0], through)

    const refused = await trace(i, 'server', 'client', '22/tcp')
    assert.deepEqual([checks(refused.ways[0]), refused.ways[0]?.end, refused.ways[0]?.reason], [['arrival', 'route', 'stop'], 'refused', 'policy'])
    assert.equal(refused.conclusion, 'stopped: no policy opens `lab/server` to `lab/client` on tcp 22')

    const spoofed = await trace(i, 'client', 'server', '7000/tcp', '--from', '10.9.9.9')
    assert.deepEqual([checks(spoofed.ways[0]), spoofed.ways[0]?.reason], [['stop'], 'spoof'])
    assert.match(spoofed.conclusion, /10\.9\.9\.9 is not an address of a shadow of lab\/client/)

    const expired = await trace(i, 'client', 'server', '7009/tcp')
    assert.match(expired.conclusion, /nearest: ServicePolicy lab\/past \(set\.yaml:\d+\), but it `expires` at 2020-01-01/)

    const egress = await trace(i, 'client', 'external:web', '443/tcp')
    assert.deepEqual(egress.ways.map(checks), [['arrival', 'route', 'path', 'connection', 'gate', 'translation', 'departure'], ['arrival', 'source', 'translation', 'route', 'path', 'gate', 'departure']])
    assert.match(egress.conclusion, /^delivered by EgressPolicy lab\/out/)

    const published = await trace(i, '203.0.113.9', '198.51.100.7', '80/tcp')
    assert.deepEqual(checks(published.ways[0]), ['arrival', 'source', 'translation', 'route', 'path', 'connection', 'gate', 'departure'])
    assert.match(published.ways[0]?.hops[2]?.text ?? '', /198\.51\.100\.7:80 leads to 10\.128\.0\.\d+:7000, lab\/server/)
    assert.match((await trace(i, '192.0.2.1', '198.51.100.7', '80/tcp')).conclusion, /IngressPolicy lab\/in .*does not hold `192\.0\.2\.1`/)

    assert.equal((await i.router('nft', 'list', 'table', 'inet', 'bulkhead-trace')).code, 1, 'the table of the trace is gone')
    const { drift, enforced, foreignTables } = await i.status()
    assert.deepEqual([drift, enforced, foreignTables], [[], true, []])
    heard.length = 0
    await eventually(() => {
      const [sent, back] = (/sent (\d+) heard (\d+)/.exec(heard.at(-1) ?? '') ?? []).slice(1).map(Number)
      assert.ok(sent !== undefined && back !== undefined && sent > 100 && sent - back < 40, `the connection beside it goes on: ${heard.join('')}`)
      return Promise.resolve()
    })
    assert.equal(steady.exitCode, null)
    steady.kill('SIGKILL')
  })
})

test('live packets are followed until the time is up, and a rule that somebody put in is told', async () => {
  await withInstance(async (i) => {
    await i.up(documents)
    const talker = i.spawn('client', 'node', '-e', "setInterval(()=>{const s=require('net').connect(7009,'server');s.on('error',()=>{})},200)")
    const { stdout, code } = await i.bulkhead('trace', 'client', 'server', '7009/tcp', '--live', '--for', '3', '--json')
    const lines = stdout.trim().split('\n').map((line) => JSON.parse(line) as PacketStory & TraceReport)
    talker.kill('SIGKILL')
    assert.equal(code, 1)
    assert.ok(lines.length > 3, stdout)
    assert.ok(lines.slice(0, -1).every((s) => s.end === 'refused' && s.hops[0]?.text.includes('lab/client')), stdout)
    assert.equal(lines.at(-1)?.verdict, 'stopped')
    assert.equal((await i.bulkhead('trace', 'server', 'client', '9/tcp', '--live', '--for', '1')).code, 1, 'nothing seen is not well')
    // The agent repairs what we break, so it goes first.
    await i.killAgent()
    assert.equal((await i.router('nft', 'insert', 'rule', 'inet', 'bulkhead', 'forward', 'tcp', 'dport', '7000', 'drop')).code, 0)
    const broken = await trace(i, 'client', 'server', '7000/tcp')
    assert.match(broken.conclusion, /a rule in chain `forward` that is not Bulkhead's: `tcp dport 7000 drop`/)
  })
})

test('a trace that is killed leaves nothing, and nonsense is refused with a reason', async () => {
  await withInstance(async (i) => {
    await i.up(documents)
    const tracing = i.spawnCommand('trace', 'client', 'server', '7000/tcp', '--live')
    const here = async (): Promise<number> => (await i.router('nft', 'list', 'table', 'inet', 'bulkhead-trace')).code
    await eventually(async () => assert.equal(await here(), 0))
    const { stdout } = await i.router('sh', '-c', 'grep -l trace-main /proc/[0-9]*/cmdline | cut -d/ -f3')
    assert.notEqual(stdout.trim(), '')
    for (const pid of stdout.trim().split('\n')) await i.router('kill', '-9', pid)
    await eventually(async () => assert.equal(await here(), 1))
    tracing.kill('SIGKILL')
    for (const [words, why] of [
      [['client', 'nobody', '1/tcp'], /`nobody` is not a workload/],
      [['client', 'client', '1/tcp'], /cannot probe itself/],
      [['client', 'server', '1/sctp'], /a probe cannot be sctp/],
      [['client', 'server', '0/tcp'], /`0` is not a port/],
      [['client', 'server', '1/tcp', '--phase', 'staging'], /no identity in phase `staging`/],
      [['client', 'server', '1/tcp', '--for', '5'], /--for needs --live/],
    ] as const) {
      const { code, stderr } = await i.bulkhead('trace', ...words)
      assert.equal(code, 2, words.join(' '))
      assert.match(stderr, why)
    }
    assert.deepEqual((await i.status()).drift, [])
  })
})
