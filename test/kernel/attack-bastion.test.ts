/** A bastion is let in to for a time: when it is over, whoever is still connected is not, and the log says what ended. */
import assert from 'node:assert/strict'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { dial, echo, eventually, lab, said, withInstance } from './lib/instance.ts'
import type { ChildProcess } from 'node:child_process'
import type { ChangeEntry } from '../../src/audit/chain.ts'

const documents = (expires: number): string => [
  'apiVersion: bulkhead.dev/v1\nkind: Stack\nmetadata: { name: default }\nspec: { layers: [app, bastion] }',
  lab({ jump: { script: echo(2200), ports: '[2200]', extra: '  layer: bastion\n' }, app: { script: echo(7000), ports: '[7000]', extra: '  layer: app\n' } }),
  'apiVersion: bulkhead.dev/v1\nkind: External\nmetadata: { name: office }\nspec: { cidrs: [198.51.100.0/24] }',
  `apiVersion: bulkhead.dev/v1\nkind: IngressPolicy\nmetadata: { name: hands-on, enclave: lab }\nspec: { source: external:office, destination: jump, protocol: tcp, port: 2200, authentication: none, publish: { address: 192.0.2.22, port: 22 }, expires: "${new Date(expires).toISOString()}" }`,
].join('\n---\n')

/** Connects from the office; after `silent` milliseconds it sends something every 50. Every half second it tells how much was answered, and when last. */
const connect = (silent: number): readonly string[] => [process.execPath, '-e', `const s=require('net').connect({host:'192.0.2.22',port:22,localAddress:'198.51.100.7'});let got=0,last=0
s.on('connect',()=>{console.log('open');setTimeout(()=>setInterval(()=>s.write('x'),50),${silent});setInterval(()=>console.log('now',Date.now(),'got',got,'last',last),500)})
s.on('data',d=>{got+=d.length;last=Date.now()});s.on('error',e=>{console.log(e.code);process.exit()});setTimeout(()=>process.exit(),120000)`]

interface Told { readonly now: number; readonly got: number; readonly last: number }

/** What it tells at or after that instant. */
function toldAt(child: ChildProcess, instant: number): Promise<Told> {
  const { promise, resolve } = Promise.withResolvers<Told>()
  createInterface({ input: child.stdout ?? assert.fail() }).on('line', (line) => {
    const [, now = '0', got = '', last = ''] = /^now (\d+) got (\d+) last (\d+)$/.exec(line) ?? []
    if (Number(now) >= instant) resolve({ now: Number(now), got: Number(got), last: Number(last) })
  })
  return promise
}

test('what was let in to a bastion for a time is cut when it is over, idle or busy, and the log tells which permission ended', () => withInstance(async (i) => {
  const clients: ChildProcess[] = []
  const client = (silent: number): ChildProcess => {
    const child = i.converse('--outside', ...connect(silent))
    clients.push(child)
    return child
  }
  try {
    await i.up(documents(Date.now() + 3_600_000), '--reason', 'CHG-9: repair, one hour')
    await eventually(async () => assert.match(await said(client(0), /open|E[A-Z]+/), /open/), 30_000)
    // Long enough to connect on a slow machine; what follows waits for the end itself.
    const expires = Date.now() + 20_000
    await i.apply(documents(expires))
    const [silent, busy] = [client(expires - Date.now() + 2_000), client(0)]
    const later = Promise.all([silent, busy].map((child) => toldAt(child, expires + 10_000)))
    await Promise.all([silent, busy].map((child) => said(child, /open/, 15_000)))
    const [quiet, loud] = await later
    assert.equal(quiet?.got, 0, 'nothing that is said afterwards is answered')
    assert.ok((loud?.last ?? 0) > expires - 10_000 && (loud?.last ?? 0) < expires + 5_000, `answered until ${(loud?.last ?? 0) - expires} ms after its end`)
    const sockets = await i.exec('jump', 'sh', '-c', 'cat /proc/net/tcp /proc/net/tcp6')
    assert.doesNotMatch(sockets.stdout, /:0898 [0-9A-F]+:[0-9A-F]+ 01 /, 'no established connection is left at the bastion')
    assert.doesNotMatch((await i.exec('--outside', ...dial('192.0.2.22', 22))).stdout, /open/, 'and nobody comes in any more')
    await eventually(async () => {
      const { entries } = JSON.parse((await i.bulkhead('audit', '--log', '--json')).stdout) as { entries: readonly ChangeEntry[] }
      const entry = entries.find((e) => e.kind === 'expired')
      assert.equal(entry?.closed?.length, 1, JSON.stringify(entries))
      assert.match(entry.closed[0] ?? '', /external:office -> lab\/jump .*IngressPolicy lab\/hands-on/)
      assert.ok(Date.parse(entry.time) >= expires - 1_000, entry.time)
    }, 30_000)
  } finally {
    for (const child of clients) child.kill('SIGKILL')
  }
}))
