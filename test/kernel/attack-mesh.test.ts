/** Who widens what goes encrypted behind the agent's back is found by `bulkhead verify`, in what Envoy has in force. */
import assert from 'node:assert/strict'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { echo, encrypted, eventually, lab, policy, withInstance } from './lib/instance.ts'

const skip = findEnvoy() === undefined ? 'no envoy' : false
const set = lab(
  { client: {}, other: {}, server: { script: echo(7000), ports: '[7000]' } },
  encrypted('sealed', 'client', 'server', 7000),
)

/** Each a change of one file of a gateway, and what verification says of it. */
const attacks: Readonly<Record<string, readonly ['inbound' | 'outbound', 'lds' | 'cds', (text: string) => string, RegExp]>> = {
  'any identity of the platform let in': ['inbound', 'lds', (text) => text.replaceAll('"exact":"spiffe://bulkhead.internal/enclave/lab/workload/client"', '"prefix":"spiffe://bulkhead.internal/enclave/lab/workload/"'), /is let in/],
  'another caller let in': ['inbound', 'lds', (text) => text.replaceAll('"exact":"spiffe://bulkhead.internal/enclave/lab/workload/client"', '"exact":"spiffe://bulkhead.internal/enclave/lab/workload/other"'), /lab\/other -> lab\/server port 7000: is let in, should be closed/],
  'nobody\'s name asked of the server': ['outbound', 'cds', (text) => text.replaceAll('"exact":"spiffe://bulkhead.internal/enclave/lab/workload/server"', '"prefix":"spiffe://"'), /takes whatever begins with `spiffe:\/\/`/],
}

test('a chain or cluster that was widened behind the agent\'s back is found in what is in force', { skip }, async () => {
  await withInstance(async (i) => {
    assert.equal((await i.up(set)).applied, true)
    assert.equal((await i.verify()).good, true)
    for (const [attack, [gateway, file, change, found]] of Object.entries(attacks)) {
      const path = join(i.state, 'default/gateways', gateway, `${file}.json`)
      const before = readFileSync(path, 'utf8')
      const replace = (text: string): void => {
        writeFileSync(`${path}.other`, text)
        renameSync(`${path}.other`, path)
      }
      const after = change(before).replace('"version_info":"', '"version_info":"x')
      assert.notEqual(change(before), before, attack)
      replace(after)
      await eventually(async () => {
        const { good, gateways } = await i.verify()
        assert.equal(good, false, attack)
        assert.match(gateways.filter((g) => g.what === 'in force').flatMap((g) => g.differences).join('\n'), found, attack)
      }, 30_000)
      replace(before)
      await eventually(async () => assert.equal((await i.verify()).good, true, attack), 30_000)
    }
  })
})

/** Says something from a port of its own choice, and prints the answer. */
const speakFrom = (localPort: number, family: 4 | 6, host: string, port: number): readonly string[] => [
  'node', '-e',
  `const s=require('net').connect({port:${port},host:'${host}',family:${family},localPort:${localPort}});s.on('connect',()=>s.write('heard'));s.on('data',d=>{console.log(String(d));s.resetAndDestroy()});s.on('error',e=>console.log(e.code));setTimeout(()=>process.exit(),10000).unref()`,
]

test('an answer to a port that is led for its sender goes back straight', { skip }, async () => {
  const workloads = { client: { ports: '[40007]' }, server: { script: echo(7001), ports: '[7001]' } }
  await withInstance(async (i) => {
    assert.equal((await i.up(lab(workloads, policy('client', 'server', 7001), encrypted('back', 'server', 'client', 40007)))).applied, true)
    for (const family of [4, 6] as const) {
      await eventually(async () => assert.equal((await i.exec('client', ...speakFrom(40007, family, 'server', 7001))).stdout, 'heard\n', `IPv${family}`))
    }
  })
})
