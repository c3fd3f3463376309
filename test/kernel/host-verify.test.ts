/** Verification leaves everything as it was. That it finds what is wrong is tried by `fault-verify.test.ts`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lab, policy, withInstance } from './lib/instance.ts'

test('verification disturbs no real workload, marks its probes, and leaves no interface', async () => {
  await withInstance(async (i) => {
    const listener = `require('net').createServer(s=>{console.log('touched');s.end()}).listen(7000,'::')`
    await i.up(lab({ client: {}, server: { script: listener, ports: '[7000]' } }, policy('client', 'server', 7000)))
    const evidence = await i.verify()
    assert.equal(evidence.good, true, JSON.stringify([evidence.mismatches, evidence.deviations, evidence.reading]))
    assert.match(evidence.documents.sha256, /^[0-9a-f]{64}$/)
    assert.match(evidence.table ?? '', /^[0-9a-f]{64}$/)
    const logs = await i.bulkhead('logs', 'server')
    assert.doesNotMatch(logs.stdout, /touched/)
    assert.equal((await i.bulkhead('flows', '--denied')).stdout, '', 'no refusal of a probe among the refusals of workloads')
    const probes = await i.bulkhead('flows', '--denied', '--probes')
    assert.match(probes.stdout, /lab\/server/)
    const links = await i.router('ip', '-o', 'link', 'show')
    assert.doesNotMatch(links.stdout, /bhp/)
    const status = await i.status()
    assert.deepEqual(status.drift, [], 'the agent takes the shadows for no drift')
  })
})
