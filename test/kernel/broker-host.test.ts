/** A broker as a workload of a real instance: the agent keeps it to what the documents permit. */
import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { withoutServer } from './lib/broker.ts'
import { eventually, withInstance } from './lib/instance.ts'
import { openMachine } from './lib/machine.ts'
import type { TestInstance } from './lib/instance.ts'

const skip = withoutServer()
const library = join(import.meta.dirname, 'lib/nats-client.ts')

function documents(policies: readonly string[], broker = 'broker: nats, ports: [{ name: nats, port: 4222 }], run: { command: [nats-server, -c, /run/bulkhead/svid/nats.conf] }'): string {
  const document = (kind: string, metadata: string, spec: string): string => `apiVersion: bulkhead.dev/v1\nkind: ${kind}\nmetadata: { ${metadata} }\nspec: ${spec}\n`
  const client = `{ run: { command: [sleep, '3600'], mounts: [{ from: '${library}', to: /app/nats-client.ts }] } }`
  return [
    document('Enclave', 'name: e', '{}'), document('Workload', 'name: bus, enclave: e', `{ ${broker} }`),
    ...['a', 'b', 'c'].map((name) => document('Workload', `name: ${name}, enclave: e`, client)),
    ...policies.map((policy) => `policy: { destination: bus, ${policy} }\n`),
  ].join('---\n')
}

const prelude = `
import { readFileSync } from 'node:fs'
import { connect } from '/app/nats-client.ts'
const file = (name) => readFileSync('/run/bulkhead/svid/' + name, 'utf8')
const client = await connect(4222, { ca: file('bundle.pem'), cert: file('svid.pem'), key: file('svid_key.pem') }, 'bus').catch((error) => (console.log('no: ' + (error.code ?? error.message)), process.exit()))
`

async function as(i: TestInstance, who: string, script: string): Promise<string> {
  const { stdout, stderr } = await i.exec(who, 'node', '--input-type=module', '-e', prelude + script)
  return `${stdout}${stderr}`.trim()
}

const publish = "await client.publish('news.today', 'x'); console.log(client.errors.join() || 'published'); process.exit()"

test('a broker of the host permits what the documents permit, follows each change, and is ended when it does not', { skip }, async () => {
  await withInstance(async (i) => {
    const report = await i.up(documents(['source: a, protocol: nats, publish: news.>', 'source: b, protocol: nats, subscribe: news.today', 'source: c, protocol: tcp, port: nats']))
    assert.deepEqual([report.applied, report.failed, report.refused], [true, [], []])
    assert.equal((await i.status()).enforced, true)
    const listener = i.spawn('b', 'node', '--input-type=module', '-e', `${prelude}
await client.subscribe('news.today')
console.log('listening')
client.ended.then(() => (console.log('ended'), process.exit()))
setInterval(() => client.messages.splice(0).forEach((message) => console.log(message.text)), 20)`)
    let heard = ''
    listener.stdout?.on('data', (text: Buffer) => void (heard += text.toString()))
    try {
      await eventually(async () => assert.equal(heard, 'listening\n'), 60_000)
      assert.equal(await as(i, 'a', publish), 'published')
      await eventually(async () => assert.equal(heard, 'listening\nx\n'), 60_000)
      // A way to the port alone is none to any subject.
      assert.match(await as(i, 'c', publish), /^no: .*Authorization Violation/)
      const began = performance.now()
      await i.apply(documents(['source: a, protocol: nats, publish: news.later', 'source: c, protocol: tcp, port: nats']))
      await eventually(async () => assert.equal(heard, 'listening\nx\nended\n'), 60_000)
      const took = performance.now() - began
      assert.match(await as(i, 'a', publish), /Permissions Violation for Publish to "news.today"/)
      assert.ok(took < 60_000, `${took} ms with the command around it`)
    } finally {
      listener.kill('SIGKILL')
    }
    const readings = async (): Promise<readonly [boolean, string]> => {
      const { good, gateways } = await i.verify()
      const [reading] = gateways.filter((g) => g.gateway === 'broker e/bus')
      assert.ok((reading?.compared ?? 0) > 50)
      return [good, reading?.differences.join('\n') ?? '']
    }
    assert.deepEqual(await readings(), [true, ''])
    const file = join(i.state, 'default/identity/svid/e/bus/nats.conf')
    const before = readFileSync(file, 'utf8')
    writeFileSync(file, before.replace('"news.later"', '"news.>"').replace(/^(reconnect_error_reports: ).*$/m, '$17'))
    const [good, differences] = await readings()
    assert.equal(good, false)
    assert.match(differences, /another configuration is in force/)
    assert.match(differences, /e\/a may publish `news\.later\.more`, should not/)
    writeFileSync(file, before)

    // One that runs with a configuration of its own is not left running.
    const own = await i.apply(documents(['source: a, protocol: nats, publish: x'], "broker: nats, ports: [{ name: nats, port: 4222 }], run: { command: [sh, -c, 'echo port: 4222 > own.conf; exec nats-server -c own.conf'] }"))
    assert.deepEqual(own.failed.map(({ place }) => place), ['e/bus#0'])
    assert.equal((await i.status()).enforced, false)
  })
})

test('messages to a broker that is not started here are refused by name, and its port stays closed', { skip }, async () => {
  await withInstance(async (i) => {
    const report = await i.up(documents(['source: a, protocol: nats, publish: x'], 'broker: nats, ports: [{ name: nats, port: 4222 }]'))
    assert.deepEqual(report.refused.map(({ engine, code, documents: [document] }) => [engine, code, document?.split(' (')[0]]), [['nftables', 'broker', 'ServicePolicy e/a-to-bus-nats-x']])
    assert.deepEqual((await i.status()).refused.map(({ code }) => code), ['broker'])
  })
})

test('on a machine a broker runs as a user of its own, who alone reads its configuration', { skip: skip !== false ? skip : process.getuid?.() !== 0 ? 'needs root: a machine is set up by root alone' : false }, async () => {
  const machine = await openMachine()
  try {
    await withInstance(async (i) => {
      const report = await i.up(documents(['source: a, protocol: nats, publish: news.>']))
      assert.deepEqual([report.applied, report.failed, report.refused], [true, [], []])
      assert.equal(await as(i, 'a', publish), 'published')
      assert.match(await as(i, 'b', publish), /^no: /)
      const file = statSync(join(i.state, 'default/identity/svid/e/bus/nats.conf'))
      assert.deepEqual([file.mode & 0o777, file.uid >= 1_900_000_000], [0o600, true])
      await i.apply(documents(['source: b, protocol: nats, publish: news.>']))
      assert.equal(await as(i, 'b', publish), 'published')
      assert.match(await as(i, 'a', publish), /^no: /)
      assert.equal((await i.status()).enforced, true)
    }, machine)
  } finally {
    await machine.end()
  }
})
