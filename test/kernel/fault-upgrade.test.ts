import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { run } from '../../src/base/process.ts'
import { agentPid } from './lib/processes.ts'
import { echo, eventually, lab, policy, said, withInstance } from './lib/instance.ts'
import { hammer, hits, knocks } from './lib/hammer.ts'

const root = resolve(import.meta.dirname, '../..')

/** This program as another version. */
function nextVersion(folder: string): string {
  for (const part of ['bin', 'src']) cpSync(join(root, part), join(folder, part), { recursive: true })
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
