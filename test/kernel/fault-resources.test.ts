import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../src/base/process.ts'
import { dial, echo, eventually, lab, policy, withInstance } from './lib/instance.ts'
import { agentPid, killNow } from './lib/processes.ts'
import { openSandbox } from './lib/sandbox.ts'
import type { TestInstance } from './lib/instance.ts'

const workloads = { client: {}, server: { script: echo(7000, 7009), ports: '[7000, 7009]' } }
const granted = lab(workloads, policy('client', 'server', 7000))
const revoked = lab(workloads)
const more = lab({ ...workloads, extra: {} }, policy('client', 'server', 7000))

async function dialled(i: TestInstance, port: number): Promise<string> {
  const address = (await i.status()).workloads.find((w) => w.workload === 'lab/server')?.ipv4 ?? ''
  return (await i.exec('client', ...dial(address, port))).stdout.trim()
}

test('when nft fails or is killed in the middle, the set before stays whole, and the next change is made', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-nft-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const real = (await run(['sh', '-c', 'PATH=$PATH:/usr/sbin:/sbin command -v nft'])).stdout.trim()
  const how = join(folder, 'how')
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin/nft'), `#!/bin/sh\ncase "$*" in *monitor*|*list*) exec ${real} "$@" ;; esac\n[ ! -e ${how} ] || . ${how}\nexec ${real} "$@"\n`)
  chmodSync(join(folder, 'bin/nft'), 0o755)
  const path = process.env['PATH']
  process.env['PATH'] = `${folder}/bin:${path}`
  t.after(() => void (process.env['PATH'] = path))
  await withInstance(async (i) => {
    await i.up(granted)
    await eventually(async () => assert.equal(await dialled(i, 7000), 'open'))
    for (const trouble of ['echo no memory >&2; exit 1', 'kill -9 $$']) {
      writeFileSync(how, trouble)
      // The one that stays for small changes ends too; what is started in its place is in trouble.
      await i.router('sh', '-c', 'for p in /proc/[0-9]*; do [ "$(cat $p/comm)" != nft ] || grep -q monitor $p/cmdline || kill -9 ${p#/proc/}; done')
      i.write(revoked)
      const failed = await i.bulkhead('apply', i.directory)
      assert.notEqual(failed.code, 0, trouble)
      assert.match(failed.stderr, /nft-failed/)
      assert.equal(await dialled(i, 7000), 'open', `${trouble}: the set before stays`)
      assert.equal(await dialled(i, 7009), 'ECONNREFUSED')
      rmSync(how)
      await i.killAgent()
      await i.up(granted)
      assert.equal(await dialled(i, 7000), 'open', 'nor does a new agent do what was refused')
      assert.deepEqual((await i.apply(revoked)).closed, ['lab/client -> lab/server tcp/7000'])
      assert.equal(await dialled(i, 7000), 'ECONNREFUSED')
      assert.deepEqual((await i.apply(granted)).opened, ['lab/client -> lab/server tcp/7000'])
    }
    assert.equal((await i.verify()).good, true)
  })
})

test('an agent without memory fails or ends, and opens nothing; when it is ended, the next one completes', async () => {
  await withInstance(async (i) => {
    await i.up(granted)
    await eventually(async () => assert.equal(await dialled(i, 7000), 'open'))
    const address = (await i.status()).workloads.find((w) => w.workload === 'lab/server')?.ipv4 ?? ''
    const reached = async (port: number): Promise<string> => (await i.exec('client', ...dial(address, port))).stdout.trim()
    const starved = agentPid(i)
    const limited = await run(['prlimit', '--pid', String(starved), '--data=1:1', '--as=1:1'])
    assert.equal(limited.code, 0, limited.stderr)
    i.write(more)
    assert.notEqual((await i.bulkhead('apply', i.directory)).code, 0, 'it cannot even start a program')
    assert.equal(await reached(7000), 'open')
    assert.equal(await reached(7009), 'ECONNREFUSED')
    killNow(starved)
    const up = await i.bulkhead('up', i.directory, '--sandbox')
    assert.equal(up.code, 0, up.stderr)
    assert.equal(await reached(7000), 'open')
    assert.equal(await reached(7009), 'ECONNREFUSED')
    assert.equal((await i.bulkhead('status')).code, 0)
  })
})

test('a full /run fails the workload that needs it and nobody else, and the next change completes', async () => {
  await withInstance(async (i) => {
    await i.up(granted)
    await eventually(async () => assert.equal(await dialled(i, 7000), 'open'))
    await i.router('sh', '-c', 'mount -o remount,nr_inodes=$(($(df -i /run | tail -1 | tr -s " " | cut -d" " -f3) + 1)) /run; cat /dev/zero >/run/full')
    const report = await i.apply(more)
    assert.deepEqual(report.failed.map((f) => f.place), ['lab/extra#0'])
    assert.equal(await dialled(i, 7000), 'open')
    assert.equal(await dialled(i, 7009), 'ECONNREFUSED')
    await i.router('sh', '-c', 'rm /run/full; mount -o remount,nr_inodes=0 /run')
    assert.deepEqual((await i.apply(more)).failed, [])
    assert.equal((await i.bulkhead('status')).code, 0)
  })
})

test('a workload that fills the disk of the state does not keep a revocation from being made, nor from being remembered', async () => {
  const sandbox = await openSandbox()
  try {
    await sandbox.must(['mount', '-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', '/mnt'])
    const program = new URL('../../bin/bulkhead', import.meta.url).pathname
    const bulkhead = (...words: readonly string[]): ReturnType<typeof sandbox.run> => sandbox.run([program, ...words], { env: { ...process.env, BULKHEAD_STATE: '/mnt/state' }, timeoutMs: 120_000 })
    const apply = async (verb: readonly string[], text: string): Promise<void> => {
      await sandbox.must(['sh', '-c', 'mkdir -p /run/documents; cat >/run/documents/set.yaml'], { input: text })
      const { code, stderr } = await bulkhead(...verb)
      assert.equal(code, 0, stderr)
    }
    await apply(['up', '/run/documents', '--sandbox'], granted)
    const status = JSON.parse((await bulkhead('status', '--json')).stdout) as { agent: { workloads: { workload: string; ipv4: string }[] } }
    const address = status.agent.workloads.find((w) => w.workload === 'lab/server')?.ipv4 ?? ''
    const reached = async (): Promise<string> => (await bulkhead('exec', 'client', '--', ...dial(address, 7000))).stdout.trim()
    await eventually(async () => assert.equal(await reached(), 'open'))
    await bulkhead('exec', 'client', '--', 'sh', '-c', 'cat /dev/zero >/data/full')
    assert.match((await sandbox.run(['df', '--output=avail', '/mnt'])).stdout, /\n\s*0\n/)
    await apply(['apply', '/run/documents'], revoked)
    assert.equal(await reached(), 'ECONNREFUSED')
    const applied = JSON.parse(await sandbox.must(['cat', '/mnt/state/default/applied.json'])) as { files: { text: string }[] }
    assert.equal(applied.files[0]?.text, revoked, 'the next agent knows it too')
    await bulkhead('exec', 'client', '--', 'rm', '/data/full')
    assert.equal((await bulkhead('down')).code, 0)
  } finally {
    await sandbox.close()
  }
})
