/** Segments with `egress: restricted`, with packets: who is held, who is not, and that no path element opens more. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { dial, echo, lab, openInstance, policy } from './lib/instance.ts'
import type { TestInstance } from './lib/instance.ts'

const document = (kind: string, name: string, spec: string, enclave = ''): string => `apiVersion: bulkhead.dev/v1\nkind: ${kind}\nmetadata: { name: ${name}${enclave === '' ? '' : `, enclave: ${enclave}`} }\nspec: ${spec}`
const sealed = '  segment: sealed\n'

/** The stack has 172.16/16 and, by peering, 172.20.0/24; `runner` and `builder` are on the sealed segment, `free` is not. */
const set = lab(
  { runner: { extra: sealed, script: echo(7000), ports: '[7000]' }, builder: { extra: `${sealed}  phase: staging\n` }, chore: { extra: `${sealed}  phase: task\n` }, free: { script: echo(7000), ports: '[7000]' } },
  document('Stack', 'default', '{ cidrs: [172.16.0.0/16, "fd16::/48"], peeredCidrs: [172.20.0.0/24] }'),
  document('IsolationSegment', 'sealed', '{ instances: 1, instanceType: small, egress: restricted }'),
  document('External', 'world', '{ cidrs: [203.0.113.0/24, "2001:db8::/32"] }'),
  document('External', 'broker', '{ cidrs: [172.16.4.0/24, 172.20.0.128/25, "fd16::/64"] }'),
  document('EgressPolicy', 'builds', '{ source: [runner, builder, chore], destination: external:world, protocol: tcp, port: 80, phases: [staging] }', 'lab'),
  document('EgressPolicy', 'brokered', '{ source: [runner, chore], destination: external:broker, protocol: tcp, port: 80 }', 'lab'),
  document('EgressPolicy', 'free-out', '{ source: free, destination: external:world, protocol: tcp, port: 81 }', 'lab'),
  policy('runner', 'free', 7000), policy('free', 'runner', 7000),
)

let instance: TestInstance
let close: () => Promise<void>

before(async () => {
  ;({ instance, close } = openInstance())
  const server = `for (const p of [80, 81]) require('net').createServer(s => s.on('error', () => {}).end('hello')).listen(p, '::')`
  const report = await instance.up(set, '--outside', `node -e ${JSON.stringify(server)}`)
  assert.deepEqual([report.diagnostics, report.refused, report.failed], [[], [], []])
})
after(() => close())

async function opens(workload: string, address: string, port: number): Promise<string> {
  return (await instance.exec(workload, ...dial(address, port, 10_000))).stdout.trim()
}

test('running workloads and tasks stay inside the stack and its peered networks, staging does not', async () => {
  for (const address of ['172.16.4.9', '172.20.0.200', 'fd16::9']) {
    assert.deepEqual([await opens('runner', address, 80), await opens('chore', address, 80)], ['open', 'open'], address)
  }
  for (const address of ['203.0.113.9', '2001:db8::9']) {
    assert.deepEqual([await opens('runner', address, 80), await opens('chore', address, 80), await opens('builder', address, 80)], ['ECONNREFUSED', 'ECONNREFUSED', 'open'], address)
  }
})

test('traffic between workloads follows ordinary policy, across segments too, and names resolve', async () => {
  assert.deepEqual([await opens('runner', 'free', 7000), await opens('free', 'runner', 7000), await opens('builder', 'runner.lab.internal', 7000)], ['open', 'open', 'ENOTFOUND'])
})

test('live verification tries what is held and what is not, and the table reads back as meant', async () => {
  const evidence = await instance.verify()
  assert.equal(evidence.good, true, JSON.stringify([evidence.mismatches, evidence.deviations, evidence.reading]))
})

test('a path element that should not be there opens nothing for who is held, and does for who is not', async () => {
  const { workloads } = await instance.status()
  await instance.killAgent()
  const nft = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await instance.router('nft', ...words)
    assert.equal(code, 0, stderr)
    return stdout
  }
  const groupOf = async (name: string): Promise<string> => {
    const device = workloads.find((w) => w.workload === `lab/${name}`)?.interface ?? ''
    return (JSON.parse((await instance.router('ip', '-json', '-details', 'link', 'show', 'dev', device)).stdout) as { group: string }[])[0]?.group ?? ''
  }
  const classOf = async (map: string, prefix: string): Promise<string> => new RegExp(`${prefix} : (0x[0-9a-f]+)`).exec(await nft('list', 'map', 'inet', 'bulkhead', map))?.[1] ?? ''
  const [v4, v6] = [await classOf('class4', '203.0.113.0/24'), await classOf('class6', '2001:db8::/32')]
  assert.deepEqual([await opens('free', '203.0.113.9', 80), await opens('runner', '203.0.113.9', 80)], ['ECONNREFUSED', 'ECONNREFUSED'])
  for (const name of ['runner', 'chore', 'free']) {
    const group = await groupOf(name)
    for (const mark of new Set([v4, v6])) await nft('add', 'element', 'inet', 'bulkhead', 'egress-port', `{ ${group} . ${mark} . tcp . 80 : 0x1 }`)
    await nft('add', 'element', 'inet', 'bulkhead', 'port', `{ ${group} . 1 . tcp . 81 : 0x1 }`)
    for (const mark of new Set([v4, v6])) await nft('add', 'element', 'inet', 'bulkhead', 'egress-echo', `{ ${group} . ${mark} : 0x1 }`)
  }
  for (const address of ['203.0.113.9', '2001:db8::9']) {
    for (const port of [80, 81]) {
      assert.deepEqual([await opens('free', address, port), await opens('runner', address, port), await opens('chore', address, port)], ['open', 'ECONNREFUSED', 'ECONNREFUSED'], `${address} ${port}`)
    }
    const echoed = async (name: string): Promise<boolean> => (await instance.router('ip', 'netns', 'exec', `lab.${name}.0`, 'fping', '-c', '1', '-t', '3000', address)).code === 0
    assert.deepEqual([await echoed('free'), await echoed('runner'), await echoed('chore')], [true, false, false], address)
  }
})
