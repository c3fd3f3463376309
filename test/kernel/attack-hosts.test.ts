/** Several hosts, each with namespaces of its own: a workload that moves between two of one platform, and two stacks with the same addresses. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dial, echo, eventually, idle, lab, policy, withInstance } from './lib/instance.ts'
import type { TestInstance } from './lib/instance.ts'

const document = (kind: string, name: string, spec: string): string => `apiVersion: bulkhead.dev/v1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec: ${spec}`

async function withTwo(work: (one: TestInstance, other: TestInstance) => Promise<void>): Promise<void> {
  await withInstance((one) => withInstance((other) => work(one, other)))
}

async function opens(i: TestInstance, workload: string, host: string, port: number): Promise<string> {
  return (await i.exec(workload, ...dial(host, port, 10_000))).stdout.trim()
}

/** `client` and `stranger` on both hosts, `db` on the one of these. */
function pool(home: 'rack-1' | 'rack-2', drained = false): string {
  const hosts = (['rack-1', 'rack-2'] as const).map((name) => document('Host', name, `{ segment: pool, instanceType: ${'standard-8'}, drain: ${drained && name !== home}, workloads: [${
    drained && name !== home ? '' : `lab/client, lab/stranger${name === home ? ', lab/db' : ''}`}] }`))
  const both = (name: string): string => `  replicas: ${drained ? 1 : 2}\n  segment: pool\n${name}`
  return lab(
    { client: { extra: both('') }, stranger: { extra: both('') }, db: { script: echo(5432), ports: '[5432]', extra: '  segment: pool\n' } },
    document('IsolationSegment', 'pool', '{ instances: 2, instanceType: standard-8 }'), ...hosts, policy('client', 'db', 5432),
  )
}

test('a workload that moves to another host keeps its identity and its policies, and nothing opens on the way', async () => {
  await withTwo(async (one, two) => {
    for (const [i, name] of [[one, 'rack-1'], [two, 'rack-2']] as const) {
      const report = await i.up(pool('rack-1'), '--host', name)
      assert.deepEqual([report.applied, report.failed, report.refused], [true, [], []])
    }
    const here = async (i: TestInstance): Promise<readonly string[]> => (await i.status()).workloads.map((w) => w.workload).sort()
    const identity = async (i: TestInstance): Promise<readonly string[]> =>
      [(await i.exec('db', 'sh', '-c', 'echo $BULKHEAD_SPIFFE_ID')).stdout.trim(), (await i.exec('db', 'sh', '-c', 'ls /run/bulkhead/svid')).stdout]
    assert.deepEqual([await here(one), await here(two)], [['lab/client', 'lab/db', 'lab/stranger'], ['lab/client', 'lab/stranger']])
    await eventually(async () => assert.equal(await opens(one, 'client', 'db', 5432), 'open'))
    assert.equal(await opens(one, 'stranger', (await one.status()).workloads.find((w) => w.workload === 'lab/db')?.ipv4 ?? '', 5432), 'ECONNREFUSED')
    const before = await identity(one)

    // Stopped on the one, which is then a host without it; started on the other.
    const left = await one.apply(pool('rack-2'))
    assert.deepEqual([left.applied, left.failed, await here(one)], [true, [], ['lab/client', 'lab/stranger']])
    for (const i of [one, two]) assert.notEqual(await opens(i, 'client', 'db', 5432), 'open', 'it is nowhere now')
    const come = await two.apply(pool('rack-2'))
    assert.deepEqual([come.applied, come.failed, await here(two)], [true, [], ['lab/client', 'lab/db', 'lab/stranger']])
    const address = (await two.status()).workloads.find((w) => w.workload === 'lab/db')?.ipv4 ?? ''
    await eventually(async () => assert.equal(await opens(two, 'client', 'db', 5432), 'open'))
    for (const port of [5432, 5433]) assert.equal(await opens(two, 'stranger', address, port), 'ECONNREFUSED')
    assert.equal(await opens(two, 'client', address, 5433), 'ECONNREFUSED')
    assert.deepEqual(await identity(two), before)
    assert.match(before[0] ?? '', /^spiffe:\/\/[^/]+\/enclave\/lab\/workload\/db$/)

    // A host that is drained keeps nothing; whoever is not a Host of the set is not changed at all.
    const empty = await one.apply(pool('rack-2', true))
    assert.deepEqual([empty.applied, await here(one)], [true, []])
    const wrong = await one.bulkhead('up', one.directory, ...one.flags, '--host', 'rack-9')
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /no Host `rack-9` in the documents/)
    for (const i of [one, two]) {
      const evidence = await i.verify()
      assert.equal(evidence.good, true, JSON.stringify([evidence.mismatches, evidence.deviations, evidence.reading]))
    }
  })
})

test('a machine that has not said which host it is attaches nothing, and what is assigned to the wrong host is refused', async () => {
  await withInstance(async (i) => {
    i.write(pool('rack-1'))
    const unsaid = await i.bulkhead('up', i.directory, ...i.flags)
    assert.equal(unsaid.code, 1)
    assert.match(unsaid.stderr, /nobody has said which of them this machine is/)
    i.write(pool('rack-1').replace('{ segment: pool, instanceType: standard-8, drain: false, workloads: [lab/client, lab/stranger, lab/db] }', '{ workloads: [lab/client, lab/stranger, lab/db] }'))
    const misplaced = await i.bulkhead('up', i.directory, ...i.flags, '--host', 'rack-1')
    assert.equal(misplaced.code, 1)
    assert.match(misplaced.stderr, /`lab\/db` is assigned to host `rack-1`, where it does not belong: the host is of no segment and the workload of segment `pool`/)
    assert.equal((await i.bulkhead('status')).code, 1, 'nothing was started')
  })
})

/** One stack of two that have the same networks: the workloads' own, and the services that are peered with it. */
function stack(name: string): string {
  return lab(
    { client: { script: idle }, server: { script: `require('net').createServer(s => s.on('error', () => {}).end('${name}')).listen(7000, '::')`, ports: '[7000]' } },
    document('Platform', 'twins', '{ addresses: [10.77.0.0/24, "fd77::/64"] }'),
    document('Stack', 'red', '{ cidrs: [172.16.0.0/16] }'), document('Stack', 'blue', '{ cidrs: [172.16.0.0/16] }'),
    document('Environment', 'default', `{ stack: ${name} }`),
    document('External', 'store', '{ cidrs: [172.16.5.0/24] }'),
    `apiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: { name: stores, enclave: lab }\nspec: { source: client, destination: external:store, protocol: tcp, port: 80 }`,
    policy('client', 'server', 7000),
  )
}

test('two stacks with the same addresses each reach their own and never the other', async () => {
  await withTwo(async (red, blue) => {
    const outside = (name: string): string => `node -e ${JSON.stringify(`require('net').createServer(s => s.on('error', () => {}).end('${name} store')).listen(80, '::')`)}`
    for (const [i, name] of [[red, 'red'], [blue, 'blue']] as const) await i.up(stack(name), '--outside', outside(name))
    const addressOf = async (i: TestInstance): Promise<string> => (await i.status()).workloads.find((w) => w.workload === 'lab/server')?.ipv4 ?? ''
    const address = await addressOf(red)
    assert.equal(await addressOf(blue), address, 'the very same address')
    const hear = async (i: TestInstance, host: string, port: number): Promise<string> =>
      (await i.exec('client', 'node', '-e', `require('net').connect(${port},'${host}').on('error',e=>console.log(e.code)).on('data',d=>console.log(String(d)))`)).stdout.trim()
    for (const [i, name] of [[red, 'red'], [blue, 'blue']] as const) {
      await eventually(async () => assert.deepEqual([await hear(i, address, 7000), await hear(i, '172.16.5.9', 80)], [name, `${name} store`]), 30_000)
    }
    // With one of them gone, its addresses are nobody's: nothing of the other answers in its place.
    await blue.apply(lab({ client: { script: idle } }, document('Platform', 'twins', '{ addresses: [10.77.0.0/24, "fd77::/64"] }')))
    assert.notEqual(await hear(blue, address, 7000), 'red')
    assert.equal(await hear(red, address, 7000), 'red')
  })
})
