import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatFlowEnd } from '../intent/format.ts'
import { external, place, platformOf, workload } from '../model/testing.ts'
import { readEnd, readTraffic } from './ends.ts'

const platform = platformOf({
  workloads: [workload('a/api'), workload('a/postgres-db'), workload('b/api')],
  externals: [external('pypi', ['pypi.org'])],
  peers: new Map([
    ['lab', { kind: 'Peer', name: 'lab', trustDomain: 'lab.example', bundleEndpoint: { url: 'https://lab.example', profile: 'https_web' }, gateway: { host: 'lab.example', port: 443 }, at: place() }],
  ]),
})

const accepted: readonly (readonly [text: string, kind: string, meaning: string])[] = [
  ['a/api', 'workload', 'a/api'],
  ['postgres-db', 'workload', 'a/postgres-db'],
  ['spiffe://bulkhead.internal/enclave/b/workload/api', 'workload', 'b/api'],
  ['external:pypi', 'external', 'external:pypi'],
  ['peer:lab/q/r', 'peer', 'peer:lab/q/r'],
  ['203.0.113.9', 'address', '203.0.113.9'],
  ['2001:db8::9', 'address', '2001:db8::9'],
  ['files.pythonhosted.org', 'name', 'files.pythonhosted.org'],
]

for (const [text, kind, meaning] of accepted) {
  test(`\`${text}\` is read as the ${kind} ${meaning}`, () => {
    const read = readEnd(platform, text)
    assert.ok(read.ok)
    assert.deepEqual([read.value.kind, formatFlowEnd(read.value)], [kind, meaning])
  })
}

const refused: readonly (readonly [text: string, message: string, help: string | undefined])[] = [
  ['api', '`api` is the name of 2 workloads', 'write one of `a/api`, `b/api`'],
  ['a/apo', 'no workload is called `a/apo`', 'did you mean `a/api`?'],
  ['postgres', '`postgres` is not a workload, an address or a domain name', 'did you mean `postgres-db`?'],
  ['external:pypii', 'no External is called `pypii`', 'did you mean `pypi`?'],
  ['peer:lob/q/r', 'no Peer is called `lob`', 'did you mean `lab`?'],
  ['peer:lab', '`peer:lab` is not `peer:NAME/enclave/workload`', undefined],
  ['spiffe://elsewhere/enclave/a/workload/api', '`spiffe://elsewhere/enclave/a/workload/api` is no identity of this platform', 'they look like spiffe://bulkhead.internal/enclave/ENCLAVE/workload/WORKLOAD'],
  ['a\u001b[31m', '`a\\u{1b}[31m` is not a workload, an address or a domain name', undefined],
]

for (const [text, message, help] of refused) {
  test(`${JSON.stringify(text)} is refused, with what was probably meant`, () => {
    const read = readEnd(platform, text)
    assert.ok(!read.ok)
    assert.deepEqual([read.message, read.help], [message, help])
  })
}

for (const [text, protocol, port] of [['5432/tcp', 'tcp', 5432], ['53/UDP', 'udp', 53], ['sctp/7', 'sctp', 7], ['443', 'tcp', 443], ['icmp', 'icmp', undefined]] as const) {
  test(`\`${text}\` is read as ${protocol} ${port ?? 'without a port'}`, () => {
    assert.deepEqual(readTraffic(text), { ok: true, value: { protocol, port } })
  })
}

for (const text of ['0/tcp', '65536/tcp', '80/http', 'http', '80/tcp/x', '', '/', '8/icmp', '-1', '80-90/tcp']) {
  test(`\`${text}\` is no traffic to ask about`, () => {
    assert.equal(readTraffic(text).ok, false)
  })
}
