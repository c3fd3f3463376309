import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everything, inventoryOf } from '../../engines/envoy/testing.ts'
import { parseAddress } from '../../net/address.ts'
import { judgeGateways } from './gateway-judge.ts'
import { planGateways } from './gateway-plan.ts'
import type { GatewayPlan } from './gateway-plan.ts'
import type { GatewayTrial } from './gateway-trial.ts'
import type { ProbeResult } from './probe.ts'
import type { Shadow } from './plan.ts'
import type { WorkloadId } from '../../model/platform.ts'

const platform = everything()
const shadows = [...platform.workloads.values()].map(({ id, phase }, n): Shadow => {
  const [ipv4, ipv6] = [parseAddress(`10.128.1.${n + 1}`), parseAddress(`fdbb:1::1:${n + 1}`)]
  assert.ok(ipv4 !== undefined && ipv6 !== undefined)
  return { workload: id, phase, label: `${id}@${phase}`, ipv4, ipv6 }
})
const options = { now: 0, firstId: 100, outside: true, nameServer: '10.128.0.5', outbound: true, inbound: true, placesOf: (workload: WorkloadId) => [`place of ${workload}`] }
const plan = planGateways(platform, shadows, options)
const [api = 'a/api@running'] = shadows.map(({ label }) => label)
const of = (from: string, { trials }: GatewayPlan = plan): readonly string[] => trials.filter((t) => t.from.startsWith(from)).map((t) => `${t.expect} ${t.what}`)

test('every identity asks for the names that it is told and for some that it is not', () => {
  assert.ok(of(api).includes('allow db.a.internal'))
  assert.ok(of(api).includes('deny model.b.internal'))
  assert.ok(of(api).includes('allow pypi.org'))
  for (const name of ['not-pypi.org', 'mirror.example.org', 'pypi.org.example', 'nobody.bulkhead.invalid']) assert.ok(of(api).includes(`deny ${name}`), name)
})

test('a server that a name opens is greeted, and beside it another name and another port', () => {
  for (const what of ['allow TLS with pypi.org:443', 'deny TLS with not-pypi.org:443 at an address of pypi.org', 'deny TLS with pypi.org:31337 at an address of pypi.org']) assert.ok(of(api).includes(what), what)
  assert.ok(!of(api).some((what) => what.includes('pythonhosted')), 'a pattern names nobody')
  assert.ok(!of('a/web').some((what) => what.includes('TLS with mirror')), 'requests in the clear are not made at others\' servers')
})

test('from outside, what would reach a workload ends with the handshake, and the rest is asked for without a token', () => {
  const { requests } = plan.tasks.get('outside') ?? { requests: [] }
  const expected = new Map(plan.trials.map((t) => [t.id, t]))
  assert.ok(requests.length > 20 && requests.length <= 150)
  for (const { id, request } of requests) assert.equal(request === undefined ? 'allow' : 'deny', expected.get(id)?.expect)
  assert.ok(of('outside').some((what) => what.startsWith('deny GET portal.example.org/api/any')))
  assert.ok(of('outside').includes('allow TLS with open.example.org at port 9443'))
})

test('without gateways nothing is planned, and without an outside nothing from there', () => {
  assert.equal(planGateways(platform, shadows, { ...options, nameServer: undefined, outbound: false, inbound: false }).trials.length, 0)
  assert.deepEqual(of('outside', planGateways(platform, shadows, { ...options, outside: false })), [])
})

test('at the door of other gateways the one destination is asked for, by nobody who may come in', () => {
  const credential = { chain: 'chain', key: 'key' }
  const doors = {
    inventory: inventoryOf(platform), from: 'outbound gateway', address: '10.128.0.4', port: 15_443, bundle: 'bundle',
    forged: () => credential, issued: (workload: WorkloadId) => (workload === 'a/db' ? undefined : credential),
  }
  const { tasks, trials } = planGateways(platform, [], { ...options, doors })
  const said = trials.filter(({ kind }) => kind === 'door').map(({ expect, what }) => `${expect} ${what}`)
  const caller = 'spiffe://bulkhead.internal/enclave/a/workload/api'
  const way = 'a/db port 5432 through the inbound gateway'
  for (const what of [`allow the certificate of ${way}`, `deny ${way}, without a certificate`, `deny ${way}, as \`${caller}\`, self-signed`, `deny ${way}, as \`${caller}\`, by a foreign authority`, `deny ${way}, as a/web`, `deny ${way}, asked for at port 31337`]) assert.ok(said.includes(what), what)
  assert.ok(said.includes(`deny ${way}, as \`spiffe://north.example/enclave/lab/workload/any\`, self-signed`), 'who comes from a Peer, too')
  assert.ok(!said.includes(`deny ${way}, as a/api`), 'nobody who may')
  const { doors: probes = [] } = tasks.get('outbound gateway') ?? {}
  assert.equal(probes.length, said.length)
  assert.ok(probes.filter(({ greeting }) => greeting).every(({ shows }) => shows === undefined), 'who asks for a certificate shows none')
})

const trial = (kind: GatewayTrial['kind'], expect: 'allow' | 'deny', more: Partial<GatewayTrial> = {}): GatewayTrial => ({ id: 1, from: 'x', what: 'y', kind, expect, addresses: [], statuses: [], ...more })
const verdictOf = (one: GatewayTrial, result: Omit<ProbeResult, 'id'> | undefined): string => {
  const { open, closed, mismatches, notTried } = judgeGateways([one], new Map(result === undefined ? [] : [[1, { id: 1, ...result }]]))
  assert.equal(open + closed + mismatches.length + notTried.length, 1)
  return open === 1 ? 'open' : closed === 1 ? 'closed' : mismatches.length === 1 ? 'mismatch' : 'not tried'
}

const judged: readonly (readonly [GatewayTrial, Omit<ProbeResult, 'id'> | undefined, string])[] = [
  [trial('name inside', 'allow', { addresses: ['10.0.0.1'] }), { outcome: 'open', detail: '10.0.0.1' }, 'open'],
  [trial('name inside', 'allow', { addresses: ['10.0.0.1'] }), { outcome: 'open', detail: '10.0.0.2' }, 'mismatch'],
  [trial('name inside', 'deny'), { outcome: 'open', detail: '10.0.0.1' }, 'mismatch'],
  [trial('name inside', 'deny'), { outcome: 'refused', detail: 'REFUSED' }, 'closed'],
  [trial('name outside', 'deny'), { outcome: 'other', detail: 'NXDOMAIN' }, 'mismatch'],
  [trial('name outside', 'allow'), { outcome: 'other', detail: 'SERVFAIL' }, 'not tried'],
  [trial('name outside', 'allow'), { outcome: 'refused', detail: 'REFUSED' }, 'mismatch'],
  [trial('name outside', 'allow'), { outcome: 'silent', detail: '' }, 'mismatch'],
  [trial('server', 'allow'), { outcome: 'other', detail: 'nobody answers' }, 'not tried'],
  [trial('server', 'deny'), { outcome: 'open', detail: '' }, 'mismatch'],
  [trial('server', 'deny'), { outcome: 'other', detail: 'no address' }, 'not tried'],
  [trial('handshake', 'allow'), { outcome: 'refused', detail: 'ECONNRESET' }, 'mismatch'],
  [trial('request', 'deny', { statuses: ['401'] }), { outcome: 'open', detail: '401' }, 'closed'],
  [trial('request', 'deny', { statuses: ['401'] }), { outcome: 'open', detail: '200' }, 'mismatch'],
  [trial('request', 'deny', { statuses: ['401'] }), { outcome: 'silent', detail: '' }, 'closed'],
  [trial('request', 'deny'), undefined, 'mismatch'],
  [trial('door', 'allow', { addresses: ['spiffe://a/b'] }), { outcome: 'open', detail: 'spiffe://a/b' }, 'open'],
  [trial('door', 'allow', { addresses: ['spiffe://a/b'] }), { outcome: 'open', detail: 'spiffe://a/c' }, 'mismatch'],
  [trial('door', 'allow', { addresses: ['spiffe://a/b'] }), { outcome: 'refused', detail: 'closed' }, 'mismatch'],
  [trial('door', 'deny'), { outcome: 'refused', detail: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' }, 'closed'],
  [trial('door', 'deny'), { outcome: 'open', detail: 'was not turned away' }, 'mismatch'],
  [trial('door', 'deny'), { outcome: 'silent', detail: '' }, 'mismatch'],
]

test('only what was seen is taken for proven', () => {
  for (const [one, result, wanted] of judged) assert.equal(verdictOf(one, result), wanted, JSON.stringify([one, result]))
})
