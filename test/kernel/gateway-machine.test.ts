import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { run, start } from '../../src/base/process.ts'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { echo, eventually, lab, withInstance } from './lib/instance.ts'
import { openMachine } from './lib/machine.ts'
import { outsideWorld } from './lib/outside-world.ts'

const skip = findEnvoy() === undefined ? 'no envoy' : process.getuid?.() !== 0 ? 'needs root: a machine is set up by root alone' : false

const server = '203.0.113.5'
const documents = lab(
  { client: {}, server: { script: echo(7000), ports: '[7000]' } },
  `apiVersion: bulkhead.dev/v1\nkind: Platform\nmetadata: { name: here }\nspec: { trustDomain: here.example, resolver: { upstream: [${server}] } }`,
  'apiVersion: bulkhead.dev/v1\nkind: External\nmetadata: { name: pypi }\nspec: { domains: [pypi.example.org] }',
  'apiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: { name: out, enclave: lab }\nspec: { source: client, destination: external:pypi, protocol: tcp, port: 443 }',
  'apiVersion: bulkhead.dev/v1\nkind: ServicePolicy\nmetadata: { name: one, enclave: lab }\nspec: { source: client, destination: server, protocol: tcp, port: 7000, encryption: required }',
)

test('on a machine gateways and resolver run as users of their own, carry what they should, and leave nothing behind', { skip }, async () => {
  const machine = await openMachine()
  try {
    await withInstance(async (i) => {
      const world = await outsideWorld(join(i.directory, '..'), { 'pypi.example.org': [server] }, server)
      const outside = start(machine.outside(['sh', '-c', world.command]) ?? [], { stdio: 'ignore' })
      try {
        const report = await i.up(documents)
        assert.deepEqual([report.applied, report.failed, report.refused], [true, [], []], (await run(machine.enter(['sh', '-c', `tail -n 5 ${i.state}/default/log/gateway-*.log ${i.state}/default/log/resolver.log`]))).stdout)
        await eventually(async () => {
          const { stdout } = await i.exec('client', 'curl', '--silent', '--insecure', '--max-time', '30', 'https://pypi.example.org/x')
          assert.match(stdout, /^GET pypi\.example\.org\/x as pypi\.example\.org/)
        }, 90_000)
        const said = await i.exec('client', 'node', '-e', 'const s=require("net").connect(7000,"server");s.write("hello");s.on("data",d=>{console.log(String(d));process.exit()});s.on("error",e=>{console.log(e.code);process.exit()})')
        assert.equal(said.stdout, 'hello\n')
        assert.match((await i.exec('client', 'sh', '-c', 'head -c 10 /run/bulkhead/svid/svid_key.pem')).stdout, /^-----BEGIN/, 'its own key is its own to read')
        const owners = await run(machine.enter(['sh', '-c', `for n in gateway-out gateway-in resolver; do for p in $(ip netns pids ${i.prefix}$n); do stat -c %u /proc/$p; done; done | sort -u`]))
        assert.deepEqual(owners.stdout.trim().split('\n').filter((uid) => Number(uid) < 1_900_000_000), [])
        assert.equal(owners.stdout.trim().split('\n').length, 3, 'each has one of its own')
      } finally {
        outside.kill('SIGKILL')
      }
      assert.equal((await i.bulkhead('down')).code, 0)
      const left = await run(machine.enter(['sh', '-c', 'ip netns; ip -o link; nft list tables; ps -e -o args']))
      assert.doesNotMatch(left.stdout, /gateway-|resolver-main|bhg-|bhu-|envoy --config|bulkhead-(?!test)/)
    }, machine)
  } finally {
    await machine.end()
  }
})
