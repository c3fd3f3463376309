import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { run } from '../../src/base/process.ts'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { agentPid } from './lib/processes.ts'
import { echo, eventually, lab, policy, said, withInstance } from './lib/instance.ts'
import { hammer, hits, knocks } from './lib/hammer.ts'
import { outsideWorld } from './lib/outside-world.ts'
import type { ApplyReport } from '../../src/host/report.ts'

const root = resolve(import.meta.dirname, '../..')

/** This program as another version, which may differ in one file. */
function nextVersion(folder: string, differs?: { readonly file: string; readonly from: string; readonly to: string }): string {
  for (const part of ['bin', 'src']) cpSync(join(root, part), join(folder, part), { recursive: true })
  if (differs !== undefined) {
    const file = join(folder, differs.file)
    const text = readFileSync(file, 'utf8')
    assert.ok(text.includes(differs.from), `${differs.file} has changed`)
    writeFileSync(file, text.replace(differs.from, differs.to))
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, version: '999.0.0' }))
  return join(folder, 'bin/bulkhead')
}

test('a newer version takes over: rules, workloads and connections go on, and no closed path is open meanwhile', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-next-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const program = nextVersion(folder)
  await withInstance(async (i) => {
    await i.up(lab({ client: {}, knocker: { script: hammer([7000, 7009]) }, server: { script: echo(7000, 7009), ports: '[7000, 7009]' } }, policy('client', 'server', 7000)))
    const before = await i.status()
    const old = agentPid(i)
    const talk = i.spawn('client', 'node', '-e', `const s=require('net').connect(7000,'server');let n=0;s.on('data',()=>n++);s.on('close',()=>console.log('closed'));setInterval(()=>{s.write('x');console.log('echoes',n)},50)`)
    await said(talk, /echoes [1-9]/)
    const up = await run([program, 'up', i.directory, '--sandbox'], { env: { ...process.env, BULKHEAD_STATE: i.state }, timeoutMs: 120_000 })
    assert.equal(up.code, 0, up.stderr)
    const now = agentPid(i)
    assert.ok(now !== undefined && now !== old, 'another agent is at work')
    assert.match(readFileSync(join(i.state, 'default', 'log', 'agent.log'), 'utf8'), /handing over[\s\S]*adopted/)
    const seen = await said(talk, /echoes \d+\n[\s\S]*echoes \d+\n[\s\S]*echoes \d+/)
    assert.doesNotMatch(seen, /closed/)
    assert.equal(talk.exitCode, null)
    talk.kill('SIGKILL')
    const after = await i.status()
    assert.deepEqual(after.workloads.map((w) => w.task?.inner), before.workloads.map((w) => w.task?.inner), 'the same processes')
    await eventually(() => Promise.resolve(assert.ok(knocks(i, 'lab.knocker.0') > 20)))
    assert.deepEqual(hits(i, 'lab.knocker.0'), [])
    // The older one is no reason to stay either: whoever says `up` last is served by his own version.
    assert.equal((await i.bulkhead('up', i.directory, '--sandbox')).code, 0)
    assert.notEqual(agentPid(i), now)
  })
})

test('a version with other listeners ends what gateways carry, and says so; what is no gateway\'s goes on', { skip: findEnvoy() === undefined ? 'no envoy' : false }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-next-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const program = nextVersion(folder, { file: 'src/engines/envoy/limits.ts', from: 'export const bufferBytes = ', to: 'export const bufferBytes = 1 + ' })
  await withInstance(async (i) => {
    const world = await outsideWorld(join(i.directory, '..'), { 'pypi.example.org': ['203.0.113.10'] })
    const document = (kind: string, name: string, spec: string): string => `apiVersion: bulkhead.dev/v1\nkind: ${kind}\nmetadata: { name: ${name}${kind.endsWith('Policy') ? ', enclave: lab' : ''} }\nspec: ${spec}`
    await i.up(lab(
      { client: {}, server: { script: echo(7000), ports: '[7000]' } }, policy('client', 'server', 7000),
      document('Platform', 'here', `{ trustDomain: here.example, resolver: { upstream: [${world.nameServer}] } }`), document('External', 'pypi', '{ domains: [pypi.example.org] }'),
      document('EgressPolicy', 'out', '{ source: client, destination: external:pypi, protocol: tcp, port: 443 }'),
    ), '--outside', world.command)
    const talk = i.spawn('client', 'node', '-e', `const s=require('net').connect(7000,'server');let n=0;s.on('data',()=>n++);s.on('close',()=>console.log('closed'));setInterval(()=>{s.write('x');console.log('echoes',n)},50)`)
    const named = i.spawn('client', 'node', '-e', `
      const dial=()=>{const s=require('tls').connect({host:'pypi.example.org',port:443,servername:'pypi.example.org',rejectUnauthorized:false});let up=false
        s.on('secureConnect',()=>{up=true;console.log('up')});s.on('error',()=>{});s.on('close',()=>{if(up)console.log('gone');else setTimeout(dial,200)})};dial();setInterval(()=>{},1000)`)
    await said(talk, /echoes [1-9]/)
    await said(named, /up/)
    const gone = said(named, /gone/, 180_000)
    gone.catch(() => undefined)
    const up = await run([program, 'up', i.directory, '--sandbox'], { env: { ...process.env, BULKHEAD_STATE: i.state, ENVOY: findEnvoy() }, timeoutMs: 120_000 })
    assert.equal(up.code, 0, up.stderr)
    assert.match(up.stdout, /ended at gateway-out, which has other rules now: at most 1 connection by [^\n]*tls:lab\/client@running:443:pypi\.example\.org[^\n]*, opened by EgressPolicy lab\/out/)
    await gone
    assert.doesNotMatch(await said(talk, /echoes \d+\n[\s\S]*echoes \d+/), /closed/)
    for (const child of [talk, named]) child.kill('SIGKILL')
    const again = await run([program, 'up', i.directory, '--sandbox', '--json'], { env: { ...process.env, BULKHEAD_STATE: i.state, ENVOY: findEnvoy() }, timeoutMs: 120_000 })
    assert.equal((JSON.parse(again.stdout) as ApplyReport).endedAtGateways, undefined, 'the same again ends nothing')
  })
})
